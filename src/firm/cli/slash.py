"""What can be typed in a chat instead of a message: `/model`, `/cost` and the others.

One rule: what they say goes to stderr, so that stdout has replies only.
"""

import difflib
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from firm.cli.command import note
from firm.cli.conversation import Conversation, Total
from firm.cli.finding import described
from firm.cli.talk import Talk
from firm.cli.text import add_row, count, render, table
from firm.errors import UsageError
from firm.model import Reply, attach
from firm.units import LEVELS


class Leave(Exception):
    """The founder wants to go."""


@dataclass(frozen=True, slots=True)
class Slash:
    """One of these commands."""

    usage: str
    about: str
    function: Callable[[Talk, str], Awaitable[None]]


def is_command(typed: str) -> bool:
    """Whether it is a command, not a message."""
    return typed.startswith("/") and not typed.startswith("//")


async def obey(talk: Talk, typed: str) -> None:
    """Do what was typed.

    Raises:
        UsageError: there is no such command, or not with that.
        Leave: it is `/exit`.
    """
    word, _, rest = typed.strip().partition(" ")
    slash = COMMANDS.get(word)
    if slash is None:
        near = difflib.get_close_matches(word, COMMANDS, n=1)
        hint = f"did you mean {near[0]}?" if near else "/help lists what there is"
        raise UsageError(f"there is no {word!r} here; {hint} (to say it, put a space before it)")
    await slash.function(talk, rest.strip())


async def _model(talk: Talk, name: str) -> None:
    if name:
        await talk.choose(name)
        return
    made = table("", "MODEL", "WHAT")
    for known in talk.models.names():
        entry = talk.models.entry(known)
        what = described(entry) if entry is not None else "found by itself: /model default says which"
        add_row(made, "*" if known == talk.model else "", known, what)
    render(made, sys.stderr)


async def _effort(talk: Talk, level: str) -> None:
    if level:
        talk.set_effort(level)
    note(f"effort {talk.effort} (of {', '.join(LEVELS)})")


async def _attach(talk: Talk, path: str) -> None:
    if path:
        talk.attached.append(attach(path))
        note(f"{count(len(talk.attached), 'file')} with your next message")
    elif talk.attached:
        talk.attached.clear()
        note("no file with your next message")
    else:
        raise UsageError("/attach wants a file: /attach picture.png")


async def _cost(talk: Talk, _: str) -> None:
    totals = talk.conversation.totals()
    if not totals:
        note("nothing was asked yet")
        return
    made = table("MODEL", "REPLIES", "READ", "WRITTEN", "USD")
    for name, total in totals.items():
        read, written = f"{total.usage.read:,} tokens", f"{total.usage.written:,} tokens"
        add_row(made, name, total.replies, read, written, _usd(total))
    render(made, sys.stderr)
    stopped = sum(total.stopped for total in totals.values())
    if stopped:
        note(f"{count(stopped, 'reply', 'replies')} stopped in the middle: what that used is not known")


def _usd(total: Total) -> str:
    if not total.priced:
        return "price not known"
    unpriced = total.replies - total.priced
    return f"{total.cost_usd:.6f}" + (f", and {unpriced} without a known price" if unpriced else "")


async def _new(talk: Talk, _: str) -> None:
    talk.conversation = Conversation(talk.conversation.folder, talk.conversation.system)
    talk.attached.clear()
    note("a new conversation")


async def _help(talk: Talk, _: str) -> None:
    made = table("COMMAND", "WHAT IT DOES")
    for slash in COMMANDS.values():
        add_row(made, slash.usage, slash.about)
    render(made, sys.stderr)
    note("Ctrl-C stops a reply; a line that ends with \\ goes on in the next one.")


async def _exit(talk: Talk, _: str) -> None:
    raise Leave


COMMANDS = {
    "/model": Slash("/model [NAME]", "Talk to another model, or list them.", _model),
    "/effort": Slash("/effort [LEVEL]", f"How much thought a reply is worth: {', '.join(LEVELS)}.", _effort),
    "/attach": Slash(
        "/attach [FILE]",
        "Send a picture, a sound or a document with the next message, or none after all.",
        _attach,
    ),
    "/cost": Slash("/cost", "What this conversation has used, and what it cost.", _cost),
    "/new": Slash("/new", "Begin a new conversation.", _new),
    "/help": Slash("/help", "This list.", _help),
    "/exit": Slash("/exit", "Leave; so does Ctrl-D.", _exit),
}


def remind(talk: Talk) -> None:
    """Say what is still attached, after a message that was not answered."""
    if talk.attached:
        note(f"{count(len(talk.attached), 'file')} still with your next message; /attach alone takes all out")


def remark(reply: Reply) -> str:
    """What one should know of a reply beside its words; '': nothing."""
    if reply.stop == "length":
        return "(cut off at its greatest length: ask it to go on)"
    if reply.stop == "filter":
        return "(the provider cut this off)"
    if not reply.text.strip():
        return "(an empty reply)"
    return ""
