"""Where a key of a TOML file stands, which `tomllib` does not tell.

One rule: the nearest thing around a place is named where the place itself cannot be found.
"""

import re
import tomllib
from collections.abc import Iterator
from typing import Any

Place = tuple[str | int, ...]
"""Keys from the outside in; a number is the place in a list of sections, 0 for the first."""
_HEADER = re.compile(r"\s*(\[{1,2})([^\[\]]+)\]{1,2}\s*(?:#.*)?")
_KEY = re.compile(r"""\s*((?:"[^"]*"|'[^']*'|[\w-]+)(?:\s*\.\s*(?:"[^"]*"|'[^']*'|[\w-]+))*)\s*=""")
_LONG = re.compile(r"\"{3}|'{3}")


def line_of(words: str, place: Place) -> int:
    """The line of a key or a section, 1 for the first."""
    section: Place = ()
    best, line = 0, 1
    counts: dict[Place, int] = {}
    for count, row in _plain_rows(words):
        if header := _HEADER.fullmatch(row):
            section = _section(_keys(header.group(2)), counts, many=header.group(1) == "[[")
            here = section
        elif key := _KEY.match(row):
            here = section + _keys(key.group(1))
        else:
            continue
        shared = _shared(here, place)
        if shared > best:
            best, line = shared, count
    return line


def _plain_rows(words: str) -> Iterator[tuple[int, str]]:
    """Rows with their numbers, without those inside of text over several lines."""
    inside = ""
    for count, row in enumerate(words.split("\n"), 1):
        if not inside:
            yield count, row
        for mark in _LONG.findall(row):
            inside = "" if inside == mark else inside or mark


def _section(keys: Place, counts: dict[Place, int], *, many: bool) -> Place:
    """A header's keys with the numbers of the lists that it stands in; `counts` is kept."""
    here: Place = ()
    for key in keys[:-1]:
        here = (*here, key)
        here = (*here, counts[here] - 1) if here in counts else here
    here = (*here, keys[-1]) if keys else here
    if many:
        counts[here] = counts.get(here, 0) + 1
        return (*here, counts[here] - 1)
    return here


def _shared(here: Place, place: Place) -> int:
    """How much of a place something tells of; 0 where it stands beside it."""
    if here == place[: len(here)]:
        return len(here)
    return len(place) if here[: len(place)] == place else 0


def _keys(words: str) -> Place:
    """The keys of `a.b."c d"`."""
    try:
        found: Any = tomllib.loads(f"{words.strip()} = 0")
    except tomllib.TOMLDecodeError:
        return ()
    keys: list[str | int] = []
    while isinstance(found, dict) and found:
        [(key, found)] = found.items()
        keys.append(key)
    return tuple(keys)
