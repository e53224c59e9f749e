"""The head of a Markdown file: keys and values between two lines `---`, and the sections below it.

One rule: `key: value`, one a line, with `#` for a comment; nothing else, so that a line can always be named.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from firm.org.roster.mistake import mistake

FENCE = "---"
_FIELD = re.compile(r"([\w-]+)\s*[:：]\s*(.*)", re.DOTALL)
_COMMENT = re.compile(r"(?:^|\s)#.*$")
_CODE = ("```", "~~~")


@dataclass(frozen=True, slots=True)
class Value:
    """What stands behind a key."""

    text: str
    line: int
    """1 for the first of the file."""

    @property
    def items(self) -> tuple[str, ...]:
        """A list by commas; `[a, b]` is taken too."""
        text = self.text[1:-1] if self.text.startswith("[") and self.text.endswith("]") else self.text
        items = [_unquoted(one.strip()) for one in re.split("[,，、]", text)]
        return tuple(one for one in items if one)


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the text below a heading."""

    heading: str
    """Of level 2, without `##`; '' for what stands before the first."""
    line: int
    """Of the heading."""
    rows: tuple[tuple[int, str], ...]
    """Lines below it, each with its number."""

    @property
    def text(self) -> str:
        """As it is written."""
        return "\n".join(row for _, row in self.rows).strip()


@dataclass(frozen=True, slots=True)
class Sheet:
    """A Markdown file, taken apart."""

    path: Path
    head: dict[str, Value]
    title: str
    """Its heading of level 1; '': none."""
    sections: tuple[Section, ...]


def read_sheet(path: Path, words: str) -> Sheet:
    """Take a file apart.

    Raises:
        UsageError: a line of its head is no `key: value`, a key stands twice, or the head has no end.
    """
    rows = list(enumerate(words.split("\n"), 1))
    head: dict[str, Value] = {}
    if rows[0][1].rstrip() == FENCE:
        end = next((count for count, row in rows[1:] if row.rstrip() == FENCE), None)
        if end is None:
            raise mistake(path, 1, f"the head has no end; put a line {FENCE} below its last key")
        head = _head(path, rows[1 : end - 1])
        rows = rows[end:]
    title, sections = _sections(rows)
    return Sheet(path, head, title, sections)


def _head(path: Path, rows: list[tuple[int, str]]) -> dict[str, Value]:
    head: dict[str, Value] = {}
    for line, row in rows:
        plain = row if _quoted(row) else _COMMENT.sub("", row)
        if not plain.strip():
            continue
        found = _FIELD.fullmatch(plain.strip())
        if found is None or row[0].isspace() or row.startswith("- "):
            raise mistake(path, line, f"{row.strip()!r:.80} is no key with its value; {_instead(row)}")
        key, text = found.groups()
        if key in head:
            raise mistake(path, line, f"{key!r} stands in line {head[key].line} already; keep one of them")
        head[key] = Value(_unquoted(text.strip()), line)
    return head


def _instead(row: str) -> str:
    if row.lstrip().startswith("- "):
        return "write lists by commas behind their key, such as `tools: files, web`"
    return "write `key: value`, one a line, without indentation"


def _quoted(row: str) -> bool:
    """Whether the value is in quotes as a whole, so that `#` in it is meant."""
    value = row.partition(":")[2].strip()
    return len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text


def _sections(rows: list[tuple[int, str]]) -> tuple[str, tuple[Section, ...]]:
    title, fence = "", ""
    heading, at = "", rows[0][0] if rows else 1
    below: list[tuple[int, str]] = []
    found: list[Section] = []
    for line, row in rows:
        mark = row.lstrip()[:3]
        if mark in _CODE and (not fence or mark == fence):
            fence = "" if fence else mark
        if not fence and row.startswith("## "):
            found.append(Section(heading, at, tuple(below)))
            heading, at, below = row[3:].strip(), line, []
        elif not fence and row.startswith("# ") and not title and not heading:
            title = row[2:].strip()
        else:
            below.append((line, row))
    return title, (*found, Section(heading, at, tuple(below)))
