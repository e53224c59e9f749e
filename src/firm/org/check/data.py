"""Checks of an artifact's data.

One rule: what does not fit is named with its place, so that its maker can mend it.
"""

import math
from typing import Any

from firm.org.check.look import NOTHING, Look, Seen, at, short, some


def has_data(look: Look) -> Seen:
    """There is data at all."""
    data = look.artifact.data
    if data is None:
        return look.no("it is no JSON")
    if isinstance(data, dict | list | tuple):
        return look.yes("JSON with {count} entries", count=f"{len(data):,}")
    return look.yes("JSON: {value}", value=short(str(data)))


def fits_schema(look: Look) -> Seen:
    """It fits the task's JSON Schema."""
    from firm.model.schema import Mismatch, shape_of

    schema = look.assignment.task.schema
    assert schema is not None
    try:
        shape_of(schema).convert(look.artifact.data)
    except Mismatch as error:
        return look.no("it does not fit the schema: {why}", why=short(str(error), 400))
    return look.yes("fits the schema")


def has(look: Look, *keys: str) -> Seen:
    """Each of these is there and not empty."""
    missing = [key for key in keys if _empty(at(look.artifact.data, key))]
    if missing:
        return look.no("its JSON lacks {what}", what=some(missing))
    return look.yes("its JSON has {what}", what=some(keys))


def is_list(look: Look, key: str, least: float, most: float | None) -> Seen:
    """A list with so many items."""
    found = at(look.artifact.data, key)
    if not isinstance(found, list | tuple):
        return look.no("{key} is no list", key=key)
    count = len(found)
    if count < least:
        return look.no(
            "{key} has {count} items; at least {least} are wanted", key=key, count=count, least=f"{least:g}"
        )
    if most is not None and count > most:
        return look.no(
            "{key} has {count} items; at most {most} are wanted", key=key, count=count, most=f"{most:g}"
        )
    return look.yes("{key} has {count} items", key=key, count=f"{count:,}")


def is_number(look: Look, key: str, low: float, high: float | None) -> Seen:
    """A finite number in a range."""
    found = at(look.artifact.data, key)
    if isinstance(found, bool) or not isinstance(found, int | float) or not math.isfinite(found):
        return look.no("{key} is no number", key=key)
    if found < low or (high is not None and found > high):
        top = "" if high is None else f"{high:g}"
        return look.no(
            "{key} is {value}; {low} to {high} is wanted",
            key=key,
            value=f"{found:g}",
            low=f"{low:g}",
            high=top,
        )
    return look.yes("{key} is {value}", key=key, value=f"{found:g}")


def each_has(look: Look, key: str, *names: str) -> Seen:
    """Every item of a list has these, not empty."""
    found = at(look.artifact.data, key)
    if not isinstance(found, list | tuple):
        return look.no("{key} is no list", key=key)
    missing = [
        f"{key}[{place}].{name}"
        for place, item in enumerate(found)
        for name in names
        if _empty(at(item, name))
    ]
    if missing:
        return look.no("its JSON lacks {what}", what=some(missing))
    return look.yes(
        "each of the {count} items of {key} has {what}", count=f"{len(found):,}", key=key, what=some(names)
    )


def _empty(value: Any) -> bool:
    return value is NOTHING or value is None or (isinstance(value, str | list | tuple | dict) and not value)
