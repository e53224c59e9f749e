"""The parts of a report that set the result beside others: baselines, equal cost, the best known.

One rule: each figure stands with what it cost and where it comes from.
"""

from dataclasses import dataclass

from firm.lab.report.claim import digits_of
from firm.lab.report.figures import MINUS, better_by, level, number, percent, seconds, with_unit
from firm.lab.report.layout import note, section, table
from firm.lab.report.markup import Html, tag
from firm.lab.report.story import Story
from firm.lab.report.words import Say


@dataclass(frozen=True, slots=True)
class _Row:
    """One line of the comparison."""

    name: object
    value: float | None
    cost: str = ""
    source: str = ""
    holdout: float | None = None


def beside(story: Story, say: Say) -> Html:
    """Against baselines at equal cost and the best known."""
    goal, digits = story.asked.objective, digits_of(story)
    rows = [_mine(story, say), *_others(story, say)]
    held = any(row.holdout is not None for row in rows)
    cells = [
        [
            row.name,
            with_unit(row.value, goal, digits),
            _gain(story, row.value, say),
            *([number(row.holdout, digits)] if held else []),
            row.cost,
            tag("span", row.source, cls="source"),
        ]
        for row in rows
    ]
    held_title = [say("hold-out")] if held else []
    titles = ["", goal.name, say("this search is better by"), *held_title, say("cost"), say("source")]
    alone = say("No other search was given the same cost: --against chance does that.")
    notes = [note(alone)] if not story.equal_cost else []
    title = say("Against what there was")
    return section(title, table(titles, cells), *notes, *_standing(story, say), name="beside")


def _mine(story: Story, say: Say) -> _Row:
    name, cost, best = tag("b", say("this search")), seconds(story.spent.cpu_s), story.champion
    if best is None:
        return _Row(name, None, cost, say("nothing valid"))
    return _Row(name, best.value, cost, "", best.holdout.value if best.holdout else None)


def _others(story: Story, say: Say) -> list[_Row]:
    rows = [
        _Row(
            one.name,
            one.value,
            seconds(one.cpu_s),
            say("nothing valid") if one.value is None else say("equal cost"),
        )
        for one in story.equal_cost
    ]
    rows += [_Row(one.name, one.value, "", one.source or one.why, one.holdout) for one in story.baselines]
    if story.known is not None:
        source = say("{source} (looked up {date})", source=story.known.source, date=story.known.date)
        rows.append(_Row(say("best known"), story.known.value, "", source))
    if story.bound is not None:
        rows.append(_Row(say("proven bound"), story.bound))
    return rows


def checked(story: Story, say: Say) -> Html:
    """Whether a person compared it with the literature."""
    return section(say("Against what was known"), *_standing(story, say), name="checked")


def _standing(story: Story, say: Say) -> list[Html]:
    if story.checked is None:
        return [note(say("Not checked against the literature."))]
    who, when = story.checked.who, story.checked.when
    said = say("Checked against the literature by {who} on {when}.", who=who, when=when)
    return [note(say.sentences(said, story.checked.what))]


def _gain(story: Story, other: float | None, say: Say) -> str:
    best, goal = story.champion, story.asked.objective
    if best is None or other is None or other == best.value:
        return ""
    if story.known is not None and other == story.known.value and level(best.value, other):
        return say("level")
    gain = better_by(best.value, other, goal)
    if gain is None:
        return number(abs(best.value - other))
    return f"{'+' if gain > 0 else MINUS}{percent(gain)}"
