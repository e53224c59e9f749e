"""What may stand in a settings file: kinds of values, and where a key stands.

One rule: a kind knows the words that tell a person what to write instead; a secret is never repeated in them.
"""

import difflib
import math
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from firm.errors import UsageError

Place = tuple[str | int, ...]
"""Keys from the outside in; a number is the place in a list of sections, 0 for the first."""


class Problem(Exception):
    """Something is wrong at a place of the file.

    Args:
        place: keys from the outside in.
        told: what, and what to write instead.
    """

    def __init__(self, place: Place, told: str) -> None:
        super().__init__(told)
        self.place = place


@dataclass(frozen=True, slots=True)
class Kind:
    """What a key may hold."""

    fits: Callable[[Any], bool]
    wanted: str
    """What to give, in words."""
    secret: bool = False
    """What was given is not to be shown."""


Keys = Mapping[str, Kind]


def text(*, least: int = 0) -> Kind:
    """Text of at least so many characters."""
    return Kind(lambda value: type(value) is str and len(value) >= least, "text in quotes")


def texts() -> Kind:
    """A list of text."""
    return Kind(
        lambda value: type(value) is list and all(type(item) is str for item in value),
        'a list of text, such as ["big", "small"]',
    )


def truth() -> Kind:
    """true or false."""
    return Kind(lambda value: type(value) is bool, "true or false, without quotes")


def whole(least: int, most: int) -> Kind:
    """A whole number in a range."""
    return Kind(
        lambda value: type(value) is int and least <= value <= most, f"a whole number, {least} to {most:,}"
    )


def number(least: float, of: str) -> Kind:
    """A number of at least `least`, below 1e9."""
    return Kind(
        lambda value: _is_number(value) and least <= value < 1e9, f"a number ({of}), at least {least:g}"
    )


def seconds(least: float) -> Kind:
    """A length of time."""
    return Kind(
        lambda value: _is_number(value) and least <= value < 1e9, f"a number of seconds, at least {least:g}"
    )


def time_of_day() -> Kind:
    """HH:MM, or '' for never."""
    return Kind(
        lambda value: type(value) is str and bool(re.fullmatch(r"(([01]\d|2[0-3]):[0-5]\d)?", value)),
        'a time of the day such as "08:00", or "" for never',
    )


def known(words: Sequence[str]) -> Kind:
    """One of these words."""
    return Kind(lambda value: value in words, "one of " + ", ".join(f'"{word}"' for word in words))


def section() -> Kind:
    """A table of its own."""
    return Kind(lambda value: type(value) is dict, "a section")


def sections() -> Kind:
    """Any number of tables of one kind."""
    return Kind(
        lambda value: type(value) is list and all(type(item) is dict for item in value),
        "sections in double brackets, such as [[rules]]",
    )


def address() -> Kind:
    """An address of a server, or several."""

    def fits(value: Any) -> bool:
        if type(value) is list:
            return bool(value) and all(type(item) is str and _is_address(item) for item in value)
        return type(value) is str and _is_address(value)

    wanted = 'an address such as "http://127.0.0.1:8000/v1", without user and password, or a list of them'
    return Kind(fits, wanted)


_PASSWORD = re.compile(r"//[^/\s'\"]*@")
"""In an address: not to be shown."""
_SECRET = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*|secret:[\w.-]+")


def secret() -> Kind:
    """Where a secret is found, never the secret itself."""
    return Kind(lambda value: type(value) is str and bool(_SECRET.fullmatch(value)), "", secret=True)


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


def _is_address(value: str) -> bool:
    try:
        parts = urlsplit(value)
        parts.port  # noqa: B018 - it is read here, and raises for what is no port
    except ValueError:
        return False
    return (
        parts.scheme in ("http", "https")
        and bool(parts.hostname)
        and parts.username is None
        and value.isprintable()
    )


def check(table: Mapping[str, Any], place: Place, keys: Keys, places: Mapping[str, str]) -> None:
    """Look at every key of a section.

    Args:
        table: What stands there.
        place: Of the section.
        keys: What may stand there.
        places: Every key of the file, as it is written in its right place.

    Raises:
        Problem: the first key that is not known, or holds something else.
    """
    for key, value in table.items():
        shown = f"[{shown_place(place)}] {key}" if place else key
        kind = keys.get(key)
        if kind is None:
            near = difflib.get_close_matches(key, keys, n=1)
            elsewhere = places.get(key, key)
            meant = elsewhere if elsewhere != key else near[0] if near else None
            hint = f"did you mean {meant!r}?" if meant else f"known here: {', '.join(keys)}"
            raise Problem((*place, key), f"unknown key {shown!r}; {hint}")
        if kind.fits(value):
            continue
        if kind.secret:
            raise Problem((*place, key), f"{shown} {_instead_of_secret(str(place[-1]))}")
        raise Problem((*place, key), f"{shown} is {_PASSWORD.sub('//…@', repr(value))}; give {kind.wanted}")


def shown_place(place: Place) -> str:
    """A section as it is written, such as `models.big`."""
    return ".".join(str(key) for key in place if not isinstance(key, int))


def _instead_of_secret(name: str) -> str:
    variable = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_").upper() or "MODEL"
    variable = f"{variable}_KEY" if not variable[0].isdigit() else f"MODEL_{variable}_KEY"
    return (
        "holds something else than the place of a secret, and secrets have no place in this file; "
        f'write key = "env:{variable}" and set {variable} in the environment'
    )


def read_toml(path: Path) -> tuple[str, dict[str, Any]]:
    """The words of a TOML file, and what they say.

    Raises:
        UsageError: it is not there, or is no TOML.
    """
    try:
        words = path.read_text("utf-8")
        return words, tomllib.loads(words)
    except FileNotFoundError:
        raise UsageError(f"there is no file {str(path)!r}; give the path of one") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {error}; it must be a UTF-8 text file") from None
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path}: not valid TOML: {error}") from None


# --- lines -----------------------------------------------------------------------------------------------------

_HEADER = re.compile(r"\s*(\[{1,2}[^\]]*\]{1,2})\s*(?:#.*)?$")
_KEY = re.compile(r"""\s*((?:"[^"]*"|'[^']*'|[\w-]+)(?:\s*\.\s*(?:"[^"]*"|'[^']*'|[\w-]+))*)\s*=""")


def line_of(words: str, place: Place) -> int:
    """Line where a key or a section stands, 1 for the first; the nearest thing around it where it cannot be told."""
    section: Place = ()
    counts: dict[Place, int] = {}
    best, line = 0, 1
    for count, row in enumerate(words.splitlines(), 1):
        if header := _HEADER.match(row):
            section = here = _path(header.group(1))
            if header.group(1).startswith("[["):
                section = here = (*here, counts.setdefault(here, 0))
                counts[here[:-1]] += 1
        elif key := _KEY.match(row):
            here = section + _path(f"{key.group(1)} = 0")
        else:
            continue
        shared = len(here) if here == place[: len(here)] else len(place) if here[: len(place)] == place else 0
        if shared > best:
            best, line = shared, count
    return line


def _path(row: str) -> Place:
    """The keys of a header or of a dotted key, from the outside in."""
    try:
        found: Any = tomllib.loads(row)
    except tomllib.TOMLDecodeError:
        return ()
    path: list[str | int] = []
    while isinstance(found, dict) and found:
        [(key, found)] = found.items()
        path.append(key)
        if isinstance(found, list):
            found = found[0] if found else None
    return tuple(path)
