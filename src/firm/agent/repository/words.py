"""What is said: to the agent at the beginning of a round, in the commit, in the report.

One rule: what an agent or a test printed is quoted as theirs; nothing of it becomes a heading or a command.
"""

import shlex
from typing import TYPE_CHECKING

from firm.agent.repository.order import Attempt, RepositoryReport, Tally

if TYPE_CHECKING:
    from firm.agent.repository.place import Gathered
    from firm.agent.repository.scene import Judged, Scene
    from firm.agent.repository.sources import Sources

FILES_SHOWN = 100
WORDS_CHARS = 2_000
"""Of what an agent said."""
LINE_CHARS = 160


def task_of(mission: str, scene: "Scene", judged: "Judged", sources: "Sources") -> str:
    """What the agent is asked to do, with what the tests say and the files that matter."""
    tally = judged.tally
    more = f"\n… and {len(scene.files) - FILES_SHOWN} more" if len(scene.files) > FILES_SHOWN else ""
    parts = [mission, "Files of the project:\n" + "\n".join(scene.files[:FILES_SHOWN]) + more]
    parts += [f"The tests are run with `{scene.tests.command}`. They say: {tally.words}", judged.text]
    if sources.text:
        parts.append(f"What stands in the files that matter most:\n\n{sources.text}")
    if tally.failing:
        where = (
            f" Which line of {' or '.join(sources.first)} is wrong? Change it with edit_file."
            if sources.first
            else ""
        )
        parts.append(f"Begin with this one: {tally.failing[0]}.{where}")
    return "\n\n".join(part for part in parts if part)


def next_task(task: str, last: Attempt, gathered: "Gathered") -> str:
    """What the agent is asked to do after a no."""
    parts = [task, f"You have worked on this before, and it is not done: {last.refused}"]
    if gathered.files:
        changed = "\n".join(
            f"{one.path} {_lines(one.added, one.removed)}" for one in gathered.files[:FILES_SHOWN]
        )
        parts.append(f"Changed so far, and still so:\n{changed}")
    if last.put_back:
        back = "\n".join(f"{one.path}: {one.why}" for one in last.put_back[:FILES_SHOWN])
        parts.append(f"Put back as it was, because it judges your work:\n{back}")
    if gathered.suspects:
        parts.append("Take these lines out:\n" + "\n".join(gathered.suspects))
    if last.words:
        parts.append(f"You said then:\n{last.words[:WORDS_CHARS]}")
    return "\n\n".join(parts)


def message_of(report: RepositoryReport, run: str) -> str:
    """The message of the commit."""
    title = " ".join(report.mission.split())
    said = "\n\n".join(one.words[:WORDS_CHARS] for one in report.rounds if one.words)
    stand = f"Tests before: {report.before.words}. After: {report.after.words}."
    parts = (
        title[:72],
        title if len(title) > 72 else "",
        _plain(said),
        stand,
        f"Made by an agent in run {run}.",
    )
    return "\n\n".join(part for part in parts if part) + "\n"


def headline(report: RepositoryReport) -> str:
    """How it ended, in one line."""
    word = "reached" if report.reached else "not reached"
    return f"{word}: {report.how} (before: {_count(report.before)}, now: {_count(report.after)})"


def text_of(report: RepositoryReport) -> str:
    """The report as it is printed."""
    lines = [headline(report)]
    lines += [f"  round {number}  {_round(one)}" for number, one in enumerate(report.rounds, 1)]
    lines += [f"  {one.path}  {_lines(one.added, one.removed)}" for one in report.files]
    back = {one.path: one.why for attempt in report.rounds for one in attempt.put_back}
    lines += [f"  put back: {path} ({why})" for path, why in back.items()]
    lines += [f"  note: {note}" for note in report.notes]
    lines.append(f"  {_spent(report)}")
    if report.branch:
        if not report.reached:
            lines.append(f"  what was tried is on branch {report.branch}")
        lines.append(f"  look:   {_look(report)}")
        lines += [f"  merge:  {_merge(report)}"] if report.reached else []
    lines.append(f"  report: {report.file}")
    return "\n".join(lines)


def markdown(report: RepositoryReport) -> str:
    """The report as a page."""
    title = " ".join(report.mission.split())
    parts = [
        f"# {_escaped(title)}",
        f"**{'Reached' if report.reached else 'Not reached'}**: {_escaped(report.how)}.",
        _facts(report),
        *(_round_part(number, one) for number, one in enumerate(report.rounds, 1)),
    ]
    if report.files:
        rows = "\n".join(f"| {_code(one.path)} | {_lines(one.added, one.removed)} |" for one in report.files)
        parts.append(f"## Changed\n\n| file | lines |\n|---|---|\n{rows}")
    if report.printed:
        parts.append("## What the tests printed last\n\n" + _block(report.printed))
    if report.branch:
        parts.append("## Look at it, and take it\n\n" + _block(f"{_look(report)}\n{_merge(report)}"))
    if report.notes:
        parts.append("## Worth knowing\n\n" + "\n".join(f"- {_escaped(note)}" for note in report.notes))
    return "\n\n".join(parts) + "\n"


def _facts(report: RepositoryReport) -> str:
    rows = [
        ("repository", _code(report.repository)),
        ("began from", _code(report.base[:12])),
        ("branch", _code(report.branch) if report.branch else "none: nothing was changed"),
        ("tests", _code(report.command)),
        ("isolation", report.isolation),
        ("before", _escaped(report.before.words)),
        ("after", _escaped(report.after.words)),
        ("spent", _escaped(_spent(report))),
        ("run", _code(report.run)),
    ]
    return "| | |\n|---|---|\n" + "\n".join(f"| {name} | {value} |" for name, value in rows)


def _round_part(number: int, one: Attempt) -> str:
    said = _block(one.words[:WORDS_CHARS]) if one.words else "It said nothing."
    parts = [f"## Round {number}", f"The agent ({_escaped(one.ended)}):", said]
    parts.append(
        f"The tests: {_escaped(one.tests.words)}." + (f" {_escaped(one.refused)}." if one.refused else "")
    )
    if one.tests.failing:
        parts.append("\n".join(f"- {_code(name)}" for name in one.tests.failing))
    if one.put_back:
        parts.append(
            "Put back as it was: "
            + ", ".join(f"{_code(file.path)} ({file.why})" for file in one.put_back)
            + "."
        )
    return "\n\n".join(parts)


def _round(one: Attempt) -> str:
    said = " ".join(one.words.split())
    short = (
        f'"{said[:LINE_CHARS]}{"…" if len(said) > LINE_CHARS else ""}"' if said else one.ended[:LINE_CHARS]
    )
    return f"{one.tests.words}; {short}" + (f" ({one.refused[:LINE_CHARS]})" if one.refused else "")


def _spent(report: RepositoryReport) -> str:
    spent = report.spent
    price = "unpriced" if spent.unpriced and not spent.usd else f"{spent.usd:.4f} USD"
    return f"{spent.calls} calls of models, {spent.tokens:,} tokens, {price}, {report.took_s:,.0f} s"


def _look(report: RepositoryReport) -> str:
    return f"git -C {shlex.quote(report.repository)} diff HEAD...{report.branch}"


def _merge(report: RepositoryReport) -> str:
    return f"git -C {shlex.quote(report.repository)} merge {report.branch}"


def _count(tally: Tally) -> str:
    return f"{tally.passed} of {tally.total} tests pass" if tally.total else tally.words


def _lines(added: int, removed: int) -> str:
    return "binary" if added < 0 else f"+{added} -{removed}"


def _plain(text: str) -> str:
    """Without control characters."""
    return "".join(letter for letter in text if letter.isprintable() or letter in "\n\t")


def _escaped(text: str) -> str:
    """Text that is no Markdown."""
    flat = " ".join(_plain(text).split())
    return "".join(f"\\{letter}" if letter in r"\`*_[]<>#|" else letter for letter in flat)


def _code(text: str) -> str:
    flat = " ".join(_plain(text).split()).replace("|", "\\|")
    return f"`` {flat} ``" if "`" in flat else f"`{flat}`"


def _block(text: str) -> str:
    """Text set apart; no fence in it can end it."""
    return "\n".join(f"    {line}" for line in _plain(text).split("\n"))
