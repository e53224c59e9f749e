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
    lines = [f"{question.id}  run {plain(question.run)}{kind}, asked {ago(question.asked_at)} ago"]
    lines += [f"  {text}" for text in plain(question.text).splitlines()]
    if question.options is not None:
        lines.append("  one of: " + ", ".join(shown(option) for option in question.options))
    if question.deadline is not None:
        then = f"then {shown(question.default)} is taken" if question.default is not None else "then it fails"
        lines.append(f"  until {clock(question.deadline)}, {then}")
    return "\n".join([*lines, f"  firm answer {question.id} ANSWER"])


def answer(
    question_id: Annotated[str, typer.Argument(metavar="ID", help="Of the question, from `firm inbox`.")],
    value: Annotated[str, typer.Argument(metavar="VALUE", help="One of its options, or JSON, or text.")],
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Answer a question."""
    from firm.cli.target import read_answer

    async def work(firm: "Firm") -> str:
        options = next((one.options for one in await firm.inbox() if one.id == question_id), None)
        await firm.answer(question_id, read_answer(options, value))
        return f"answered {question_id}"

    _do(home, work, as_json=as_json)


def resume(run_id: RunId, home: Home = None, as_json: Json = False) -> None:
    """Let a run go on that was stuck, after its code was put right."""

    async def work(firm: "Firm") -> str:
        await firm.resume(run_id)
        return f"run {run_id} goes on"

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
