"""What the desk and its scorer say to each other: frames of msgpack over two pipes.

One rule: a frame is a length of 4 bytes and a body of plain data; nothing in it is ever run.
"""

import os
import struct
from typing import Any

import msgspec

LENGTH = struct.Struct("<I")
PLACE = struct.Struct("<q")
AT = "at"
"""The file in the scorer's folder in which it notes the place of the artifact that it is busy with."""
CHUNK_BYTES = 1 << 18
FLUSH_S = 0.002
"""Answers are gathered for so long, so that a cheap candidate costs no system call of its own."""


class Hello(msgspec.Struct, array_like=True, frozen=True):
    """The scorer's first word."""

    trouble: str
    """Why the problem could not be loaded; '' where it could."""
    evaluator: str
    """Hash of what it has loaded."""
    open: tuple[str, ...]
    """What could not be held on this machine: 'network', 'memory'."""
    cpu_us: int


class Request(msgspec.Struct, array_like=True, frozen=True):
    """Artifacts to score."""

    stage: int
    artifacts: tuple[msgspec.Raw, ...]
    seeds: tuple[int, ...]


class Answer(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A verdict on the wire; the fields are those of `Verdict`."""

    status: int
    value: float | None
    slack: float
    missed: float
    nearest: str
    why: str
    descriptors: tuple[float, ...]
    others: dict[str, float]
    said: dict[str, Any]
    cpu_us: int


class Answers(msgspec.Struct, array_like=True, frozen=True):
    """The next verdicts, in order."""

    answers: tuple[Answer, ...]
    cpu_us: int
    """Processor time of the scorer so far, with that of its ended children."""


def framed(message: msgspec.Struct) -> bytes:
    """A message with its length."""
    body = msgspec.msgpack.encode(message)
    return LENGTH.pack(len(body)) + body


class Inbox:
    """Frames out of a pipe, as they come."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._held = bytearray()

    def read(self) -> bool:
        """Take in what is there, at most a chunk; False at the end."""
        got = os.read(self._number, CHUNK_BYTES)
        self._held += got
        return bool(got)

    def take(self) -> bytes | None:
        """The next whole body, or None."""
        if len(self._held) < LENGTH.size:
            return None
        end = LENGTH.size + LENGTH.unpack_from(self._held)[0]
        if len(self._held) < end:
            return None
        body = bytes(self._held[LENGTH.size : end])
        del self._held[:end]
        return body
