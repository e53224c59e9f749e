"""Reading a program, a text or a change out of what a model wrote.

One rule: exactly what was asked for is taken, and anything else is an `Unclear` that tells the model what to write.
"""

import re
from dataclasses import dataclass

from firm.lab.artifact import MAX_CHARS

PYTHON = ("python", "py", "python3")
TEXT = ("text", "txt", "json", "markdown", "md")
_OPEN = re.compile(r"^(`{3,})[ \t]*([\w+-]*)[ \t]*$")
SEARCH, DIVIDER, REPLACE = "<<<<<<< SEARCH", "=======", ">>>>>>> REPLACE"


class Unclear(Exception):
    """What a model wrote cannot be taken; the message is for the model."""


@dataclass(frozen=True, slots=True)
class Change:
    """Replace one passage by another."""

    old: str
    new: str


def read_block(reply: str, languages: tuple[str, ...]) -> str:
    """The one fenced block of a reply; one with a language before one without.

    Args:
        reply: What the model wrote.
        languages: What may stand behind the fence, lower case; the first is named in errors.

    Raises:
        Unclear: there is none, there are several, or it was not closed.
    """
    named, bare = [], []
    for language, body in _blocks(reply.replace("\r\n", "\n")):
        if language.lower() in languages:
            named.append(body)
        elif not language:
            bare.append(body)
    found = named or bare
    if len(found) != 1:
        what = "no block" if not found else f"{len(found)} blocks"
        raise Unclear(
            f"there is {what} in the reply: give all of it in one block that begins with ```{languages[0]}"
        )
    if not found[0].strip():
        raise Unclear("the block is empty: give the whole text")
    if len(found[0]) > MAX_CHARS:
        raise Unclear(f"the block has {len(found[0]):,} characters: give at most {MAX_CHARS:,}")
    return found[0]


def _blocks(reply: str) -> list[tuple[str, str]]:
    """Language and text of each fenced block, as CommonMark reads them."""
    found: list[tuple[str, str]] = []
    fence, language, lines = "", "", [""]
    for line in reply.split("\n"):
        if not fence:
            opened = _OPEN.match(line)
            if opened:
                fence, language, lines = opened[1], opened[2], []
        elif line.rstrip() == "`" * len(line.rstrip()) and len(line.rstrip()) >= len(fence):
            found.append((language, "".join(f"{one}\n" for one in lines)))
            fence = ""
        else:
            lines.append(line)
    if fence:
        raise Unclear(
            "the last block is not closed: end it with a line of ``` alone, and be shorter if it was cut off"
        )
    return found


def read_changes(reply: str) -> list[Change]:
    """The SEARCH/REPLACE blocks of a reply, in order.

    Raises:
        Unclear: there is none, or one is not whole.
    """
    found: list[Change] = []
    part, old, new = "", [""], [""]
    for number, line in enumerate(reply.replace("\r\n", "\n").split("\n"), 1):
        mark = line.rstrip()
        wanted = {"": SEARCH, "old": DIVIDER, "new": REPLACE}[part]
        if mark == wanted:
            if part == "new":
                found.append(Change(*("".join(f"{one}\n" for one in lines) for lines in (old, new))))
            part = {"": "old", "old": "new", "new": ""}[part]
            old, new = ([], []) if part == "old" else (old, new)
        elif mark in (SEARCH, REPLACE):
            raise Unclear(f"line {number} is {mark!r} where {wanted!r} has to come first")
        elif part:
            (old if part == "old" else new).append(line)
    if part:
        raise Unclear(f"the last block is not closed: end it with {REPLACE!r}")
    if not found:
        raise Unclear(f"there is no block that begins with {SEARCH!r}")
    return found


def apply(text: str, changes: list[Change]) -> str:
    """The text after all changes, one after the other.

    Raises:
        Unclear: a passage is empty, is not there, or is there more than once.
    """
    whole = text if text.endswith("\n") else f"{text}\n"
    for number, change in enumerate(changes, 1):
        if not change.old.strip():
            raise Unclear(f"block {number}: SEARCH is empty; quote the lines that are to be replaced")
        count = _count(whole, change.old)
        if count != 1:
            what = (
                "does not occur in the candidate" if not count else f"occurs {count} times in the candidate"
            )
            raise Unclear(
                f"block {number}: SEARCH {what}; quote whole lines exactly, with their indentation, and enough of "
                f"them to be unique. It begins: {change.old[:120]!r}"
            )
        whole = _replaced(whole, change)
    return whole if text.endswith("\n") else whole.removesuffix("\n")


def _count(whole: str, old: str) -> int:
    """How often it stands there as whole lines."""
    return f"\n{whole}".count(f"\n{old}")


def _replaced(whole: str, change: Change) -> str:
    return f"\n{whole}".replace(f"\n{change.old}", f"\n{change.new}", 1)[1:]
