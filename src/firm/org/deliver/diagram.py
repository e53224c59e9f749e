"""The plan as a picture: tasks in layers, each below what it needs; colour and word for how it ended.

One rule: it carries its own style, so that it looks the same in a page and as a file; it follows light and dark.
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from firm.org.deliver.markup import Html, join, tag
from firm.org.mission import TaskEnd
from firm.org.plan import PANEL, Plan, Task, order_of
from firm.org.words import Say

MAX_DRAWN = 60
"""Tasks of a plan that is drawn; a larger one is only told."""
ABREAST = 4
"""Boxes beside each other."""
WIDE, HIGH, GAP, DROP = 206, 54, 16, 30
"""Of a box, and between boxes, in the picture's units; text is 14 high."""
CHARS = 22
"""Of a box's line; a Chinese character is two."""
STYLE = """
.plan text { font: 14px system-ui, "Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", sans-serif; fill: #1d2328; }
.plan .second { font-size: 12.5px; fill: #5d6872; }
.plan .box { fill: #ffffff; stroke: #c9c6bf; stroke-width: 1.2; }
.plan .edge { fill: none; stroke: #a8a59e; stroke-width: 1.3; }
.plan .accepted { fill: #1a7f4b; } .plan .refused { fill: #b3261e; }
.plan .skipped, .plan .waiting { fill: #a8a59e; } .plan .working, .plan .checking { fill: #c77700; }
@media (prefers-color-scheme: dark) {
  .plan text { fill: #e8ebee; } .plan .second { fill: #9aa6b0; } .plan .box { fill: #1c2227; stroke: #47525c; }
  .plan .edge { stroke: #66727d; } .plan .accepted { fill: #5fd39a; } .plan .refused { fill: #ff8d85; }
  .plan .skipped, .plan .waiting { fill: #66727d; } .plan .working, .plan .checking { fill: #ffb454; }
}
"""


@dataclass(frozen=True, slots=True)
class _Spot:
    x: float
    y: float


def diagram(plan: Plan, ends: Mapping[str, TaskEnd], say: Say) -> Html | None:
    """The picture; None where there is nothing to draw, or too much.

    Args:
        plan: Without faults.
        ends: How tasks ended, by id.
        say: Says words in the report's language.
    """
    if not 0 < len(plan.tasks) <= MAX_DRAWN:
        return None
    rows = [row for layer in layers(plan) for row in _rows(layer)]
    abreast = max(len(row) for row in rows)
    width = abreast * WIDE + (abreast + 1) * GAP
    height = len(rows) * (HIGH + DROP) + DROP / 2
    spots = {}
    for number, row in enumerate(rows):
        left = (width - len(row) * WIDE - (len(row) - 1) * GAP) / 2
        for place, task in enumerate(row):
            spots[task.id] = _Spot(left + place * (WIDE + GAP), DROP / 2 + number * (HIGH + DROP))
    edges = [_edge(spots[before], spots[task.id]) for task in plan.tasks for before in _before(plan, task)]
    boxes = [_box(task, ends.get(task.id), spots[task.id], say) for row in rows for task in row]
    return tag(
        "svg",
        tag("style", Html(STYLE)),
        *edges,
        *boxes,
        xmlns="http://www.w3.org/2000/svg",
        cls="plan",
        viewBox=f"0 0 {width} {height:g}",
        width=f"{width}",
        height=f"{height:g}",
        role="img",
        aria_label=say("the plan, with how each task ended"),
    )


def layers(plan: Plan) -> list[list[Task]]:
    """Tasks, each in the first layer below all that it needs."""
    depth: dict[str, int] = {}
    found: list[list[Task]] = []
    for task in order_of(plan):
        here = max([depth[one] + 1 for one in _before(plan, task)], default=0)
        depth[task.id] = here
        if here == len(found):
            found.append([])
        found[here].append(task)
    return found


def _before(plan: Plan, task: Task) -> list[str]:
    return [one.id for one in plan.tasks if one.makes in task.needs]


def _rows(layer: list[Task]) -> list[list[Task]]:
    count = -(-len(layer) // ABREAST)
    size = -(-len(layer) // count)
    return [layer[start : start + size] for start in range(0, len(layer), size)]


def _edge(start: _Spot, end: _Spot) -> Html:
    x0, y0, x1, y1 = start.x + WIDE / 2, start.y + HIGH, end.x + WIDE / 2, end.y
    bend = DROP * 0.8
    return tag(
        "path", cls="edge", d=f"M{x0:g} {y0:g}C{x0:g} {y0 + bend:g} {x1:g} {y1 - bend:g} {x1:g} {y1:g}"
    )


def _box(task: Task, end: TaskEnd | None, spot: _Spot, say: Say) -> Html:
    status = end.status if end is not None else "waiting"
    who = say("close call") if task.role == PANEL else end.role if end is not None and end.role else task.role
    tries = f" · {say('round {number}', number=end.rounds)}" if end is not None and end.rounds > 1 else ""
    tail = f" · {say(status)}{tries}"
    second = cut(who, max(CHARS + 8 - columns(tail), 6)) + tail
    return tag(
        "g",
        tag("title", f"{task.id}: {task.says}"),
        tag("rect", cls="box", x=f"{spot.x:g}", y=f"{spot.y:g}", width=WIDE, height=HIGH, rx=8),
        tag("rect", cls=status, x=f"{spot.x:g}", y=f"{spot.y + 8:g}", width=4, height=HIGH - 16, rx=2),
        tag("text", cut(task.id, CHARS), x=f"{spot.x + 14:g}", y=f"{spot.y + 23:g}"),
        tag("text", second, cls="second", x=f"{spot.x + 14:g}", y=f"{spot.y + 42:g}"),
    )


def cut(said: str, limit: int) -> str:
    """As much of a text as fits into so many columns."""
    if columns(said) <= limit:
        return said
    found = said
    while found and columns(found) >= limit:
        found = found[:-1]
    return found + "…"


def columns(said: str) -> int:
    """How wide a text is; wide characters take two."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in said)


def standalone(svg: Html) -> bytes:
    """The picture as a file."""
    return join([Html('<?xml version="1.0" encoding="UTF-8"?>'), svg], "\n").encode() + b"\n"
