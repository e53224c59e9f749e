"""`firm show RUN --context`: what fills the context window of an agent's run."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from firm.cli.command import visit

if TYPE_CHECKING:
    from firm.agent.window import Window
    from firm.model.message import Message

MAX_SHOWN_CHARS = 160
"""Of one message."""


def show_context(run_id: str, home: Path | None, *, as_json: bool) -> None:
    """Print the window of a run: what it holds by kind, and its messages in their order."""
    import asyncio

    from firm.cli.running import find_code
    from firm.cli.text import print_json

    async def main() -> "Window":
        async with visit(home) as firm:
            find_code(firm)
            return await firm.window(run_id)

    window = asyncio.run(main())
    if as_json:
        print_json(_record(run_id, window))
        return
    _print_pieces(run_id, window)
    _print_messages(window)


def _record(run_id: str, window: "Window") -> dict[str, Any]:
    return {
        "run": run_id,
        "tokens": window.tokens,
        "room": window.room,
        "turns": window.turns,
        "compactions": window.compactions,
        "pieces": window.pieces(),
        "messages": window.messages,
    }


def _print_pieces(run_id: str, window: "Window") -> None:
    from firm.cli.text import add_row, count, plain, render, table

    print(f"run      {plain(run_id)}")
    print(f"window   {window.tokens:,} tokens, as its model counted them last; summed up at {window.room:,}")
    print(f"so far   {count(window.turns, 'turn')}, summed up {count(window.compactions, 'time')}\n")
    pieces = window.pieces()
    whole = sum(piece.tokens for piece in pieces) or 1
    made = table("WHAT", "COUNT", "TOKENS, ABOUT", "SHARE")
    for piece in pieces:
        add_row(made, piece.what, f"{piece.count:,}", f"{piece.tokens:,}", f"{piece.tokens / whole:.0%}")
    render(made)


def _print_messages(window: "Window") -> None:
    from firm.cli.text import add_row, line, render, table

    print()
    made = table("#", "WHO", "WHAT")
    for number, message in enumerate(window.messages, 1):
        for text in _lines(message):
            add_row(made, f"{number}", message.role, line(text, MAX_SHOWN_CHARS))
    render(made)


def _lines(message: "Message") -> list[str]:
    from firm.model.message import Reasoning, Text, ToolCall, ToolResult

    found = []
    for part in message.parts:
        match part:
            case Text(text):
                found.append(text)
            case Reasoning(text):
                found.append(f"(thought) {text}")
            case ToolCall(_, name, arguments):
                found.append(f"{name}({arguments})")
            case ToolResult(_, text, name, error):
                found.append(f"{name} {'failed' if error else 'gave'}: {text}")
            case _:
                found.append(f"({type(part).__name__.lower()})")
    return found
