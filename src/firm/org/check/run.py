"""All checks of a task, made one after the other.

One rule: the first that refuses ends it; what passed before stands in the evidence.
"""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from firm.errors import UsageError
from firm.org.artifact import Artifact, Verdict
from firm.org.assignment import Assignment
from firm.org.check.known import check_known, read_check
from firm.org.check.look import Look
from firm.org.check.program import judge
from firm.org.plan import Task
from firm.org.program import find_program, is_program

ALWAYS = {"text": ("not empty",), "json": ("json",), "files": ("files *",), "decision": ("not empty",)}
"""What is looked at first, by the kind of artifact, whatever the plan says."""


def run_checks(
    assignment: Assignment, artifact: Artifact, folder: Path, *, programs: Path | None = None
) -> Verdict:
    """Check what was handed over against what done means.

    Args:
        assignment: Whose task names the checks.
        artifact: As it was handed over.
        folder: The firm's, below which its files lie.
        programs: The folder of a unit, if its own programs check; None: the firm's.

    Raises:
        UsageError: a check is not known, looks into what the task does not need, or its program is not there.
    """
    look = Look(assignment, artifact, folder)
    evidence: list[str] = []
    for check in _checks(assignment.task):
        check_known(check, task=assignment.task)
        if is_program(check):
            verdict = judge(check, find_program(check, programs or folder), assignment, artifact)
        else:
            verdict = _built_in(check, look)
        evidence += verdict.evidence
        if not verdict.accept:
            return msgspec.structs.replace(verdict, evidence=tuple(evidence), digest=look.digest)
    by = ", ".join(assignment.task.done.checks) or ALWAYS[assignment.task.kind][0]
    return Verdict(accept=True, by=by, evidence=tuple(evidence), digest=look.digest)


def _checks(task: Task) -> Iterator[str]:
    """The cheap ones first: those of its kind, its schema, then as the plan has them; none twice."""
    schema = ("schema",) if task.kind == "json" and task.schema is not None else ()
    yield from dict.fromkeys([*ALWAYS[task.kind], *schema, *task.done.checks])


def _built_in(check: str, look: Look) -> Verdict:
    found, args = read_check(check)
    try:
        seen = found.judge(look, *args)
    except KeyError as error:
        raise UsageError(
            f"the check {check!r} looks into {error}, which was not handed in; add it to needs"
        ) from None
    told = f"{check}: {seen.line}"
    reasons = () if seen.good else (seen.line,)
    return Verdict(accept=seen.good, by=check, reasons=reasons, evidence=(told,), digest=look.digest)
