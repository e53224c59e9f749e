"""`firm inbox`, `answer`, `resume`, `cancel`: what only the founder decides."""

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Annotated, Any

import typer

from firm.cli.command import Command, Home, Json, note, visit

if TYPE_CHECKING:
    from firm.root.firm import Firm
    from firm.root.view import QuestionView

RunId = Annotated[str, typer.Argument(metavar="RUN", help="Its id, from `firm ps`.")]


def inbox(home: Home = None, as_json: Json = False) -> None:
    """List what waits for you, the oldest first."""
    import asyncio

    from firm.cli.text import print_json

    async def main() -> list["QuestionView"]:
        async with visit(home) as firm:
            return await firm.inbox()

    found = asyncio.run(main())
    if as_json:
        print_json(found)
    elif not found:
        print("nothing waits for you")
    else:
        print("\n\n".join(describe(question) for question in found))


def describe(question: "QuestionView") -> str:
    """A question with all that is needed to answer it."""
    from firm.cli.text import ago, clock, plain, shown

    kind = "" if question.kind == "ask" else f", {question.kind}"
    whose = f"run {plain(question.run)}" if question.run else "the firm itself"
    lines = [f"{question.id}  {whose}{kind}, asked {ago(question.asked_at)} ago"]
    lines += [f"  {text}" for text in plain(question.text).splitlines()]
    if question.options is not None:
        lines.append("  one of: " + ", ".join(shown(option) for option in question.options))
    if question.deadline is not None:
        then = f"then {shown(question.default)} is taken" if question.default is not None else "then it fails"
        lines.append(f"  until {clock(question.deadline)}, {then}")
    if question.kind == "approval":
        from firm.cli.approving import ANSWERS

        lines += [f"  firm answer {question.id} {how}" for how in ANSWERS]
        return "\n".join(lines)
    return "\n".join([*lines, f"  firm answer {question.id} ANSWER"])


def answer(
    question_id: Annotated[str, typer.Argument(metavar="ID", help="Of the question, from `firm inbox`.")],
    value: Annotated[
        str,
        typer.Argument(
            metavar="VALUE",
            help="One of its options, or JSON, or text; of an approval: accept, refuse, edit or say.",
        ),
    ],
    more: Annotated[
        str,
        typer.Argument(
            metavar="MORE", help="Of an approval: why you refuse, what you say, the edit as JSON."
        ),
    ] = "",
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Answer a question.

    With an open session (`firm login`) the answer counts as yours; without one it is recorded as unverified, and
    approves nothing that sends or spends.
    """
    from firm.cli.approving import session_of, word_of
    from firm.cli.target import read_answer
    from firm.errors import UsageError

    async def work(firm: "Firm") -> str:
        question = next((one for one in await firm.inbox() if one.id == question_id), None)
        if question is not None and question.kind == "approval":
            given: object = word_of(value, more)
        elif more:
            raise UsageError(f"{more!r} is too much: question {question_id!r} takes one value; quote it")
        else:
            given = read_answer(question.options if question is not None else None, value)
        session = session_of(firm)
        await firm.answer(question_id, given, session=session)
        return f"answered {question_id}" + (
            "" if session is not None else " (unverified: no session is open)"
        )

    _do(home, work, as_json=as_json)


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
