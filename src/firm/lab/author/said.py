"""What a model is told of a candidate.

One rule: whatever a candidate or its run said is quoted between marks that it cannot close, as material.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from firm.lab.artifact import as_json
from firm.lab.candidate import Status
from firm.lab.problem import Objective

MAX_TEXT_CHARS = 20_000
MAX_WHY_CHARS = 600
MAX_SAID_CHARS = 1_500


class Said(msgspec.Struct, frozen=True):
    """One candidate with what became of it."""

    id: int
    """Below 0: nobody has kept it, such as what a search starts with."""
    text: str
    """The artifact; a Vector's as JSON."""
    value: float | None = None
    """Of the objective, in its own direction; None: it has none."""
    status: Status = Status.VALID
    why: str = ""
    """Where it is not valid: what was broken."""
    said: dict[str, Any] = {}
    """What the scorer said beside the value."""
    stages: tuple[tuple[str, float | None], ...] = ()
    """Name and value of each stage that scored it."""

    @property
    def valid(self) -> bool:
        """Whether it is a solution with a value."""
        return self.status == Status.VALID and self.value is not None


def best_of(said: Sequence[Said], objective: Objective, count: int) -> list[Said]:
    """The best `count` that are valid, the best first; ties go to the older one."""
    valid = [one for one in said if one.valid]
    return sorted(valid, key=lambda one: (-objective.sign * (one.value or 0.0), one.id))[:count]


def failed_of(said: Sequence[Said], count: int) -> list[Said]:
    """The latest `count` that failed for different reasons."""
    found: dict[str, Said] = {}
    for one in sorted(said, key=lambda one: -one.id):
        if one.why and not one.valid:
            found.setdefault(one.why[:80], one)
    return list(found.values())[:count]


def quoted(text: str, limit: int, mark: str) -> str:
    """A text between `<mark>` and `</mark>`, cut at `limit` characters; it cannot close the mark itself."""
    cut = (
        text
        if len(text) <= limit
        else f"{text[:limit]}\n[{len(text) - limit:,} more characters are left out]"
    )
    return f"<{mark}>\n{cut.replace(f'</{mark}', f'< /{mark}')}\n</{mark}>"


def told(one: Said, objective: Objective, *, whole: bool = True) -> str:
    """A candidate as a model reads it.

    Args:
        one: The candidate.
        objective: What its value is of.
        whole: With its text.
    """
    name = f"Candidate {one.id}" if one.id >= 0 else "A candidate"
    value = "no value" if one.value is None else f"{objective.name} = {one.value!r}"
    status = one.status.name.lower()
    if one.status == Status.VALID and not one.valid:
        status = "not valid" if one.why else "not scored yet"
    lines = [f"{name}: {value}, {status}."]
    if one.stages:
        lines.append("Stages: " + ", ".join(f"{name} {found!r}" for name, found in one.stages) + ".")
    if one.said:
        lines.append(quoted(as_json(one.said), MAX_SAID_CHARS, "scorer"))
    if one.why:
        lines.append(quoted(one.why, MAX_WHY_CHARS, "why"))
    if whole:
        lines.append(quoted(one.text, MAX_TEXT_CHARS, "candidate"))
    return "\n".join(lines)
