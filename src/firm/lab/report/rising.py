"""The parts of a report about how it went and goes on: progress over cost, seeds, forecast.

One rule: what cannot be told from the data is said to be so.
"""

from collections.abc import Sequence

from firm.lab.report.chart import Axes, Line, chart, roomy, steps
from firm.lab.report.claim import digits_of
from firm.lab.report.figures import percent, seconds, with_unit
from firm.lab.report.forecast import LEVEL, SHARE, Forecast, forecast, wilson
from firm.lab.report.layout import note, section, table
from firm.lab.report.markup import Html, tag
from firm.lab.report.story import MAX_ROWS, Mark, Story
from firm.lab.report.words import Say

MAX_SEEDS = 200
LIMITS = {
    "cpu_s": "processor time",
    "wall_s": "time",
    "gpu_s": "GPU time",
    "evaluations": "evaluations",
    "tokens": "tokens",
    "usd": "money",
}
ENDS = {
    "stopped": "the founder",
    "used up": "having nothing left to try",
    "target": "reaching what was wanted",
    "bound": "reaching the proven bound",
}
"""What can end a search, in words."""


def progress(story: Story, say: Say) -> Html:
    """The best value over cost."""
    title = say("Progress over cost")
    if not story.progress:
        return section(title, note(say("Nothing valid was found, so nothing rose.")), name="progress")
    axes, points, end = _axes(story, say)
    others = [
        Line([], "other", [(min(max(other.cpu_s, axes.across_range[0]), end), other.value)])
        for other in story.equal_cost
        if other.value is not None and _by_time(story)
    ]
    drawn = chart(axes, [*others, Line(steps(points, end), "found", points[-1:])], _levels(story, say))
    return section(title, drawn, note(_progress_words(story, axes, say)), name="progress")


def _by_time(story: Story) -> bool:
    return story.progress[-1].cpu_s > 0


def _axes(story: Story, say: Say) -> tuple[Axes, list[tuple[float, float]], float]:
    """The axes of the progress, its points, and where it ends."""
    by_time, goal = _by_time(story), story.asked.objective
    marks = _thinned(story.progress)
    points = [(mark.cpu_s if by_time else float(mark.evaluations), mark.value) for mark in marks]
    end = max(story.spent.cpu_s if by_time else float(story.spent.evaluations), points[-1][0])
    log = end > 20 * max(points[0][0], end * 1e-6)
    first = max(points[0][0], end * 1e-6) if log else 0.0
    across = say("processor time, s") if by_time else say("candidates")
    up = say("{objective}, best so far", objective=f"{goal.name} ({goal.unit})" if goal.unit else goal.name)
    title = say("{up} against {across}", up=up, across=across)
    others = [other.value for other in story.equal_cost if other.value is not None]
    heights = _heights(points, [*(height for height, _ in _levels(story, say)), *others])
    return Axes(across, up, title, (first, max(end, first + 1e-9)), heights, log), points, end


def _progress_words(story: Story, axes: Axes, say: Say) -> str:
    last, heights = story.progress[-1], axes.up_range
    hidden = any(not heights[0] <= mark.value <= heights[1] for mark in story.progress)
    others = _by_time(story) and any(
        other.value is not None and heights[0] <= other.value <= heights[1] for other in story.equal_cost
    )
    rose = "{count} improvements; the last after {cost}."
    return say.sentences(
        say(rose, count=f"{len(story.progress):,}", cost=seconds(last.cpu_s)),
        say("Ended by {what}.", what=_end(story.ended_by, say)),
        say("The horizontal axis is logarithmic.") if axes.log else "",
        say("The first values lie outside of the picture.") if hidden else "",
        say("The hollow circle is another search at equal cost.") if others else "",
    )


def _end(ended_by: str, say: Say) -> str:
    if ended_by in LIMITS:
        return say("its limit of {limit}", limit=say(LIMITS[ended_by]))
    return say(ENDS[ended_by]) if ended_by in ENDS else ended_by


def _thinned(marks: Sequence[Mark]) -> list[Mark]:
    """At most 500 of them, the last among them."""
    most = min(500, MAX_ROWS)
    if len(marks) <= most:
        return list(marks)
    return [marks[round(place * (len(marks) - 1) / (most - 1))] for place in range(most)]


def _levels(story: Story, say: Say) -> list[tuple[float, str]]:
    found = [(story.known.value, say("best known"))] if story.known else []
    found += [(story.bound, say("proven bound"))] if story.bound is not None else []
    return found + [(one.value, one.name) for one in story.baselines[:4] if one.value is not None]


def _heights(points: Sequence[tuple[float, float]], levels: list[float]) -> tuple[float, float]:
    """A range in which the later part of the search can be told; levels far away are left out."""
    values = [value for _, value in points]
    late = values[len(values) // 3 :] if len(values) > 6 else values
    span = (max(late) - min(late)) or abs(late[-1]) * 0.05 or 1.0
    near = [height for height in levels if min(late) - 2 * span <= height <= max(late) + span]
    return roomy([*late, *near])


# --- seeds and forecast ----------------------------------------------------------------------------------------


def seeds(story: Story, say: Say) -> Html:
    """How often it comes again."""
    title = say("Success over seeds")
    if not story.seeds:
        words = say("One search was made, so it cannot be told how often it succeeds: --seeds 10 does that.")
        return section(title, note(words), name="seeds")
    goal, digits = story.asked.objective, digits_of(story)
    reached, of = sum(row.reached for row in story.seeds), len(story.seeds)
    low, high = wilson(reached, of)
    target = with_unit(story.target, goal, digits) if story.target is not None else say("a valid candidate")
    words = say(
        "{reached} of {count} searches reached {target}; the true share lies between {low} and {high} (95 % interval).",
        reached=f"{reached:,}",
        count=f"{of:,}",
        target=target,
        low=f"{low:.0%}",
        high=f"{high:.0%}",
    )
    rows = [
        [
            str(row.seed),
            with_unit(row.value, goal, digits),
            seconds(row.cpu_s),
            say("yes") if row.reached else say("no"),
        ]
        for row in story.seeds[:MAX_SEEDS]
    ]
    titles = [say("seed"), goal.name, say("processor time"), say("reached")]
    return section(title, tag("p", words), table(titles, rows), name="seeds")


def outlook(story: Story, say: Say) -> Html:
    """What the next little gain would cost."""
    told = forecast(story)
    title = say("Forecast")
    if told is None:
        return section(
            title, note(say("Nothing was found, so there is no curve to go on from.")), name="forecast"
        )
    goal = story.asked.objective
    words = _told(told, say)
    value = with_unit(told.wanted, goal, max(8, digits_of(story)))
    how = say(
        "Gained would be {value}. Progress curves that bend by a power of cost are fitted to resampled histories of "
        "this search and carried on by chance; the interval holds {share} of them.",
        value=value,
        share=f"{LEVEL:.0%}",
    )
    return section(title, tag("p", words), note(how), name="forecast")


def _told(told: Forecast, say: Say) -> str:
    share = percent(SHARE)
    if told.cost_s is None:
        why = say(told.why, count=str(told.count)) if "{" in told.why else say(told.why)
        if told.low_s is not None:
            return say(
                "The next {share}: {why} (at least {low}).", share=share, why=why, low=seconds(told.low_s)
            )
        return say("What the next {share} costs cannot be told: {why}.", share=share, why=why)
    cost, low = seconds(told.cost_s), seconds(told.low_s or 0.0)
    if told.high_s is None:
        return say(
            "The next {share} costs about {cost}, at least {low}; no upper end can be told.",
            share=share,
            cost=cost,
            low=low,
        )
    return say(
        "The next {share} costs about {cost} ({low} to {high}).",
        share=share,
        cost=cost,
        low=low,
        high=seconds(told.high_s),
    )
