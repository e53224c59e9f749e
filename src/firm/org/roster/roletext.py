"""Role files, written.

One rule: what is written reads back as the same role; a lesson is put in without touching anything else.
"""

from typing import Any

from firm.org.role import CHIEF, Role
from firm.org.roster.rolefile import LESSONS, RULES
from firm.org.words import language_of

_HEAD = (
    "reports_to",
    "held_by",
    "program",
    "tools",
    "model",
    "effort",
    "budget_usd",
    "turns",
    "hands",
    "stand_in",
    "fields",
    "unit",
)


def role_text(role: Role, title: str = "") -> str:
    """A role as its file says it; what is as it would be anyway is left out.

    Args:
        role: What is to be written.
        title: Its heading; '': its name.
    """
    plain = Role(name=role.name)
    rows = [
        f"{key}: {_shown(getattr(role, key))}"
        for key in _HEAD
        if getattr(role, key) != getattr(plain, key) and not (role.name == CHIEF and key == "reports_to")
    ]
    head = "---\n" + "\n".join(rows) + "\n---\n" if rows else ""
    parts = [f"{head}# {title or role.name.replace('-', ' ').capitalize()}"]
    if role.purpose:
        parts.append(role.purpose)
    chinese = language_of(role.purpose + "".join(role.rules)) == "zh"
    for headings, items in ((RULES, role.rules), (LESSONS, role.lessons)):
        if items:
            parts.append(f"## {headings[chinese]}\n\n" + "\n".join(f"- {_line(item)}" for item in items))
    return "\n\n".join(parts) + "\n"


def with_lesson(words: str, lesson: str) -> str:
    """The text of a role file with one more lesson; the same text where it has it already.

    Args:
        words: The whole file, as it is.
        lesson: One sentence.
    """
    item = f"- {_line(lesson)}"
    rows = words.rstrip("\n").split("\n")
    if item in rows:
        return words
    start = next((place for place, row in enumerate(rows) if row.strip() in _HEADINGS), None)
    if start is None:
        chinese = language_of(words) == "zh"
        return "\n".join([*rows, "", f"## {LESSONS[chinese]}", "", item]) + "\n"
    below = range(start + 1, len(rows))
    end = next((place for place in below if rows[place].startswith("## ")), len(rows))
    last = max((place for place in range(start, end) if rows[place].strip()), default=start)
    gap = [""] if last == start else []
    return "\n".join([*rows[: last + 1], *gap, item, *rows[last + 1 :]]) + "\n"


_HEADINGS = {f"## {heading}" for heading in LESSONS}


def _line(text: str) -> str:
    return " ".join(text.split())


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(value)
    return f"{value:.2f}" if isinstance(value, float) and round(value, 2) == value else str(value)
