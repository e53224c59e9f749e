"""Role files: `roles/NAME.md`, read.

One rule: a key that is not known, or holds something else, is refused with its line and the nearest right key.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from firm.errors import UsageError
from firm.org.plan import PANEL, is_name
from firm.org.program import is_program
from firm.org.role import CHIEF, FOUNDER, MAX_HANDS, HeldBy, Role
from firm.org.roster.matter import Section, Sheet, Value, read_sheet
from firm.org.roster.mistake import meant, mistake, read_text
from firm.units import LEVELS

RULES = ("Rules", "规则")
LESSONS = ("Lessons", "经验")
GROUPS = ("files", "shell", "git", "web", "http", "sql", "person", "time", "notes")
"""Groups of the kit that an agent's `tools` can name."""
STAND_IN_MODEL = "model:"
MAX_TURNS = 1_000_000
_ITEM = re.compile(r"[-*+•]\s+(.*)")


@dataclass(frozen=True, slots=True)
class RoleFile:
    """A role with where it was written."""

    role: Role
    path: Path
    title: str
    """Its heading; '': it has none."""
    lines: dict[str, int]
    """Line of each key, and of 'rules' and 'lessons', where they are there."""

    def line(self, key: str) -> int:
        """Of a key; 1 where it is not there."""
        return self.lines.get(key, 1)


def read_role(path: Path) -> Role:
    """A role from its file.

    Raises:
        UsageError: with file, line and what to write instead.
    """
    return read_role_file(path).role


def read_role_file(path: Path) -> RoleFile:
    """A role with the lines of its file.

    Raises:
        UsageError: with file, line and what to write instead.
    """
    name = path.stem
    if not is_name(name) or name in (PANEL, FOUNDER):
        taken = f"{name!r} stands for something else" if name in (PANEL, FOUNDER) else f"{name!r} is no name"
        raise UsageError(f"{path}: {taken}; name the file with letters, digits and '-', such as editor.md")
    sheet = read_sheet(path, read_text(path))
    found: dict[str, Any] = {}
    for key, value in sheet.head.items():
        if key not in _KEYS:
            raise mistake(path, value.line, f"unknown key {key!r}; {meant(key, _KEYS)}")
        try:
            found[key] = _KEYS[key](value)
        except _Wrong as wrong:
            raise mistake(path, value.line, f"{key} is {value.text!r:.100}; give {wrong}") from None
    lines = {key: value.line for key, value in sheet.head.items()}
    found |= _said(sheet, lines)
    if name == CHIEF:
        found.setdefault("reports_to", FOUNDER)
    role = Role(name=name, **found)
    _check(role, sheet)
    return RoleFile(role, path, sheet.title, lines)


# --- what stands behind a key -----------------------------------------------------------------------------------


class _Wrong(Exception):
    """What is to be given instead."""


def _name(value: Value) -> str:
    if not is_name(value.text):
        raise _Wrong("a name of letters, digits and '-'")
    return value.text


def _some(value: Value) -> str:
    if not value.text:
        raise _Wrong("something, or take the line out")
    return value.text


def _one_of(words: tuple[str, ...]) -> Callable[[Value], str]:
    def read(value: Value) -> str:
        if value.text not in words:
            near = meant(value.text, words)
            raise _Wrong(f"one of {', '.join(words)}" + ("" if near.startswith("known") else f"; {near}"))
        return value.text

    return read


def _whole(least: int, most: int) -> Callable[[Value], int]:
    def read(value: Value) -> int:
        plain = value.text.replace("_", "")
        if not (plain.isascii() and plain.isdigit() and least <= int(plain[:20]) <= most):
            raise _Wrong(f"a whole number, {least} to {most:,}")
        return int(plain)

    return read


def _usd(value: Value) -> float:
    try:
        found = float(value.text)
    except ValueError:
        found = math.nan
    if not 0 <= found < 1e9:
        raise _Wrong("US dollars as a number, at least 0, such as 0.50")
    return found


def _tools(value: Value) -> tuple[str, ...]:
    for one in value.items:
        if one not in GROUPS and not is_program(one):
            raise _Wrong(f"groups of {', '.join(GROUPS)}, or programs/FILE.py:TOOL; {meant(one, GROUPS)}")
    return value.items


def _program(value: Value) -> str:
    if not is_program(value.text):
        raise _Wrong("programs/FILE.py:FUNCTION")
    return value.text


def _unit(value: Value) -> str:
    if not all(is_name(part) for part in value.text.split("/")):
        raise _Wrong("the name of a folder below units/")
    return value.text


def _stand_in(value: Value) -> str:
    plain = value.text.removeprefix(STAND_IN_MODEL)
    if not plain or (plain == value.text and not is_name(plain)):
        raise _Wrong("another role, or model:NAME")
    return value.text


_KEYS: dict[str, Callable[[Value], Any]] = {
    "reports_to": _name,
    "held_by": _one_of(get_args(HeldBy)),
    "program": _program,
    "tools": _tools,
    "model": _some,
    "effort": _one_of(tuple(LEVELS)),
    "budget_usd": _usd,
    "turns": _whole(1, MAX_TURNS),
    "hands": _whole(1, MAX_HANDS),
    "stand_in": _stand_in,
    "fields": lambda value: value.items,
    "unit": _unit,
}


# --- the text ----------------------------------------------------------------------------------------------------


def _said(sheet: Sheet, lines: dict[str, int]) -> dict[str, Any]:
    """Purpose, rules and lessons; the lines of the last two are added to `lines`."""
    found: dict[str, Any] = {}
    purpose = []
    for section in sheet.sections:
        for key, headings in (("rules", RULES), ("lessons", LESSONS)):
            if section.heading in headings:
                if key in found:
                    raise mistake(sheet.path, section.line, f"## {section.heading} stands twice; join them")
                found[key] = _items(sheet.path, section)
                lines[key] = section.line
                break
        else:
            _check_heading(sheet.path, section)
            purpose.append(f"## {section.heading}\n\n{section.text}" if section.heading else section.text)
    found["purpose"] = "\n\n".join(purpose).strip()
    return found


def _check_heading(path: Path, section: Section) -> None:
    import difflib

    known = {one.lower(): one for one in (*RULES, *LESSONS)}
    near = difflib.get_close_matches(section.heading.lower(), known, n=1, cutoff=0.75)
    if near:
        raise mistake(path, section.line, f"## {section.heading}: did you mean '## {known[near[0]]}'?")


def _items(path: Path, section: Section) -> tuple[str, ...]:
    found: list[str] = []
    for line, row in section.rows:
        if not row.strip():
            continue
        item = _ITEM.fullmatch(row.strip())
        if item is not None and not row.startswith("  "):
            found.append(item.group(1).strip())
        elif row[0].isspace() and found:
            found[-1] += f" {row.strip()}"
        else:
            raise mistake(
                path, line, f"{row.strip()!r:.80} below ## {section.heading}: write each as '- One sentence.'"
            )
    return tuple(found)


def _check(role: Role, sheet: Sheet) -> None:
    """Keys that do not go together."""

    def wrong(key: str, says: str) -> UsageError:
        value = sheet.head.get(key)
        return mistake(sheet.path, value.line if value else 1, says)

    if role.name == CHIEF and role.reports_to != FOUNDER:
        raise wrong(
            "reports_to", f"the chief reports to the founder, not to {role.reports_to!r}; take it out"
        )
    if role.name != CHIEF and role.reports_to == FOUNDER:
        raise wrong("reports_to", "only the chief reports to the founder; write `reports_to: chief`")
    if role.reports_to == role.name:
        raise wrong("reports_to", f"{role.name!r} reports to itself; name another role")
    if role.held_by == "program" and not role.program:
        raise wrong(
            "held_by", "a program holds it, and none is named; add `program: programs/FILE.py:FUNCTION`"
        )
    if role.program and role.held_by != "program":
        raise wrong(
            "program", f"`program` is for held_by: program, not {role.held_by}; add `held_by: program`"
        )
    if role.tools and role.held_by != "agent":
        raise wrong("tools", f"tools are for agents, and it is held by a {role.held_by}; take the line out")
    if role.unit and role.held_by != "agent":
        raise wrong("unit", f"a unit does its work, and a {role.held_by} holds it too; keep one of them")
    if role.stand_in == role.name:
        raise wrong("stand_in", f"{role.name!r} stands in for itself; name another role, or model:NAME")
