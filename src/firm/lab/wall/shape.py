"""Whether an artifact is what the problem says it is, before any scorer sees it.

One rule: an artifact is data and makes no claims. Shape, numbers, finiteness and bounds are checked here, without
slack; a field named `score` is nothing but a wrong shape.
"""

import math
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np

from firm.lab.artifact import MAX_CHARS, Kind, Program, Prompt, Vector
from firm.lab.problem import Stage
from firm.lab.wall.verdict import shortened

ARTIFACT_BYTES = 16 << 20
"""Largest artifact, as the scorer is sent it."""


class Unfit(Exception):
    """The artifact is not of the kind that the problem asks for."""


def checker(kind: Kind) -> Callable[[Any, Stage], Any]:
    """A function that gives an artifact of this kind as the scorer shall see it, or raises `Unfit`."""
    if isinstance(kind, Vector):
        return _Numbers(kind)
    if isinstance(kind, Prompt):
        return _answers
    return _anything if isinstance(kind, Program) else _text


class _Numbers:
    """Lists of floats of one shape, inside bounds."""

    def __init__(self, kind: Vector) -> None:
        self._kind = kind
        self._low, self._high = kind.lows.reshape(kind.shape), kind.highs.reshape(kind.shape)
        nested: Any = float
        for _ in kind.shape:
            nested = list.__class_getitem__(nested)
        self._type = nested

    def __call__(self, value: Any, stage: Stage) -> Any:
        try:
            numbers = msgspec.convert(value, self._type)
            array = np.array(numbers, float)
        except (ValueError, msgspec.ValidationError) as error:
            raise Unfit(f"not numbers of shape {self._kind.shape!r}: {shortened(str(error), 120)}") from None
        if array.shape != self._kind.shape:
            raise Unfit(f"shape {array.shape!r} where {self._kind.shape!r} is wanted")
        if not ((array >= self._low) & (array <= self._high)).all():  # NaN is neither
            raise Unfit(self._trouble(array))
        return numbers

    def _trouble(self, array: Any) -> str:
        """The first number that is not finite, or outside."""
        triples = zip(
            array.reshape(-1).tolist(), self._kind.lows.tolist(), self._kind.highs.tolist(), strict=True
        )
        for place, (value, low, high) in enumerate(triples):
            if not math.isfinite(value):
                return f"{self._kind.name(place)} is {value!r}; only finite numbers count"
            if not low <= value <= high:
                return f"{self._kind.name(place)} is {value!r}, outside its bounds {low!r} to {high!r}"
        return "outside its bounds"


def _text(value: Any, stage: Stage) -> str:
    if not isinstance(value, str):
        raise Unfit(f"{type(value).__name__} where a text is wanted")
    if len(value) > MAX_CHARS:
        raise Unfit(f"{len(value):,} characters; at most {MAX_CHARS:,}")
    return value


def _answers(value: Any, stage: Stage) -> Any:
    """[input, expected, answer] for each of the stage's samples, in their order."""
    try:
        rows = msgspec.convert(value, list[tuple[str, str, str]])
    except msgspec.ValidationError as error:
        raise Unfit(f"not a list of [input, expected, answer]: {shortened(str(error), 120)}") from None
    if [row[:2] for row in rows] != [tuple(sample) for sample in stage.samples]:
        raise Unfit(f"the answers are not those to the {len(stage.samples)} samples of stage {stage.name!r}")
    return [list(row) for row in rows]


def _anything(value: Any, stage: Stage) -> Any:
    """Any JSON whose numbers are finite."""
    todo = [value]
    while todo:
        each = todo.pop()
        if isinstance(each, dict):
            if not all(isinstance(key, str) for key in each):
                raise Unfit("a key that is no text; JSON has none")
            todo.extend(each.values())
        elif isinstance(each, list | tuple):
            todo.extend(each)
        elif isinstance(each, float):
            if not math.isfinite(each):
                raise Unfit(f"{each!r} is in it; only finite numbers count")
        elif not (each is None or isinstance(each, str | int)):
            raise Unfit(f"{type(each).__name__} is in it, which JSON does not have")
    return value


def packed(value: Any) -> bytes:
    """An artifact as it is sent.

    Raises:
        Unfit: too large, too deep, or with a number or a text that cannot be told.
    """
    try:
        body = msgspec.msgpack.encode(value)
    except (OverflowError, RecursionError, TypeError, ValueError) as error:
        raise Unfit(f"it cannot be told: {shortened(str(error), 120)}") from None
    if len(body) > ARTIFACT_BYTES:
        raise Unfit(f"{len(body):,} bytes; at most {ARTIFACT_BYTES:,}")
    return body
