"""What comes of a reply: the pure part of the agent's loop.

One rule: a function of the reply and of what the agent has; no I/O, no clock, nothing awaited.
"""

from dataclasses import dataclass
from typing import Any

from firm.agent.output import FINAL, Mismatch, Output
from firm.agent.toolbox import HandOver, Toolbox
from firm.model.message import ToolCall
from firm.model.reply import Reply

MAX_CALLS = 128
"""Tool calls of one reply that are made; the others are refused."""


@dataclass(frozen=True, slots=True)
class Finish:
    """It is the answer."""

    value: Any


@dataclass(frozen=True, slots=True)
class Nudge:
    """It is of no use: the model is told so."""

    text: str
    what: str = "progress"
    """Which limit it counts against: 'progress' or 'output'."""


@dataclass(frozen=True, slots=True)
class Act:
    """Tools are to be called."""

    calls: tuple[ToolCall, ...]
    """In the order in which the model wrote them; those in `refused` are not made."""
    refused: dict[int, str]
    """Place among the calls -> what the model is told instead."""
    answer: Finish | None = None
    """Given beside them: it counts if all of them go well."""
    answer_at: int = -1
    """Its place among the calls."""


def decide(reply: Reply, box: Toolbox, output: Output) -> Finish | Nudge | Act:
    """What to do next."""
    if reply.tool_calls:
        return _act(reply, box, output)
    text = reply.text
    if reply.stop == "length":
        return Nudge(
            "Your reply was cut off because it was too long. Do it again, in fewer words or smaller pieces."
        )
    if not text.strip():
        return Nudge("Your reply was empty. Call a tool, or give the answer.")
    try:
        return Finish(output.read(text))
    except Mismatch as error:
        how = f"Call {FINAL} to give the answer" if box.specs else "Give the answer as JSON"
        return Nudge(
            f"This is not the answer that is asked for: {error}. {how}, or go on with the work.", "output"
        )


def _act(reply: Reply, box: Toolbox, output: Output) -> Finish | Nudge | Act:
    calls = reply.tool_calls
    refused: dict[int, str] = {}
    answer: Finish | None = None
    answer_at, handed = -1, False
    for place, call in enumerate(calls):
        if place >= MAX_CALLS:
            refused[place] = f"Not done: at most {MAX_CALLS} calls are made at one time. Call it again."
        elif call.name == FINAL and not output.is_text:
            try:
                answer, answer_at = Finish(output.read(call.arguments)), place
            except Mismatch as error:
                refused[place] = (
                    f"This is not the answer that is asked for: {error}. Correct it and call {FINAL} again."
                )
        elif (found := box.find(call.name)) is None:
            refused[place] = box.unknown(call.name)
        elif isinstance(found, HandOver):
            if handed:
                refused[place] = "Not done: the work is handed over once, and another call does that already."
            handed = True
    last = len(calls) - 1
    if reply.stop == "length" and answer_at != last and not _is_whole(calls[last]):
        refused.setdefault(
            last, "Not done: your reply was cut off in the middle of this call. Make it shorter."
        )
    if answer is not None and len(calls) == 1:
        return answer
    return Act(calls, refused, answer, answer_at)


def _is_whole(call: ToolCall) -> bool:
    try:
        call.decode()
    except (ValueError, RecursionError):  # cut off, or nested without end
        return False
    return True
