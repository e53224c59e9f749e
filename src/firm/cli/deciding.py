"""`firm inbox`, `answer`, `resume`, `cancel`: what only the founder decides."""

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Annotated, Any

import typer

from firm.cli.command import Command, Home, Json, note, visit
from firm.cli.telling import one_line, whole

if TYPE_CHECKING:
    from firm.root.firm import Firm
    from firm.root.inbox import ReportView
    from firm.root.view import QuestionView

MAX_LINES = 30
"""Reports that the inbox shows."""
RunId = Annotated[str, typer.Argument(metavar="RUN", help="Its id, from `firm ps`.")]


def inbox(
    reports: Annotated[
        bool, typer.Option("--reports", help="Only what you were told, all of it, the newest first.")
    ] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """List what waits for you, the oldest first, and what you were told lately."""
    import asyncio
    from datetime import UTC, datetime

    from firm.cli.text import print_json
    from firm.org.desk.briefing import next_briefing
    from firm.org.desk.urgent import why_now
    from firm.root.inbox import last_look, note_look, since_of

    firm = visit(home)

    async def main() -> tuple[list["QuestionView"], list["ReportView"]]:
        async with firm:
            if reports:
                return [], await firm.reports()
            if as_json:
                return await firm.inbox(), []
            since = since_of(last_look(firm.home), datetime.now(UTC))
            found = await firm.inbox(), await firm.reports(since=since)
            note_look(firm.home)
            return found

    questions, told = asyncio.run(main())
    if as_json:
        print_json(told if reports else questions)
        return
    if reports:
        print("\n\n".join(whole(report) for report in told) or "you were told nothing yet")
        return
    following = next_briefing(firm.config.org.briefing, datetime.now(UTC)) if questions else None
    shown = [describe(question, why_now(question, following)) for question in questions]
    print("\n\n".join(shown) or "nothing waits for you")
    if told:
        _tell_reports(told)


def _tell_reports(told: list["ReportView"]) -> None:
    print("\ntold lately (`firm inbox --reports` shows all of it):")
    for report in told[:MAX_LINES]:
        print(f"  {one_line(report)}")
    if len(told) > MAX_LINES:
        print(f"  and {len(told) - MAX_LINES} more")


def describe(question: "QuestionView", why_now: str = "") -> str:
    """A question with all that is needed to answer it.

    Args:
        question: That is open.
        why_now: Why it cannot wait for the next briefing; '': it can.
    """
    from firm.cli.asking import terms, text_lines
    from firm.cli.text import ago, plain, shown

    kind = "" if question.kind == "ask" else f", {question.kind}"
    whose = f"run {plain(question.run)}" if question.run else "the firm itself"
    lines = [f"{question.id}  {whose}{kind}, asked {ago(question.asked_at)} ago"]
    lines[0] += f"  NOW: {why_now}" if why_now else ""
    lines += [f"  {text}" for text in text_lines(question)]
    if question.options is not None:
        lines.append("  one of: " + ", ".join(shown(option) for option in question.options))
    lines += [f"  {text}" for text in terms(question)]
    if question.kind == "approval":
        from firm.cli.approving import ANSWERS

        lines += [f"  firm answer {question.id} {how}" for how in ANSWERS]
        return "\n".join(lines)
    return "\n".join([*lines, f"  firm answer {question.id} ANSWER"])


def answer(
    question_id: Annotated[str, typer.Argument(metavar="ID", help="Of the question, from `firm inbox`.")],
    value: Annotated[
        str | None,
        typer.Argument(
            metavar="VALUE",
            help="One of its options, or JSON, or text; of an approval: accept, refuse, edit or say. "
            "Left out: the question is shown.",
        ),
    ] = None,
    more: Annotated[
        str,
        typer.Argument(
            metavar="MORE", help="Of an approval: why you refuse, what you say, the edit as JSON."
        ),
    ] = "",
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Answer a question; the first valid answer counts.

    With an open session (`firm login`) the answer counts as yours; without one it is recorded as unverified, and
    approves nothing that sends or spends.
    """
    from firm.cli.approving import session_of, word_of
    from firm.cli.target import read_answer
    from firm.errors import UsageError

    if value is None:
        _show(home, question_id, as_json=as_json)
        return

    async def work(firm: "Firm") -> str:
        question = await firm.question(question_id)
        if question.kind == "approval":
            given: object = word_of(value, more)
        elif more:
            raise UsageError(f"{more!r} is too much: question {question_id!r} takes one value; quote it")
        else:
            given = read_answer(question.options, value)
        session = session_of(firm)
        await firm.answer(question_id, given, session=session)
        return f"answered {question_id}" + (
            "" if session is not None else " (unverified: no session is open)"
        )

    _do(home, work, as_json=as_json)


def _show(home: Any, question_id: str, *, as_json: bool) -> None:
    import asyncio

    from firm.cli.text import print_json

    async def main() -> "QuestionView":
        async with visit(home) as firm:
            return await firm.question(question_id)

    question = asyncio.run(main())
    if as_json:
        print_json(question)
    else:
        print(describe(question))


def resume(
    target: Annotated[
        str | None, typer.Argument(metavar="RUN|AGENT", help="What was stopped, or a run that was stuck.")
    ] = None,
    all: Annotated[
        bool, typer.Option("--all", help="Everything that `firm stop --all` has stopped.")
    ] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Let go on what `firm stop` has stopped, or a run that was stuck, after its code was put right."""
    from firm.errors import UsageError

    if (target is None) != all:
        raise UsageError("give the id of a run or the name of an agent, or --all")

    async def work(firm: "Firm") -> str:
        if target is None:
            await firm.release()
            return "everything goes on"
        if await firm.is_agent(target):
            await firm.release(target)
            return f"agent {target} goes on"
        await firm.resume(target)
        return f"run {target} goes on"

    _do(home, work, as_json=as_json)


def cancel(run_id: RunId, home: Home = None, as_json: Json = False) -> None:
    """Ask a run to stop; what it has to clean up it still does."""

    async def work(firm: "Firm") -> str:
        await firm.run(run_id).cancel()
        return f"asked run {run_id} to stop"

    _do(home, work, as_json=as_json)


def _do(home: Any, work: "Callable[[Firm], Coroutine[Any, Any, str]]", *, as_json: bool) -> None:
    import asyncio

    from firm.cli.text import plain, print_json
    from firm.root.lock import holder_of

    firm = visit(home)

    async def main() -> str:
        async with firm:
            return await work(firm)

    done = asyncio.run(main())
    carried = holder_of(firm.home.lock) is not None
    if as_json:
        print_json({"done": done, "carried": carried})
        return
    print(plain(done))
    if not carried:
        note("nobody carries the runs just now; it takes effect with `firm up`")


COMMANDS = (
    Command("inbox", "firm inbox", inbox),
    Command("answer", "firm answer 1f09c2ab44de yes", answer),
    Command("resume", "firm resume errand-3kf0a8h2mz", resume),
    Command("cancel", "firm cancel errand-3kf0a8h2mz", cancel),
)
