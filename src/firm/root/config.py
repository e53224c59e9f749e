"""`firm.toml`: the founder's settings.

One rule: a key that is not known, or of a wrong type, is refused with file, line and the nearest right key;
nothing is ignored silently.
"""

import difflib
import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec

from firm.errors import UsageError

LATER = ("models", "effort", "budget", "rules")
"""Sections that belong to parts which this version does not have."""


class Engine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Section `[engine]`."""

    idle_s: float = 1.0
    """A run in which everything waits for longer than this leaves memory; seconds, at least 0.001."""
    cancel_grace_s: float = 60.0
    """How long a cancelled run may take to clean up; seconds, at least 0."""


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All settings, with their defaults."""

    name: str = ""
    """What the firm is called."""
    mission: str = ""
    """What it is for, in a sentence."""
    engine: Engine = Engine()


_TYPES: dict[str, dict[str, type]] = {
    "": {"name": str, "mission": str, "engine": dict},
    "engine": {"idle_s": float, "cancel_grace_s": float},
}
_LEAST = {"idle_s": 0.001, "cancel_grace_s": 0.0}
_WORDS = {str: "text in quotes", float: "a number", dict: "a section"}


def read_config(path: Path) -> Config:
    """The settings in `path`, or the defaults where there is no such file.

    Raises:
        UsageError: with file, line and what to write instead.
    """
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return Config()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {error}; it must be a UTF-8 text file") from None
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path}: not valid TOML: {error}") from None
    _check(found, "", path, text)
    return msgspec.convert(found, Config)


def _check(table: dict[str, Any], section: str, path: Path, text: str) -> None:
    types = _TYPES[section]
    for key, value in table.items():
        where = f"{path}, line {_line_of(text, section, key)}"
        shown = f"[{section}] {key}" if section else key
        if not section and key in LATER:
            raise UsageError(
                f"{where}: [{key}] belongs to a part that this version of firm does not have yet; "
                "take it out, nothing would heed it"
            )
        if key not in types:
            near = difflib.get_close_matches(key, types, n=1) or _elsewhere(key)
            hint = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(types)}"
            raise UsageError(f"{where}: unknown key {shown!r}; {hint}")
        kind = types[key]
        fits = (
            isinstance(value, (int, float)) and not isinstance(value, bool)
            if kind is float
            else type(value) is kind
        )
        if not fits:
            raise UsageError(f"{where}: {shown} is {value!r}; give {_WORDS[kind]}")
        if kind is float and not _LEAST[key] <= value < 1e9:
            raise UsageError(f"{where}: {shown} is {value!r}; give seconds, at least {_LEAST[key]:g}")
        if kind is dict:
            _check(value, key, path, text)


def _elsewhere(key: str) -> list[str]:
    """The key's place, if it only stands in the wrong section."""
    return [f"[{section}] {key}" if section else key for section, types in _TYPES.items() if key in types]


def _line_of(text: str, section: str, key: str) -> int:
    """Line where a key or a section stands, 1 for the first; 1 as well where it cannot be told."""
    here = ""
    name = rf"""(?:{re.escape(key)}|"{re.escape(key)}"|'{re.escape(key)}')"""
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*\[+\s*([^\[\]]+?)\s*\]+", line):
            here = header.group(1)
            if not section and re.match(rf"{name}(?:\s*\.|$)", here):
                return number
            continue
        dotted = rf"{re.escape(section)}\s*\.\s*" if section and not here else ""
        if (here == section or dotted) and re.match(rf"\s*{dotted}{name}\s*[.=]", line):
            return number
    return 1
