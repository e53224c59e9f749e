"""A chat over a pipe: a message a line in, a reply out.

One rule: a line that fails does not end the chat, and shows in the exit code.
"""

import asyncio
import sys
from collections.abc import Iterator
from typing import Any

import msgspec

from firm.cli.command import DONE, FAILED, complain, note
from firm.cli.conversation import Conversation
from firm.cli.slash import Leave, is_command, obey, remark, remind
from firm.cli.talk import Talk
from firm.cli.text import as_json, visible
from firm.errors import FirmError, UsageError
from firm.model import Reply, attach

MAX_LINE_BYTES = 16 * 1024 * 1024
"""Longest message that is read."""


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A line of input as an object."""

    content: str
    model: str = ""
    effort: str = ""
    attach: list[str] = []
    new: bool = False
    """Begin a new conversation with it."""


def answer_lines(talk: Talk, runner: asyncio.Runner) -> int:
    """Answer each line of stdin; the exit code."""
    code = DONE
    for raw in _lines():
        try:
            typed = _text(raw)
            if is_command(typed):
                runner.run(obey(talk, typed))
                continue
            print_reply(runner.run(talk.answer(typed)))
        except Leave:
            break
        except FirmError as error:
            complain(error)
            remind(talk)
            code = FAILED
    return code


def print_reply(reply: Reply) -> None:
    """A whole reply on stdout."""
    print(visible(reply.text), flush=True)
    if words := remark(reply):
        note(words)


def answer_json(talk: Talk, runner: asyncio.Runner) -> int:
    """Answer each line of stdin with a line of JSON; the exit code."""
    code = DONE
    for raw in _lines():
        try:
            told = shown_reply(runner.run(_answer_asked(talk, _asked(_text(raw)))))
        except FirmError as error:
            told, code = shown_error(error), FAILED
        print(as_json(told), flush=True)
    return code


async def _answer_asked(talk: Talk, asked: Asked) -> Reply:
    if asked.new:
        talk.conversation = Conversation(talk.conversation.folder, talk.conversation.system)
    if asked.effort:
        talk.set_effort(asked.effort)
    if asked.model and asked.model != talk.model:
        await talk.choose(asked.model)
    parts = [attach(path) for path in asked.attach]
    talk.attached.extend(parts)
    try:
        return await talk.answer(asked.content)
    except FirmError:
        talk.attached.clear()
        raise


def _asked(line: str) -> Asked:
    """What a line asks: an object, text in quotes, or bare text."""
    if line[:1] not in ('"', "{"):
        return Asked(line)
    try:
        found = msgspec.json.decode(line, type=str | Asked)
    except msgspec.ValidationError as error:
        keys = ", ".join(Asked.__struct_fields__)
        raise UsageError(
            f"the object in {line!r:.200} cannot be used: {error}; its keys are {keys}"
        ) from None
    except msgspec.DecodeError as error:
        raise UsageError(
            f"{line!r:.200} is not JSON ({error}); bare text must not begin with a quote or a brace: put it in quotes"
        ) from None
    return Asked(found) if isinstance(found, str) else found


def shown_reply(reply: Reply) -> dict[str, Any]:
    """A reply for machines."""
    return {
        "text": reply.text,
        "model": reply.model,
        "endpoint": reply.endpoint,
        "usage": _named(reply.usage),
        "cost_usd": reply.cost_usd,
        "priced": reply.priced,
        "timing": _named(reply.timing),
        "stop": reply.stop,
    }


def shown_error(error: FirmError) -> dict[str, Any]:
    """An error for machines; with what it knows beside its message."""
    told: dict[str, Any] = {"type": type(error).__name__, "message": str(error)}
    for name in ("asked", "limit", "needed", "free", "retry_after_s"):
        value = getattr(error, name, None)
        if value:
            told[name] = value
    return {"error": told}


def _named(found: msgspec.Struct) -> dict[str, Any]:
    return {name: getattr(found, name) for name in found.__struct_fields__}


def _lines() -> Iterator[bytes]:
    """The lines of stdin that say something."""
    stdin = sys.stdin.buffer
    while raw := stdin.readline(MAX_LINE_BYTES + 1):
        if len(raw) > MAX_LINE_BYTES:
            while raw[-1:] != b"\n" and (more := stdin.readline(MAX_LINE_BYTES)):
                raw = raw[: MAX_LINE_BYTES + 1] + more[-1:]
        if raw.strip():
            yield raw


def _text(raw: bytes) -> str:
    if len(raw) > MAX_LINE_BYTES:
        raise UsageError(f"a line has more than {MAX_LINE_BYTES:,} bytes; attach a file instead")
    try:
        return raw.decode("utf-8").strip("\r\n")
    except UnicodeDecodeError as error:
        raise UsageError(f"a line is not UTF-8 ({error}); convert it first") from None
