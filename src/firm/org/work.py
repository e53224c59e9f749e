"""One try at a task: who does it, who checks it, and what is written down of both.

One rule: what a maker hands over becomes an artifact only in the step that checks it; the row with the verdict is
written in that step's transaction.
"""

import asyncio
import hashlib
from pathlib import Path
from typing import Any, cast

import msgspec

from firm.errors import UsageError
from firm.ids import digest, slug
from firm.kernel.api import ask
from firm.kernel.context import current_run, current_step
from firm.kernel.definition import StepDef, WorkflowDef, step
from firm.model.scripted import ScriptedModel
from firm.org.artifact import MAX_TEXT_CHARS, Artifact, FileMade, How, Verdict
from firm.org.assignment import Assignment, Made
from firm.org.house import folder, house
from firm.org.member import Opinion, member, review_words, task_words
from firm.org.mission import TaskEnd
from firm.org.program import find_program, is_program
from firm.org.record import task_row
from firm.org.role import FOUNDER, Role
from firm.org.staff import Staff
from firm.org.words import words
from firm.policy.action import UNTRUSTED
from firm.policy.within import within

WORK = "work"
"""Folder of the files that are being made, in the home."""
MAX_FILES = 200
"""Of one artifact."""
MAX_LINES = 40
"""Of a reviewer's reasons, and of what it says it has looked at."""
MAX_LINE_CHARS = 2_000
WORDS = "firm.org.chinese"


class Inspected(msgspec.Struct, frozen=True):
    """What came of a check by programs."""

    artifact: Artifact
    verdict: Verdict


def folder_of(run: str, task: str) -> str:
    """Where a task's files belong, below the home."""
    name = slug(run)
    return f"{WORK}/{name if name == run else name + '-' + digest(run)[:8]}/{task}"


# --- doing -----------------------------------------------------------------------------------------------------


async def perform(role: Role, given: Assignment, unit: str = "") -> Made:
    """Have whoever holds the role do the task.

    Raises:
        FirmError: as the member's run, the program or the question says.
    """
    with within(agent=role.name, unit=unit, goal=given.task.goal, budget=role.budget_usd):
        if role.held_by == "program":
            return await by_program(role.program, given)
        if role.held_by == "person":
            return await by_person(role, given)
        wanted = "json" if given.task.kind == "json" else "text"
        said = await member(task_words(given), given.folder, "", None, role, given.model, wanted)
    model = given.model or role.model
    if wanted == "json":
        return Made(data=said, how="model", model=model)
    return Made(text=said, how="model", model=model)


async def by_program(reference: str, given: Assignment) -> Made:
    """What a program of the firm's folder makes of it."""
    program = find_program(reference, folder())
    if isinstance(getattr(program, "definition", None), WorkflowDef | StepDef):
        made = await program(given)
    else:
        made = await run_program(reference, given)
    return made_of(made, reference)


@step
async def run_program(reference: str, given: Assignment) -> Any:
    """A plain function of the firm's folder; what it gives as builtins."""
    program = find_program(reference, folder())
    if asyncio.iscoroutinefunction(program):
        made = await program(given)
    else:
        made = await asyncio.to_thread(program, given)
    return msgspec.to_builtins(made_of(made, reference))


def made_of(value: object, reference: str) -> Made:
    """What a program gave, in the one form.

    Raises:
        UsageError: it is neither text, nor a mapping, nor `Made`.
    """
    if isinstance(value, Made):
        return value
    if isinstance(value, str):
        return Made(text=value)
    if isinstance(value, dict) and value.keys() <= set(Made.__struct_fields__):
        return msgspec.convert(value, Made)
    if isinstance(value, dict | list):
        return Made(data=value)
    raise UsageError(f"program {reference!r} gave {value!r:.80}; give Made(…), text, a mapping or a list")


async def by_person(role: Role, given: Assignment) -> Made:
    """What a person answers, who holds the role through the inbox."""
    say = words(given.language, WORDS)
    head = say("For {role}, who is held by a person: task {task}.", role=role.name, task=given.task.id)
    answer = await ask(
        f"{head}\n\n{task_words(given, form=False)}", waiting=say("the tasks that need it wait")
    )
    if isinstance(answer, str):
        return Made(text=answer, how="person")
    return Made(data=answer, how="person")


# --- checking --------------------------------------------------------------------------------------------------


@step
async def inspect(given: Assignment, made: Made, role: str, so_far: TaskEnd) -> Inspected:
    """Make an artifact of what was handed over and have programs check it; the task's row is written with it."""
    home, task, info = folder(), given.task, current_step()
    if made.how == "model" and is_rehearsal(made.model):
        made = msgspec.structs.replace(made, how="script")
    mark = made.untrusted or any(one.untrusted for one in given.inputs)
    mark = mark or (info.run is not None and UNTRUSTED in info.run.marks)
    try:
        files = await asyncio.to_thread(files_of, made, given, home) if _has_files(made, given) else ()
    except UsageError as error:
        artifact = _artifact(made, given, role, (), untrusted=mark)
        verdict = Verdict(
            accept=False,
            by="files",
            reasons=(str(error),),
            evidence=("the files that it names",),
            digest=artifact.digest,
        )
    else:
        artifact = _artifact(made, given, role, files, untrusted=mark)
        artifact, verdict = _not_too_long(artifact) or (artifact, await _checked(given, artifact, home))
    status = "refused" if not verdict.accept else "checking" if task.done.reviewer else "accepted"
    write_down(so_far, artifact, verdict, status)
    return Inspected(artifact, verdict)


def is_rehearsal(model: str) -> bool:
    """Whether a script plays this model."""
    find = getattr(getattr(house(), "models", None), "entry", None)
    entry = find(model) if find is not None else None
    return entry is not None and all(isinstance(one, ScriptedModel) for one in entry.models)


def _not_too_long(artifact: Artifact) -> tuple[Artifact, Verdict] | None:
    """What is kept of an artifact that nobody could hand over, and the refusal; None where it is short enough."""
    chars = len(artifact.text)
    if artifact.data is not None:
        chars += len(msgspec.json.encode(artifact.data))
    if chars <= MAX_TEXT_CHARS:
        return None
    why = f"it has {chars:,} characters; at most {MAX_TEXT_CHARS:,}: what is longer belongs into a file"
    kept = msgspec.structs.replace(artifact, text=artifact.text[:MAX_TEXT_CHARS], data=None)
    return kept, Verdict(accept=False, by="length", reasons=(why,), evidence=(f"counted {chars:,}",))


async def _checked(given: Assignment, artifact: Artifact, home: Path) -> Verdict:
    from firm.org.check import run_checks

    if any(is_program(check) for check in given.task.done.checks) or artifact.files:
        return await asyncio.to_thread(run_checks, given, artifact, home)
    return run_checks(given, artifact, home)


def write_down(so_far: TaskEnd, artifact: Artifact, verdict: Verdict, status: str) -> None:
    """Put the task's row into this step's transaction."""
    info = current_step()
    if info.run is not None:
        end = msgspec.structs.replace(
            so_far,
            status=status,
            artifact=artifact,
            verdicts=(*so_far.verdicts, verdict),
            at_us=info.run.loop.now_us,
        )
        info.also(task_row(info.run.id, end))


@step
async def note(end: TaskEnd) -> None:
    """Write the row of a task."""
    info = current_step()
    if info.run is not None:
        info.also(task_row(info.run.id, msgspec.structs.replace(end, at_us=info.run.loop.now_us)))


async def review(reviewer: Role, given: Assignment, artifact: Artifact, seen: Verdict) -> Verdict:
    """What somebody other than the maker says of it."""
    with within(agent=reviewer.name, goal=given.task.goal):
        if reviewer.held_by == "program":
            verdict = await _review_by_program(reviewer, given, artifact)
        elif reviewer.held_by == "person":
            verdict = await _review_by_person(reviewer, given, artifact)
        else:
            asked = review_words(given, artifact, seen.evidence)
            said = await member(asked, given.folder, "", None, reviewer, given.model, "opinion")
            played = artifact.how == "script" and artifact.model == given.model  # by the same, in every role
            verdict = verdict_of(
                msgspec.convert(said, Opinion), reviewer.name, "script" if played else "model"
            )
    return msgspec.structs.replace(verdict, digest=artifact.digest)


async def _review_by_program(reviewer: Role, given: Assignment, artifact: Artifact) -> Verdict:
    return await judge(reviewer.program, reviewer.name, given, artifact)


@step
async def judge(reference: str, name: str, given: Assignment, artifact: Artifact) -> Verdict:
    """What a program of the firm's folder says of an artifact, in the name of the role that it holds."""
    from firm.org.check.program import judge as ask_program

    program = find_program(reference, folder())
    verdict = await asyncio.to_thread(ask_program, reference, program, given, artifact)
    return msgspec.structs.replace(verdict, by=name)


async def _review_by_person(reviewer: Role, given: Assignment, artifact: Artifact) -> Verdict:
    say = words(given.language, WORDS)
    head = say("For {role}, who is held by a person: is this done?", role=reviewer.name)
    accept, no = "accept", "send back"
    told = say(
        "Answer {accept!r}, or {no!r}, or in your own words what is wrong with it.", accept=accept, no=no
    )
    answer = await ask(f"{head}\n{told}\n\n{review_words(given, artifact, (), form=False)}")
    if answer in (accept, "yes", True, "接受"):
        return Verdict(accept=True, by=reviewer.name, how="person", evidence=("a person has looked at it",))
    reason = answer if isinstance(answer, str) and answer != no else "a person has sent it back"
    return Verdict(
        accept=False,
        by=reviewer.name,
        how="person",
        reasons=(reason,),
        evidence=("a person has looked at it",),
    )


def verdict_of(opinion: Opinion, by: str, how: How) -> Verdict:
    """A reviewer's opinion as a verdict; a refusal without a reason is one with the reason that there was none."""
    reasons = tuple([reason.strip() for reason in opinion.reasons if reason.strip()])
    evidence = tuple([line.strip() for line in opinion.evidence if line.strip()])
    return Verdict(
        accept=opinion.accept,
        by=by,
        how=how,
        reasons=() if opinion.accept else _cut(reasons) or (f"{by} has refused it without a reason",),
        evidence=_cut(evidence) or ("–",),
    )


def _cut(lines: tuple[str, ...]) -> tuple[str, ...]:
    """Somebody's lines, as many and as long as are kept."""
    return tuple(
        [line if len(line) <= MAX_LINE_CHARS else line[:MAX_LINE_CHARS] + "…" for line in lines[:MAX_LINES]]
    )


def reviewer_of(staff: Staff, given: Assignment, maker: str) -> Role | None:
    """Who reviews a task's result; None: nobody but programs."""
    name = given.task.done.reviewer
    if not name:
        return None
    found = staff.find(name)
    if found is not None and found.name != maker:
        return found
    if staff.chief.name != maker:
        return staff.chief
    return Role(name=FOUNDER, held_by="person")


# --- artifacts -------------------------------------------------------------------------------------------------


def _has_files(made: Made, given: Assignment) -> bool:
    return bool(made.files) or given.task.kind == "files"


def files_of(made: Made, given: Assignment, home: Path) -> tuple[FileMade, ...]:
    """The files of an artifact, with their hashes: those that are named, else all in the task's folder.

    Raises:
        UsageError: one is not there, leads out of the home, or there are too many.
    """
    here = home / given.folder
    if made.files:
        paths = [_place(name, here, home) for name in made.files]
    else:
        paths = sorted(path for path in here.rglob("*") if path.is_file() and not path.is_symlink())
    if len(paths) > MAX_FILES:
        raise UsageError(f"it has {len(paths)} files; at most {MAX_FILES}: pack them into one")
    return tuple([_file(path, home) for path in paths])


def _place(name: str, here: Path, home: Path) -> Path:
    for root in (here, home):
        path = (root / name).resolve()
        if path.is_file() and path.is_relative_to(home) and ".firm" not in path.relative_to(home).parts:
            return path
    raise UsageError(
        f"the file {name!r} is not there, or not in the firm's folder; write it into the task's folder"
    )


def _file(path: Path, home: Path) -> FileMade:
    body = path.read_bytes()
    return FileMade(path.relative_to(home).as_posix(), hashlib.sha256(body).hexdigest(), len(body))


def _artifact(
    made: Made, given: Assignment, role: str, files: tuple[FileMade, ...], *, untrusted: bool
) -> Artifact:
    data, text = made.data, made.text
    if given.task.kind == "json" and data is None and text:
        try:
            data, text = msgspec.json.decode(text), ""
        except msgspec.DecodeError:
            pass  # the check of the kind says so
    return Artifact(
        name=given.task.makes,
        text=text,
        data=data,
        files=files,
        maker=role,
        how=cast("How", made.how),
        model=made.model,
        task=given.task.id,
        untrusted=untrusted,
    )


def here() -> str:
    """Id of this run."""
    return current_run().id
