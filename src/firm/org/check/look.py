"""What a built-in check is given, and what it says.

One rule: a check says one line: what was seen, or what is missing, so that its maker can mend it.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from firm.org.artifact import Artifact
from firm.org.assignment import Assignment
from firm.org.check.intact import fault, text_of
from firm.org.words import Say, words

MAX_FILE_BYTES = 1024 * 1024
"""Larger files are not read for what they say."""
MAX_READ_BYTES = 8 * 1024 * 1024
"""Of all files together."""
SHOWN = 5
"""So many are named where many are missing."""
SHOWN_CHARS = 100
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Seen:
    """What a check says."""

    good: bool
    line: str
    """Evidence, or the reason for a refusal."""


@dataclass(frozen=True)
class Look:
    """What is looked at."""

    assignment: Assignment
    artifact: Artifact
    home: Path

    @cached_property
    def digest(self) -> str:
        """Of the artifact's content."""
        return self.artifact.digest

    @cached_property
    def say(self) -> Say:
        """Says a phrase in the mission's language."""
        return words(self.assignment.language, "firm.org.check.chinese")

    def yes(self, phrase: str, **values: object) -> Seen:
        """It is good: what was seen."""
        return Seen(True, self.say(phrase, **values))

    def no(self, phrase: str, **values: object) -> Seen:
        """It is not: what is missing."""
        return Seen(False, self.say(phrase, **values))

    @cached_property
    def body(self) -> str:
        """All that the artifact says: its text, the texts in its data, what stands in its files."""
        return body_of(self.artifact, self.home)

    @cached_property
    def wrong_file(self) -> str:
        """What is wrong with its first file that is not as it was handed over; '' where all are."""
        return next((why for made in self.artifact.files if (why := fault(self.home, made))), "")


def body_of(artifact: Artifact, home: Path, kinds: tuple[str, ...] = ("",)) -> str:
    """All that an artifact says, one part a paragraph.

    Args:
        artifact: Its text, the texts in its data, and its files.
        home: Below which they lie.
        kinds: How the names of files end that are read; those that are no text or larger than 1 MiB never are.
    """
    parts = [artifact.text, *leaves(artifact.data)]
    left = MAX_READ_BYTES
    for made in [one for one in artifact.files if one.path.endswith(kinds)]:
        if made.bytes <= left and (said := text_of(home, made, MAX_FILE_BYTES)) is not None:
            left -= made.bytes
            parts.append(said)
    return "\n\n".join([part for part in parts if part])


def leaves(data: Any) -> list[str]:
    """All texts and numbers in builtins, keys left out."""
    found: list[str] = []
    todo = [data]
    while todo:
        one = todo.pop()
        if isinstance(one, dict):
            todo += reversed(list(one.values()))
        elif isinstance(one, list | tuple):
            todo += reversed(one)
        elif one is not None and not isinstance(one, bool):
            found.append(str(one))
    return found


NOTHING = object()
"""What stands at a path where nothing stands."""


def at(data: Any, path: str) -> Any:
    """What stands at a path such as 'wing.span'; '.' is the whole; NOTHING where nothing stands."""
    for part in [] if path == "." else path.split("."):
        if isinstance(data, dict) and part in data:
            data = data[part]
        elif isinstance(data, list | tuple) and part.isdecimal() and int(part) < len(data):
            data = data[int(part)]
        else:
            return NOTHING
    return data


def each(data: Any, path: str) -> list[Any]:
    """All that stands at a path; a list on the way, or at its end, is gone through item by item."""
    here = [data]
    for part in [] if path == "." else path.split("."):
        here = [one[part] for one in flat(here) if isinstance(one, dict) and part in one]
    return flat(here)


def flat(items: Iterable[Any]) -> list[Any]:
    """Items, with those of lists among them in their place."""
    found: list[Any] = []
    for one in items:
        found += flat(one) if isinstance(one, list | tuple) else [one]
    return found


def some(items: Iterable[str]) -> str:
    """The first few, in quotes."""
    found = [short(one) for one in items]
    rest = f" (+{len(found) - SHOWN:,})" if len(found) > SHOWN else ""
    return ", ".join([f"“{one}”" for one in found[:SHOWN]]) + rest


def short(text: str, limit: int = SHOWN_CHARS) -> str:
    """One line of it."""
    line = _SPACE.sub(" ", text).strip()
    return line if len(line) <= limit else line[: limit - 1] + "…"


Judge = Callable[..., Seen]
"""`(Look, *arguments as they were read) -> Seen`."""
