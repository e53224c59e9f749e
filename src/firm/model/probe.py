"""What a server can really do, found out at first contact with a handful of small calls.

One rule: only what was seen counts. A refusal is an answer; an outage is none, and then nothing is decided. Of the
big hosted APIs it is known, and no money is spent on asking.
"""

import asyncio
import os
import re
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import msgspec

from firm.model.backend import Backend
from firm.model.message import Message
from firm.model.parse import find_json, read_json
from firm.model.reply import Reply
from firm.model.request import Delta, Request, Sampling, Tool, Watch
from firm.model.target import Abilities, Model
from firm.model.wire.fault import Fault, Kind

KEEP_S = 7 * 24 * 3600.0
"""How long what was seen is believed."""
PROBE_S = 120.0
"""How long a server may take over all of it."""
AGAIN_S = 60.0
"""How long after an undecided probe the next one is made."""
MAX_FILE_BYTES = 4 * 1024 * 1024
PROBE_TOKENS = 256
"""Bound of each reply; a model that thinks aloud needs some."""


class Send(Protocol):
    """One attempt at one server; as a stream where somebody watches."""

    def __call__(self, request: Request, abilities: Abilities, watch: Watch | None, /) -> Awaitable[Reply]:
        """Raises Fault on every failure."""


# --- what is known ---------------------------------------------------------------------------------------------

_REASONS = re.compile(r"^(?:o\d|gpt-(?:[5-9]|\d\d))")
_OLD_CLAUDE = re.compile(r"^claude-(?:[23]|instant|(?:sonnet|opus)-4(?:-0|-1|-2025\d*)?$)")


def known(model: Model) -> Abilities | None:
    """What the documentation of a big hosted API says; None for all others, which are asked."""
    host = urlsplit(model.url).hostname
    if host == "api.openai.com":
        reasons = _REASONS.match(model.name) is not None
        return Abilities(
            logprobs=not reasons, completion_tokens=model.wire == "chat", effort=reasons, probed=True
        )
    if host == "api.anthropic.com":
        old = _OLD_CLAUDE.match(model.name) is not None
        return Abilities(schema=not old, strict=not old, logprobs=False, effort=not old, probed=True)
    return None


# --- what is asked ---------------------------------------------------------------------------------------------

_NOTE = Tool(
    "write_note",
    "Write a note.",
    {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]},
)
_COLOUR: dict[str, Any] = {
    "type": "object",
    "properties": {"colour": {"type": "string", "enum": ["ultramarine"]}},
    "required": ["colour"],
    "additionalProperties": False,
}


def _request(words: str, **fields: Any) -> Request:
    return Request((Message("user", words),), max_tokens=PROBE_TOKENS, **fields)


PLAIN = msgspec.structs.replace(_request("Say: yes", sampling=Sampling(logprobs=1)), max_tokens=16)
CALL = _request("Call the tool write_note with the text 'milk'.", tools=(_NOTE,))
REQUIRED = _request("Say hello to me. Use no tool.", tools=(_NOTE,), tool_choice="required")
SCHEMA = _request("Which colour has a ripe tomato? Reply with one word, not JSON.", schema=_COLOUR)
STREAM = msgspec.structs.replace(_request("Say: yes", effort="low"), max_tokens=16)

Outcome = Reply | Fault


async def probe(send: Send, model: Model) -> Abilities:
    """Find out what a server can do, with five to eight calls of at most `PROBE_TOKENS` tokens.

    Args:
        send: Makes one attempt.
        model: What is asked.

    Returns:
        What was seen; `probed` is False where the server could not be reached, and the rest is what is believed.
    """
    facts = known(model)
    if facts is not None:
        return facts
    start = Abilities(effort=True)
    plain = await _try(send, PLAIN, start)
    if _refused(plain) and "max_completion_tokens" in str(plain):
        start = msgspec.structs.replace(start, completion_tokens=True)
        plain = await _try(send, PLAIN, start)
    if _refused(plain):
        start = msgspec.structs.replace(start, logprobs=False)
        plain = await _try(send, PLAIN, start)
    if isinstance(plain, Fault):
        return Abilities()
    start = msgspec.structs.replace(start, logprobs=bool(plain.logprobs))
    asked = [asyncio.ensure_future(_try(send, request, start)) for request in (CALL, REQUIRED, SCHEMA)]
    streamed = asyncio.ensure_future(_stream(send, start))
    try:
        stream = await streamed
        call, required, schema = await asyncio.gather(*asked)
    finally:  # one that cannot be paid for ends the others too
        for task in (streamed, *asked):
            task.cancel()
        await asyncio.gather(streamed, *asked, return_exceptions=True)
    found = _tools(call, required) | _schema(schema) | stream
    decided = not any([_undecided(outcome) for outcome in (call, required, schema)]) and bool(stream)
    believed = msgspec.structs.replace(start, effort=stream.get("effort", False))
    return msgspec.structs.replace(believed, **found | {"probed": decided})


async def _try(send: Send, request: Request, abilities: Abilities, watch: Watch | None = None) -> Outcome:
    try:
        return await send(request, abilities, watch)
    except Fault as fault:
        return fault


def _refused(outcome: Outcome) -> bool:
    return isinstance(outcome, Fault) and outcome.kind is Kind.REQUEST


def _unable(outcome: Outcome) -> bool:
    """Whether a feature is refused. A server that just answered and fails at this call alone cannot do it either."""
    return isinstance(outcome, Fault) and outcome.kind in (Kind.REQUEST, Kind.SERVER)


def _undecided(outcome: Outcome) -> bool:
    return isinstance(outcome, Fault) and not _unable(outcome)


def _tools(call: Outcome, required: Outcome) -> dict[str, bool]:
    """Native calls count, wherever one was seen; a reply that ran out of tokens says nothing."""
    seen = [isinstance(outcome, Reply) and bool(outcome.tool_calls) for outcome in (call, required)]
    found: dict[str, bool] = {}
    if any(seen) or _decisive(call):
        found["tools"] = any(seen)
    if seen[1] or _decisive(required):
        found["required"] = seen[1]
    return found


def _decisive(outcome: Outcome) -> bool:
    return _unable(outcome) or (isinstance(outcome, Reply) and outcome.stop != "length")


def _schema(outcome: Outcome) -> dict[str, bool]:
    if _unable(outcome):
        return {"schema": False, "strict": False}
    if not isinstance(outcome, Reply):
        return {}
    try:
        held = read_json(find_json(outcome.text) or "null") == {"colour": "ultramarine"}
    except ValueError:
        held = False
    return {"schema": True, "strict": held} if held or outcome.stop != "length" else {"schema": True}


async def _stream(send: Send, start: Abilities) -> dict[str, bool]:
    """Whether a stream with usage, and an effort, are taken; {} if that could not be found out."""
    for usage, effort in ((True, True), (True, False), (False, True), (False, False)):
        able = msgspec.structs.replace(start, stream_usage=usage, effort=effort)
        outcome = await _try(send, STREAM, able, _ignore)
        if isinstance(outcome, Reply):
            return {"stream_usage": usage, "effort": effort}
        if not _unable(outcome):
            break
    return {}


def _ignore(delta: Delta) -> None:
    """A watcher that makes the probe a stream, and needs no piece of it."""


# --- what was seen before --------------------------------------------------------------------------------------


class Seen(msgspec.Struct, frozen=True):
    """What was seen of one endpoint."""

    abilities: Abilities
    at_s: float
    """Seconds since 1970."""


class _File(msgspec.Struct):
    version: int = 1
    seen: dict[str, Seen] = {}


def load(path: Path) -> dict[str, Seen]:
    """What a file holds; nothing where there is none, or it cannot be read: then the servers are asked again."""
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            return {}
        found = msgspec.json.decode(path.read_bytes(), type=_File)
    except (OSError, ValueError, RecursionError):
        return {}
    return found.seen if found.version == 1 else {}


def save(path: Path, seen: dict[str, Seen]) -> None:
    """Write the file whole or not at all.

    Raises:
        OSError: if it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=path.name, dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(_File(seen=seen)), indent=1))
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def key_of(model: Model, version: str = "") -> str:
    """What it is kept under: address, protocol, the model's name, and the server's version where that is known."""
    return " ".join([model.address, model.wire, model.name, version]).rstrip()


class Probes:
    """What all servers were seen to do; each is asked once, however many calls wait for that.

    Args:
        path: File in which it is kept; None: nowhere.
        now: Seconds since 1970.
    """

    def __init__(self, path: Path | None = None, now: Callable[[], float] = time.time) -> None:
        self._path = path
        self._now = now
        self._seen: dict[str, Seen] | None = None
        self._locks: dict[str, asyncio.Lock] = {}

    async def of(self, backend: Backend, version: str = "") -> Abilities:
        """What a server can do: as it was seen in the last `KEEP_S`, else as it is seen now."""
        key = key_of(backend.model, version)
        async with self._locks.setdefault(key, asyncio.Lock()):
            if self._seen is None:
                self._seen = load(self._path) if self._path is not None else {}
            found = self._seen.get(key)
            age_s = self._now() - found.at_s if found is not None else 0.0
            if found is not None and 0 <= age_s < (KEEP_S if found.abilities.probed else AGAIN_S):
                return found.abilities
            try:
                async with asyncio.timeout(PROBE_S):
                    abilities = await probe(backend.say, backend.model)
            except TimeoutError:  # nothing was decided; the call itself will show what the matter is
                abilities = Abilities()
            self._seen[key] = Seen(abilities, self._now())
            self._keep()
            return abilities

    def forget(self, model: Model, version: str = "") -> None:
        """Ask this server again at the next call."""
        if self._seen is not None:
            self._seen.pop(key_of(model, version), None)

    def _keep(self) -> None:
        """Write down what was decided; a disk that cannot take it costs a probe at the next start, and no more."""
        if self._path is None or self._seen is None:
            return
        try:
            save(self._path, {key: seen for key, seen in self._seen.items() if seen.abilities.probed})
        except OSError:
            self._path = None
