"""A recording of real replies, to be played again: fast, free and the same each time.

One rule: a request that is not on the cassette fails; nothing reaches a real model unless it is being recorded.
"""

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from firm.errors import UsageError
from firm.model.backend import Backend
from firm.model.reply import Reply, Timing
from firm.model.request import Delta, Request, Watch
from firm.model.target import Abilities, Model

if TYPE_CHECKING:  # HTTP takes a while to import
    from firm.model.server import Server
    from firm.model.transport import Transport


class Track(msgspec.Struct, frozen=True):
    """One request and its reply."""

    key: str
    """Hash of all that decides the reply."""
    asked: str
    """The last words of the request, for people who read the file."""
    reply: Reply


class Cassette:
    """Plays recorded replies of a model, or records them.

    Args:
        path: The file: one track a line, JSON.
        backend: The model that is recorded, a `Model` or what answers for one; not needed for playing.
        mode: 'play' (a miss is an error), 'record' (everything is asked and written anew), 'add' (misses are asked
            and written).

    Raises:
        UsageError: no backend to record, a key that is not set, a file that is not there or not a cassette.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        backend: Backend | Model | None = None,
        *,
        mode: Literal["play", "record", "add"] = "play",
    ) -> None:
        self._path = Path(path)
        if mode not in ("play", "record", "add"):
            raise UsageError(f"Cassette(mode={mode!r}): give 'play', 'record' or 'add'")
        if mode != "play" and backend is None:
            raise UsageError(f"Cassette(mode={mode!r}) without a model to record; give backend=")
        self.abilities = Abilities(probed=True)
        self._backend = _Recorded(backend) if isinstance(backend, Model) else backend
        if mode == "record" and isinstance(self._backend, _Recorded):
            self._backend.key()  # before the old recording goes
        self._mode = mode
        self._tracks: dict[str, list[Reply]] = {}
        self._played: dict[str, int] = {}
        if mode == "record":
            self._path.write_bytes(b"")
        else:
            self._load()
        self.model = (
            self._backend.model
            if self._backend is not None and mode != "play"  # what is played costs nothing
            else Model("http://cassette.localhost", self._path.stem)
        )

    def _load(self) -> None:
        try:
            lines = self._path.read_bytes().splitlines()
        except FileNotFoundError:
            if self._mode == "add":
                return
            raise UsageError(
                f"there is no cassette {str(self._path)!r}; record one with mode='record'"
            ) from None
        for number, line in enumerate(lines, 1):
            try:
                track = _decoder.decode(line)
            except msgspec.DecodeError as error:
                raise UsageError(f"{self._path}, line {number}: not a track of a cassette: {error}") from None
            self._tracks.setdefault(track.key, []).append(track.reply)

    async def say(self, request: Request, abilities: Abilities, watch: Watch | None) -> Reply:
        """The recorded reply; the same request again gives the next one that was recorded for it, then the last."""
        key = key_of(request)
        known = self._tracks.get(key, [])
        if self._mode != "record" and known:
            turn = self._played.get(key, 0)
            self._played[key] = turn + 1
            reply = msgspec.structs.replace(known[min(turn, len(known) - 1)])
            if watch is not None:
                watch(Delta(reply.text))
            return reply
        if self._backend is None or self._mode == "play":
            asked = request.messages[-1].text if request.messages else ""
            raise UsageError(
                f"{self._path}: no recording of {asked!r:.200} (key {key}); record it with mode='add'"
            )
        reply = await self._backend.say(request, abilities, watch)
        self._write(key, request, reply)
        return reply

    def _write(self, key: str, request: Request, reply: Reply) -> None:
        kept = msgspec.structs.replace(reply, timing=Timing(), request_id="")
        self._tracks.setdefault(key, []).append(kept)
        asked = request.messages[-1].text[-80:] if request.messages else ""
        with self._path.open("ab") as file:
            file.write(msgspec.json.encode(Track(key, asked, kept)) + b"\n")

    async def close(self) -> None:
        """Let go of the model that was recorded."""
        if self._backend is not None:
            await self._backend.close()


class _Recorded:
    """A server that is recorded, with connections of its own; they are opened at the first call."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.abilities = Abilities(probed=True)
        self._transport: Transport | None = None
        self._server: Server | None = None

    def key(self) -> str:
        """The server's key; '': it wants none.

        Raises:
            UsageError: its variable is not set.
        """
        from firm.model.models import key_of

        return key_of(self.model, self.model.name)

    async def say(self, request: Request, abilities: Abilities, watch: Watch | None) -> Reply:
        """Answer, as `Server.say`."""
        if self._server is None:
            from firm.model.server import Server
            from firm.model.transport import Transport

            self._transport = self._transport or Transport()
            self._server = Server(self.model, self.key(), self._transport)
        return await self._server.say(request, abilities, watch)

    async def close(self) -> None:
        """Close the connections."""
        transport, self._transport, self._server = self._transport, None, None
        if transport is not None:
            await transport.close()


_decoder = msgspec.json.Decoder(Track)


def key_of(request: Request) -> str:
    """Hash of all that decides the reply: not who waits, nor the session."""
    bare = msgspec.structs.replace(request, session="", urgent=False, repair="")
    return hashlib.sha256(msgspec.json.encode(bare, order="sorted")).hexdigest()[:32]
