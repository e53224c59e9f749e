"""`firm run "MISSION"`: the organization carries it out, and says as it goes who has done what.

One rule: what cannot be carried out is said before anything is started; what is told on the way is what stands in the
journal.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from firm.cli.command import DONE, FAILED, note
from firm.errors import UsageError

if TYPE_CHECKING:
    from firm.org.artifact import Artifact
    from firm.org.mission import Mission, Outcome, TaskEnd
    from firm.root.config import Config
    from firm.root.firm import Firm
    from firm.root.handle import Run

ModelName = Annotated[
    str | None,
    typer.Option("--model", metavar="NAME", help="For a mission: this model of firm.toml plays every role."),
]
WorkflowName = Annotated[
    str | None,
    typer.Option("--workflow", metavar="NAME", help="For a mission: plan it by workflows/NAME.toml."),
]
PlanBy = Annotated[
    str | None,
    typer.Option(
        "--plan",
        metavar="WHO",
        help="For a mission: 'free' (the chief's model plans), 'template' (the workflow file) or 'auto'.",
    ),
]
SETTLE_S = 3.0
"""How long a mission's lessons may take to be put."""
MAX_USD = 1e9
"""What a mission may be given at most."""
PLANS = ("auto", "template", "free")


def is_mission(target: str) -> bool:
    """Whether a target is meant as a mission in words, and not as file.py:workflow."""
    words = target.strip()
    if words.endswith(".py") or "\0" in words or ".py:" in words or _is_file(words):
        return False
    return any(letter.isspace() or ord(letter) > 0x2E80 for letter in words)


def _is_file(words: str) -> bool:
    try:
        return Path(words).is_file()
    except OSError:  # too long for the name of a file
        return False


def mission_id() -> str:
    """A name for a mission's run."""
    from firm.kernel.ports import SystemIds

    return f"mission-{SystemIds().draw()}"


def mission_of(words: str, firm: "Firm", given: dict[str, Any]) -> "Mission":
    """What is asked for, of the organization in this home.

    Args:
        words: The mission.
        firm: Not open yet.
        given: `model`, `workflow`, `plan` and `budget` as they were typed; None for what was not.

    Raises:
        UsageError: there is no organization here, its files have mistakes, or an option cannot be.
    """
    from firm.org.mission import MAX_TEXT_CHARS, Mission
    from firm.root.config import read_config

    if len(words.strip()) > MAX_TEXT_CHARS:
        raise UsageError(
            f"a mission of {len(words.strip()):,} characters; give 1 to {MAX_TEXT_CHARS:,}, put the rest into a file "
            "of this folder and name it in the mission"
        )
    folder = Path(firm.home.folder)
    if not (folder / "roles").is_dir():
        raise UsageError(
            f'there is no organization in {str(folder)!r}: `firm new my-firm "what it is for"` makes one; to mend a '
            "repository give --repo DIR, to run a workflow file.py:workflow"
        )
    config = read_config(firm.home.config)
    _check(folder, config, given)
    return Mission(
        text=words.strip(),
        workflow=given.get("workflow") or "main",
        plan=given.get("plan") or config.org.plan,
        usd=config.org.usd if given.get("budget") is None else _sum(given["budget"]),
        model=given.get("model") or "",
    )


def _sum(typed: str) -> float:
    try:
        usd = float(typed)
    except ValueError:
        usd = -1.0
    if not 0 <= usd <= MAX_USD:
        raise UsageError(f"--budget {typed!r} is no sum; give US dollars, such as 2.50")
    return usd


def _check(folder: Path, config: "Config", given: dict[str, Any]) -> None:
    import difflib

    from firm.org.roster import check_folder, workflow_names

    bad = [finding for finding in check_folder(folder) if finding.level == "bad"]
    if bad:
        more = f" (and {len(bad) - 1} more: `firm doctor`)" if len(bad) > 1 else ""
        raise UsageError(f"{bad[0].what}: {bad[0].text}{more}")
    for key, known in (
        ("plan", PLANS),
        ("workflow", workflow_names(folder)),
        ("model", (*config.models, "default")),
    ):
        value = given.get(key)
        if value and value not in known:
            near = difflib.get_close_matches(value, list(known), n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known) or 'none'}"
            raise UsageError(f"--{key} {value!r} is not known; {hint}")


class Watch:
    """Tells what happens in a mission, one line each, as it comes to stand in the journal."""

    def __init__(self, firm: "Firm", run: "Run") -> None:
        self._firm, self._run = firm, run
        self._seen: dict[str, bytes] = {}
        self._told: set[tuple[str, int, str]] = set()

    async def __call__(self) -> list[str]:
        """What is new."""
        from firm.cli.text import line
        from firm.kernel.journal import own_key
        from firm.org.record import BOOK, read_plan, read_task

        lines: list[str] = []
        tasks: list[TaskEnd] = []
        for row in await self._firm.rows(BOOK, prefix=own_key(self._run.id)):
            if self._seen.get(row.key) == row.value:
                continue
            self._seen[row.key] = row.value
            name = row.key.removeprefix(own_key(self._run.id))
            if name == "plan":
                planned = read_plan(row.value)
                by = f"by {planned.plan.by}" + (
                    f": {line(planned.plan.why, 160)}" if planned.plan.why else ""
                )
                lines.append(f"plan ({by}): {', '.join(task.id for task in planned.plan.tasks)}")
            elif name.startswith("task."):
                tasks.append(read_task(row.value))
        for task in sorted(tasks, key=lambda one: one.at_us):
            lines += self._of_task(task)
        return lines

    def _of_task(self, task: "TaskEnd") -> list[str]:
        lines = []
        for number, verdict in enumerate(task.verdicts):
            if not verdict.accept and (task.id, number, "") not in self._told:
                self._told.add((task.id, number, ""))
                lines.append(f"↺ {task.id} ({task.role}) sent back by {_said(verdict.by, verdict.reasons)}")
        key = task.id, len(task.verdicts), task.status
        if task.status in ("accepted", "refused", "skipped") and key not in self._told:
            self._told.add(key)
            lines += ending_line(task)
        return lines


def ending_line(task: "TaskEnd") -> list[str]:
    """How a task has ended, in a line; nothing for one that goes on."""
    from firm.cli.text import line

    who = f"{task.role}, {_how(task.artifact)}" if task.artifact is not None else task.role
    if task.status == "accepted" and task.verdicts:
        return [f"✓ {task.id} ({who}), checked by {line(task.verdicts[-1].by, 60)}"]
    if task.status == "skipped":
        return [f"- {task.id} skipped: {task.why}"]
    return [f"✗ {task.id} ({who}): {line(task.why, 160)}"] if task.why else []


def _how(artifact: "Artifact") -> str:
    """Who made it in truth; of a decision that nobody took: its default."""
    data = artifact.data if isinstance(artifact.data, dict) else {}
    return "default" if artifact.how == "person" and data.get("by") == "default" else artifact.how


def _said(by: str, reasons: tuple[str, ...]) -> str:
    from firm.cli.text import line

    return f"{line(by, 40)}: {line('; '.join(reasons), 140)}"


async def settle(firm: "Firm", run_id: str) -> None:
    """Wait for a moment until the lessons of a mission that has ended are put to the founder."""
    import asyncio
    import contextlib

    from firm.kernel.status import TERMINAL

    lessons = firm.run(f"{run_id}-lessons")
    with contextlib.suppress(TimeoutError, UsageError):  # there may be none
        async with asyncio.timeout(SETTLE_S):
            while (await lessons.status()) not in TERMINAL:
                if any(question.run == lessons.id for question in await firm.inbox()):
                    return
                await asyncio.sleep(0.02)


def tell_outcome(outcome: "Outcome", home: Path) -> int:
    """Print what came of a mission as a person reads it; the exit code."""
    from firm.cli.text import plain

    print(plain(f"{outcome.ending}: {' '.join(outcome.mission.split())[:200]}"))
    if outcome.why:
        print(plain(outcome.why))
    accepted = sum(task.status == "accepted" for task in outcome.tasks)
    if outcome.tasks:
        print(f"{accepted} of {len(outcome.tasks)} tasks accepted; {_cost(outcome)}; {_added(outcome)}")
    for one in outcome.artifacts:
        text = " ".join(one.text.split())
        print(plain(f"  {one.name} ({one.how}): {text[:160]}{'…' if len(text) > 160 else ''}"))
    if outcome.report:
        print(plain(f"report: {home / outcome.report}"))
    if outcome.ending in ("refused", "not reached"):
        note(f"`firm show {outcome.run}` tells why")
    return DONE if outcome.ending == "reached" else FAILED


def _cost(outcome: "Outcome") -> str:
    return (
        f"{outcome.spent_usd_micro / 1e6:.4f} USD, {outcome.calls:,} model calls, {outcome.tokens:,} tokens, "
        f"{outcome.took_s:.0f} s"
    )


def _added(outcome: "Outcome") -> str:
    """How many artifacts were made by whom."""
    from collections import Counter

    made = Counter(
        _how(task.artifact)
        for task in outcome.tasks
        if task.status == "accepted" and task.artifact is not None
    )
    return "made by: " + (", ".join(f"{how} {count}" for how, count in sorted(made.items())) or "nobody")
