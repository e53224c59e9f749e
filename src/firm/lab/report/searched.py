"""The parts of a report about how it was searched: archive, lineage, proposers, stages, what came to nothing.

One rule: what did not work stands here as plainly as what did.
"""

from collections.abc import Sequence

from firm.lab.report.chart import Side, bar_map, heat_map, roomy
from firm.lab.report.claim import LABELS, digits_of
from firm.lab.report.difference import difference
from firm.lab.report.figures import number, seconds, with_unit
from firm.lab.report.layout import note, section, table
from firm.lab.report.markup import Html, tag
from firm.lab.report.opening import artifact_box
from firm.lab.report.story import Ancestor, Axis, Cell, Quarantined, Story
from firm.lab.report.words import Say

MAX_SIDE = 60
"""Boxes along one side of a map; finer archives are drawn together, the best of each."""
MAX_ANCESTORS = 12
MAX_FRONT = 40
MAX_REJECTED = 20
MAX_QUARANTINED = 20


def archive(story: Story, say: Say) -> Html:
    """What was kept, by behaviour."""
    title, kept, axes = say("Archive"), story.archive, story.asked.axes
    if not axes and (kept is None or not kept.cells):
        words = say("The problem names no behaviours, so there is no map.")
        return section(title, note(words), _front(story, say), name="archive")
    if kept is None or not kept.cells:
        return section(
            title, note(say("Nothing is kept in the archive.")), _front(story, say), name="archive"
        )
    if not axes:
        words = say(
            "The problem names no behaviours; the {count} best that differ were kept.",
            count=f"{kept.filled:,}",
        )
        return section(title, note(words), _front(story, say), name="archive")
    share = f"{kept.filled / kept.total:.0%}" if kept.total else "–"
    words = say(
        "{filled} of {total} cells hold a candidate ({share}); a fuller colour is better.",
        filled=f"{kept.filled:,}",
        total=f"{kept.total:,}",
        share=share,
    )
    if len(axes) > 2:
        words = say.sentences(
            words, say("Drawn over the first two of {count} behaviours, the best of each.", count=len(axes))
        )
    drawn = _bars(story, kept.cells, say) if len(axes) == 1 else _heat(story, kept.cells, say)
    return section(title, drawn, note(words), _front(story, say), name="archive")


def _heat(story: Story, cells: Sequence[Cell], say: Say) -> Html:
    across, up = (_side(axis) for axis in story.asked.axes[:2])
    best: dict[tuple[int, int], Cell] = {}
    for cell in cells:
        if len(cell.place) >= 2:
            spot = (_box(cell.place[0], story.asked.axes[0]), _box(cell.place[1], story.asked.axes[1]))
            best[spot] = _better(story, best.get(spot), cell)
    ranked = sorted({cell.value for cell in best.values()}, reverse=story.asked.objective.direction == "min")
    rank = {value: place / max(len(ranked) - 1, 1) for place, value in enumerate(ranked)}
    boxes = {spot: (rank[cell.value], _words(story, cell)) for spot, cell in best.items()}
    title = say(
        "the best {objective} by {across} and {up}",
        objective=story.asked.objective.name,
        across=across.name,
        up=up.name,
    )
    return heat_map(across, up, boxes, title)


def _bars(story: Story, cells: Sequence[Cell], say: Say) -> Html:
    axis, goal = story.asked.axes[0], story.asked.objective
    best: dict[int, Cell] = {}
    for cell in cells:
        spot = _box(cell.place[0], axis)
        best[spot] = _better(story, best.get(spot), cell)
    bars = {spot: (cell.value, _words(story, cell)) for spot, cell in best.items()}
    title = say("the best {objective} by {across}", objective=goal.name, across=axis.name)
    return bar_map(_side(axis), goal.name, bars, roomy([cell.value for cell in best.values()]), title)


def _side(axis: Axis) -> Side:
    return Side(axis.name, axis.low, axis.high, min(axis.cells, MAX_SIDE))


def _box(place: int, axis: Axis) -> int:
    """The box of a map in which a cell lies."""
    return min(max(place, 0), axis.cells - 1) * min(axis.cells, MAX_SIDE) // axis.cells


def _better(story: Story, known: Cell | None, cell: Cell) -> Cell:
    if known is None:
        return cell
    return cell if (cell.value > known.value) == (story.asked.objective.direction == "max") else known


def _words(story: Story, cell: Cell) -> str:
    return f"{with_unit(cell.value, story.asked.objective, digits_of(story))}, #{cell.id}"


def _front(story: Story, say: Say) -> Html | None:
    if not story.front:
        return None
    goal, others = story.asked.objective, story.asked.others
    rows = [
        [f"#{row.id}", number(row.value), *(number(row.others.get(other.name)) for other in others)]
        for row in story.front[:MAX_FRONT]
    ]
    titles = ["", *(f"{one.name} ({say(one.direction)})" for one in (goal, *others))]
    said = note(say("Not beaten in all objectives at once: {count}.", count=f"{len(story.front):,}"))
    return tag("div", said, table(titles, rows))


# --- lineage ---------------------------------------------------------------------------------------------------


def lineage(story: Story, say: Say) -> Html:
    """How the winner came about."""
    title = say("Lineage of the winner")
    if not story.lineage:
        return section(title, note(say("There is no winner, or it was made in one piece.")), name="lineage")
    line = story.lineage
    shown = line if len(line) <= MAX_ANCESTORS else (line[0], *line[-(MAX_ANCESTORS - 1) :])
    left_out = len(line) - len(shown)
    items: list[Html] = []
    before: Ancestor | None = None
    for place, one in enumerate(shown):
        if place == 1 and left_out:
            items.append(tag("li", say("… {count} steps between", count=f"{left_out:,}"), cls="gap"))
            before = None
        items.append(_ancestor(story, one, before, say))
        before = one
    words = say("{count} generations, the oldest first.", count=f"{len(line):,}")
    return section(title, note(words), tag("ol", *items, cls="lineage"), name="lineage")


def _ancestor(story: Story, one: Ancestor, before: Ancestor | None, say: Say) -> Html:
    value = (
        with_unit(one.value, story.asked.objective, digits_of(story))
        if one.value is not None
        else say("no value")
    )
    by = f"{one.arm} · {one.model}" if one.model else one.arm
    said = tag("p", tag("b", value), " ", tag("span", f"{by} #{one.id}", cls="source"))
    words = tag("p", one.changed) if one.changed else None
    changed = (
        difference(before.artifact, one.artifact, story.asked.names, say) if before is not None else None
    )
    if changed is not None:
        return tag("li", said, words, tag("details", tag("summary", say("what changed")), changed))
    return tag("li", said, words)


# --- proposers and stages --------------------------------------------------------------------------------------


def proposers(story: Story, say: Say) -> Html:
    """The ledger of the arms."""
    title = say("Who proposed")
    if not story.arms:
        return section(title, note(say("No proposer was paid.")), name="proposers")
    goal, digits = story.asked.objective, digits_of(story)
    paid = any(row.tokens or row.usd for row in story.arms)
    modelled = any(row.model for row in story.arms)
    rows = []
    for row in sorted(story.arms, key=lambda row: (-row.gain, -row.cpu_s)):
        who = f"{row.model} {row.effort}".strip()
        money = [f"{row.tokens:,}", number(row.usd, 4)] if paid else []
        counts = [f"{row.bursts:,}", f"{row.candidates:,}", f"{row.valid:,}", seconds(row.cpu_s)]
        rows.append(
            [
                row.arm,
                *([who] if modelled else []),
                *counts,
                *money,
                number(row.gain, 4),
                with_unit(row.best, goal, digits),
            ]
        )
    titles = [
        say("arm"),
        *([say("model")] if modelled else []),
        say("bursts"),
        say("candidates"),
        say("valid"),
        say("processor time"),
    ]
    titles += [say("tokens"), "USD"] if paid else []
    titles += [say("gain"), say("best")]
    words = say("Gain: by how much it moved the best value of the search, in all.")
    return section(title, table(titles, rows, first=2 if modelled else 1), note(words), name="proposers")


def stages(story: Story, say: Say) -> Html:
    """What each stage did and how far it flatters."""
    title = say("Stages and inflation")
    if not story.stages:
        return section(title, note(say("No stage scored anything.")), name="stages")
    rows = [
        [
            one.name,
            say(LABELS[one.trust]),
            f"{one.scored:,}",
            seconds(one.cpu_s / one.scored) if one.scored else "–",
            f"{one.goes_on:.0%}" if one.goes_on is not None else "–",
            f"{number(one.correlation, 2)} ({one.pairs:,})" if one.correlation is not None else "–",
            f"{number(one.inflation, 3)} ({one.inflation_pairs:,})" if one.inflation is not None else "–",
            f"{one.audits:,}",
        ]
        for one in story.stages
    ]
    titles = [
        say(word)
        for word in (
            "stage",
            "trust",
            "scored",
            "cost each",
            "goes on",
            "rank correlation",
            "inflation",
            "audits",
        )
    ]
    words = say(
        "Rank correlation is with the next stage, over the number of candidates in brackets. Inflation is by how much "
        "a stage flatters what its gate chose, over a random few that it stopped and that went on all the same "
        "(audits); above 0 is too good. A dash: it cannot be told."
    )
    return section(title, table(titles, rows, first=2), note(words), name="stages")


# --- what came to nothing --------------------------------------------------------------------------------------


def rejected(story: Story, say: Say) -> Html:
    """Rejected and quarantined candidates."""
    title = say("Rejected and set aside")
    parts: list[Html] = []
    if story.rejected:
        shown = sorted(story.rejected, key=lambda row: -row.count)
        rows = [[row.status, row.why or "–", f"{row.count:,}"] for row in shown[:MAX_REJECTED]]
        if rest := shown[MAX_REJECTED:]:
            rows.append([say("others"), "", f"{sum(row.count for row in rest):,}"])
        parts.append(table([say("status"), say("why"), say("candidates")], rows, first=2))
    else:
        parts.append(note(say("No candidate was rejected.")))
    if story.quarantined:
        parts.append(tag("h3", say("Too good to be true")))
        parts += [_set_aside(one, story, say) for one in story.quarantined[:MAX_QUARANTINED]]
    else:
        parts.append(note(say("Nothing looked too good to be true.")))
    if story.nearest is not None and story.champion is None:
        missed = say(
            "The nearest to being valid missed {constraint} by {missed}.",
            constraint=story.nearest.constraint or say("everything"),
            missed=number(story.nearest.missed),
        )
        parts.append(tag("p", missed))
    return section(title, *parts, name="rejected")


def _set_aside(one: Quarantined, story: Story, say: Say) -> Html:
    value = with_unit(one.value, story.asked.objective, digits_of(story))
    answer = (
        say("The founder: {answer}.", answer=one.answer.rstrip("."))
        if one.answer
        else say("Nobody has decided yet.")
    )
    said = tag("p", tag("b", value), f" (#{one.id}): ", say.sentences(one.why.rstrip(".") + say("."), answer))
    return tag(
        "div", said, artifact_box(one.artifact, say("The artifact")) if one.artifact is not None else None
    )
