"""What changed between two artifacts: lines of a text, numbers of a vector.

One rule: it is short. What is left out is counted.
"""

import difflib
from collections.abc import Sequence
from typing import Any

from firm.lab.report.figures import number
from firm.lab.report.markup import Html, join, tag
from firm.lab.report.words import Say

MAX_LINES = 60
MAX_CHANGED = 12
MAX_CHARS = 400
"""Of one line."""


def difference(before: Any, after: Any, names: Sequence[str], say: Say) -> Html | None:
    """How `after` differs from `before`; None where that cannot be said, or there is nothing before."""
    if isinstance(before, str) and isinstance(after, str):
        return _texts(before, after, say)
    old, new = flat(before), flat(after)
    if old is None or new is None or len(old) != len(new):
        return None
    return _numbers(old, new, names, say)


def flat(artifact: Any) -> list[float] | None:
    """The numbers of a vector's JSON form, one after the other; None: it is something else."""
    if isinstance(artifact, bool) or not isinstance(artifact, int | float | list | tuple):
        return None
    if not isinstance(artifact, list | tuple):
        return [float(artifact)]
    found: list[float] = []
    for part in artifact:
        inner = flat(part)
        if inner is None:
            return None
        found += inner
    return found


def _texts(before: str, after: str, say: Say) -> Html:
    lines = list(difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=2))[2:]
    kinds = {"+": "plus", "-": "minus", "@": "where"}
    shown = [tag("span", line[:MAX_CHARS] + "\n", cls=kinds.get(line[:1])) for line in lines[:MAX_LINES]]
    if not lines:
        return tag("p", say("The same text."), cls="note")
    if len(lines) > MAX_LINES:
        shown.append(tag("span", say("… and {count} more lines", count=f"{len(lines) - MAX_LINES:,}")))
    return tag("pre", *shown, cls="diff")


def _numbers(old: list[float], new: list[float], names: Sequence[str], say: Say) -> Html:
    moved = [place for place, (a, b) in enumerate(zip(old, new, strict=True)) if a != b]
    if not moved:
        return tag("p", say("The same numbers."), cls="note")
    scale = [max(abs(old[place]), abs(new[place]), 1e-300) for place in range(len(old))]
    most = sorted(moved, key=lambda place: (-abs(new[place] - old[place]) / scale[place], place))[
        :MAX_CHANGED
    ]
    items = [
        tag("li", _name(names, place), " ", tag("b", f"{number(old[place], 5)} → {number(new[place], 5)}"))
        for place in sorted(most)
    ]
    said = say("{count} of {total} numbers changed", count=f"{len(moved):,}", total=f"{len(new):,}")
    more = say("; these the most:") if len(moved) > len(most) else say(":")
    return join([tag("p", said + more, cls="note"), tag("ul", *items, cls="changed")])


def _name(names: Sequence[str], place: int) -> str:
    return names[place] if place < len(names) else f"x{place}"
