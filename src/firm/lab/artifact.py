"""What a search looks for: a vector of numbers, a program, a prompt, a text.

One rule: an artifact is plain JSON. How it is kept in a row (`pack`), what it is called (`digest`) and how it is shown
(`unpack`) follow from that alone, so that anybody can compute the hash again.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from firm.errors import UsageError

Floats = NDArray[np.float64]

MAX_NUMBERS = 100_000
MAX_CHARS = 200_000
"""Largest vector and longest text; a larger artifact is refused."""


@dataclass(frozen=True)
class Vector:
    """Numbers inside bounds.

    Args:
        low: The smallest value of each number, or one for all.
        high: The largest; above `low` everywhere.
        shape: Of the artifact as JSON: (26, 3) is a list of 26 lists of 3, (18,) is a flat list. Needed where both
            bounds are single numbers.
        names: What each number is called, in the order of the flat list; empty: x0, x1, …

    Raises:
        UsageError: bounds that are not finite or the wrong way round, or numbers that do not fit the shape.
    """

    low: Sequence[float] | float
    high: Sequence[float] | float
    shape: tuple[int, ...] = ()
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", tuple(int(length) for length in self.shape or self._broadcast()))
        if any(length < 1 for length in self.shape) or self.size > MAX_NUMBERS:
            raise UsageError(f"shape={self.shape!r} holds {self.size} numbers; give 1 to {MAX_NUMBERS:,}")
        if self.names and len(self.names) != self.size:
            raise UsageError(f"{len(self.names)} names for {self.size} numbers; name each of them, or none")
        for place, (low, high) in enumerate(zip(self.lows.tolist(), self.highs.tolist(), strict=True)):
            if not (math.isfinite(low) and math.isfinite(high)):
                raise UsageError(
                    f"bounds of {self.name(place)} are {low!r} and {high!r}; give finite numbers"
                )
            if not low < high:
                raise UsageError(
                    f"bounds of {self.name(place)} are the wrong way round: {low!r} is not below {high!r}"
                )

    @cached_property
    def size(self) -> int:
        """How many numbers."""
        return math.prod(self.shape)

    @cached_property
    def lows(self) -> Floats:
        """Lower bounds, flat; not to be written to."""
        return self._flat(self.low)

    @cached_property
    def highs(self) -> Floats:
        """Upper bounds, flat; not to be written to."""
        return self._flat(self.high)

    def _broadcast(self) -> tuple[int, ...]:
        """The shape that the bounds have."""
        try:
            return np.broadcast_shapes(np.shape(self.low), np.shape(self.high)) or (1,)
        except ValueError:
            raise UsageError(
                f"bounds low={self.low!r} and high={self.high!r} do not fit each other; give as many of each"
            ) from None

    def _flat(self, bound: Sequence[float] | float) -> Floats:
        values = np.asarray(bound, float)
        try:
            flat = np.array(np.broadcast_to(values, self.shape)).reshape(-1)
        except ValueError:
            if values.size != self.size:
                raise UsageError(
                    f"{values.size} bounds for {self.size} numbers of shape {self.shape!r}; give one, or one for each"
                ) from None
            flat = values.reshape(-1).copy()
        flat.setflags(write=False)
        return flat

    def name(self, place: int) -> str:
        """What the number at this place of the flat list is called."""
        return self.names[place] if self.names else f"x{place}"

    def pack(self, value: Any) -> bytes:
        """As little-endian float64, from the JSON form or a flat array.

        Raises:
            ValueError: the wrong shape, or not numbers; it says which.
        """
        flat = np.asarray(value, dtype=float)
        if flat.size != self.size or (flat.ndim > 1 and flat.shape != self.shape):
            raise ValueError(f"shape {flat.shape!r} where {self.shape!r} is wanted")
        return flat.astype("<f8").tobytes()

    def unpack(self, packed: bytes) -> Any:
        """The JSON form: (nested) lists of floats."""
        return np.frombuffer(packed, "<f8").reshape(self.shape).tolist()

    def flat(self, packed: bytes) -> Floats:
        """A flat array of its own."""
        return np.frombuffer(packed, "<f8").astype(float)


@dataclass(frozen=True)
class _Written:
    """An artifact of text."""

    start: str = ""
    """The text that the search begins with."""

    def pack(self, value: Any) -> bytes:
        """As UTF-8. ValueError where it is no text, or too long."""
        if not isinstance(value, str):
            raise ValueError(f"{type(value).__name__} where a text is wanted")
        if len(value) > MAX_CHARS:
            raise ValueError(f"{len(value):,} characters; at most {MAX_CHARS:,}")
        return value.encode("utf-8", "surrogatepass")

    def unpack(self, packed: bytes) -> str:
        """The text."""
        return packed.decode("utf-8", "surrogatepass")


@dataclass(frozen=True)
class Text(_Written):
    """Any text, scored by the stages."""


@dataclass(frozen=True)
class Prompt(_Written):
    """Instructions for a model, with `{input}` where the sample goes; each stage has samples.

    The model answers outside the scorer, durably and paid; the scorer sees the answers alone.
    """

    model: str = "default"


@dataclass(frozen=True)
class Program(_Written):
    """A program in Python, which nobody trusts.

    It is run in a box, by `harness`: `python harness.py` in a folder with `program.py` (the candidate) and
    `input.json` (the stage's `input`). What it writes to `artifact.json` is all that the scorer sees; a score that it
    claims is not looked at.
    """

    harness: str = ""
    """Source of the program that runs the candidate; empty: the candidate is run itself."""
    entry: str = ""
    """Name of the function that the candidate has to define; empty: any."""
    about: str = ""
    """What a model is told: what the function is given, and what it has to return."""

    def __post_init__(self) -> None:
        if not self.start.strip():
            raise UsageError("a Program needs start=: the source of a simple program that works")


Kind = Vector | Text | Prompt | Program


def digest(kind: Kind, packed: bytes) -> bytes:
    """16 bytes of SHA-256 over the packed artifact; -0.0 counts as 0.0."""
    if isinstance(kind, Vector):
        packed = (np.frombuffer(packed, "<f8") + 0.0).tobytes()
    return hashlib.sha256(packed).digest()[:16]


def as_json(value: Any) -> str:
    """Compact JSON in which each float is printed so that it reads back as the same float."""
    return msgspec.json.encode(value).decode()
