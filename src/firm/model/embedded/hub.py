"""A file from its address upstream.

One rule: what is already there is not asked for again, and what came is kept when the rest does not come.
"""

import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from firm.model.embedded.catalogue import File
from firm.model.embedded.error import OutOfReach, WeightsError
from firm.model.embedded.thread import in_thread
from firm.model.wire.fault import Fault

CONNECT_S = 5.0
"""Where the hub cannot be reached, the next source is tried soon."""

SILENCE_S = 30.0
"""Longest wait between two pieces of a file."""

UPSTREAM = "https://huggingface.co"


@dataclass(frozen=True, slots=True)
class Hub:
    """A source: one address. A mirror is named in `$HF_ENDPOINT`, as everywhere."""

    url: str

    @property
    def name(self) -> str:
        """Where it fetches from."""
        mirror = os.environ.get("HF_ENDPOINT", "").rstrip("/")
        if mirror and self.url.startswith(UPSTREAM + "/"):
            return mirror + self.url.removeprefix(UPSTREAM)
        return self.url

    async def fetch(self, file: File, part: Path, tell: Callable[[str, int], None]) -> None:
        """Append to `part` what is missing of `file`; `tell` hears how many bytes are there.

        Raises:
            OutOfReach: no connection, an error of the server, or an end before the end.
            WeightsError: it sends more than the file has.
        """
        from firm.model.http.download import download

        have = part.stat().st_size if part.exists() else 0
        headers = {"Range": f"bytes={have}-"} if have else {}
        try:
            async with download(self.name, headers, connect_s=CONNECT_S, silence_s=SILENCE_S) as answer:
                if answer.status not in (200, 206):
                    raise OutOfReach(f"it answered {answer.status}")
                goes_on = answer.status == 206 and _begin(answer.headers.get("Content-Range", "")) == have
                if answer.status == 206 and not goes_on:
                    raise OutOfReach(f"it answered with another range than {headers['Range']!r}")
                with part.open("ab" if goes_on else "wb") as stream:
                    await _append(answer.pieces(), stream, file, tell)
        except Fault as fault:
            raise OutOfReach(str(fault)) from fault
        if (got := part.stat().st_size) < file.bytes:
            raise OutOfReach(f"it ended after {got:,} of {file.bytes:,} bytes")


async def _append(
    pieces: AsyncIterator[bytes], stream: BinaryIO, file: File, tell: Callable[[str, int], None]
) -> None:
    have = stream.tell()
    async for chunk in pieces:
        have += len(chunk)
        if have > file.bytes:
            raise WeightsError(f"it sends more than the {file.bytes:,} bytes of the catalogue")
        await in_thread(stream.write, chunk)
        tell("hub", have)


def _begin(content_range: str) -> int:
    """First byte of 'bytes 5-9/10'; -1 if that cannot be read."""
    first = content_range.removeprefix("bytes ").partition("-")[0]
    return int(first) if first.isdecimal() else -1
