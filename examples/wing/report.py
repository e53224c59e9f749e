"""The report of a search: one HTML file with its pictures inside, to be read anywhere, without a network.

One rule: every number in it is made by the judge's network, and the page says on its first screen what that is
worth: a surrogate's word, not a measurement. The one exception is the paragraph by a model, which is marked as such;
see `paragraph`. What is said stands here in English, and in `words` in the other languages.
"""

import os
from collections.abc import Callable
from html import escape
from itertools import pairwise
from pathlib import Path

from aero import (
    GENTLE,
    JUDGE_MODEL,
    MIN_MOMENT,
    NEIGHBOUR_DEG,
    REYNOLDS,
    Check,
    Point,
    checks,
    glide_at_three,
    opinions,
    polar,
    three_angles,
)
from chart import Axes, Line, chart, outlines
from firm import step
from paragraph import box
from search import CHILDREN, TRIES
from section import outline
from story import Story, Summary
from words import Say, words

LABEL = "surrogate only"
SWEEP_DEG = [angle / 2 for angle in range(-8, 33)]
TRIP = 0.05
"""A dirty nose: turbulent from 5 % of the chord on."""

STYLE = Path(__file__).with_name("report.css")


@step(cpu=True)
def write_report(story: Story, summary: Summary, path: str) -> str:
    """Write the page and return its absolute path. Writing it again gives the same file."""
    target = Path(path).resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    half = target.with_name(target.name + ".part")
    half.write_text(page(story, summary), "utf-8")
    os.replace(half, target)
    return str(target)


def page(story: Story, summary: Summary) -> str:
    """The whole page."""
    say = words(story.language)
    parts = [_sections, _constraints, _polars, _progress, _trust]
    body = "\n".join([_head(story, say), box(summary, story, say), *(part(story, say) for part in parts)])
    title = f"{say('A wing section')} ({say(LABEL)})"
    return (
        f'<!doctype html>\n<html lang="{say.language}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{title}</title>\n<style>\n{STYLE.read_text('utf-8')}</style>\n</head>\n"
        f"<body>\n<main>\n{body}\n{_foot(story, say)}\n</main>\n</body>\n</html>\n"
    )


def _head(story: Story, say: Say) -> str:
    done = say(
        "{hands} hands searched {rounds} rounds for the most lift per drag at a Reynolds number of one million;",
        **story.record,
    )
    verdict = say("every constraint is met." if story.best.feasible else "not every constraint is met.")
    worth = say(
        "All numbers are NeuralFoil's. It imitates XFOIL; nothing here has been in a wind tunnel or in XFOIL itself, "
        "and the true figure is likely lower."
    )
    return f"""<header>
<p class="badge">{say(LABEL)}</p>
<h1>{say("A wing section, from a flat plate")}</h1>
<p class="lead">{say.sentences(done, verdict, worth)}</p>
<dl class="figures">
<div><dt>{say("lift over drag, before")}</dt><dd>{story.record["before"]}</dd></div>
<div><dt>{say("lift over drag, after")}</dt><dd class="good">{story.record["after"]}</dd></div>
<div><dt>{say("the founder's word")}</dt><dd class="word">{escape(say(story.aim))}</dd></div>
</dl>
</header>"""


def _sections(story: Story, say: Say) -> str:
    plate, found = story.plate.section, story.best.section
    glide = max(point.glide for point in polar(plate, SWEEP_DEG))
    drawn = outlines(
        say("the section before and after, in true proportion"),
        [(outline(found), "after"), (outline(plate), "before")],
    )
    before = say(
        "flat plate, 2% thick: no lift at 0°, lift over drag {glide} at the best of angles, too thin to build",
        glide=f"{glide:.0f}",
    )
    return f"""<section>
<h2>{say("Before and after")}</h2>
{drawn}
<p class="legend"><span class="key before"></span>{before}
<span class="key after"></span>{say("found, flies at {angle}°", angle=_signed(found.angle_deg, 1))}</p>
</section>"""


def _constraints(story: Story, say: Say) -> str:
    before = {check.name: check for check in checks(story.plate.section, story.aim)}
    rows = "\n".join(
        f"<tr><th>{say(check.name)}</th><td>{_wanted(check, say)}</td>"
        f"<td>{_value(before[check.name])}</td><td>{_value(check)}</td>"
        f"{_verdict(check, say)}</tr>"
        for check in checks(story.best.section, story.aim)
    )
    titles = "".join(f"<th>{say(title)}</th>" for title in ("wanted", "plate", "found", "verdict"))
    angles = ", ".join(f"{_signed(angle, 1)}°" for angle in three_angles(story.best.section))
    note = say("Moment and confidence are the worst of the three angles ({angles}).", angles=angles)
    return f"""<section>
<h2>{say("Constraints")}</h2>
<div class="scroll"><table>
<thead><tr><th></th>{titles}</tr></thead>
<tbody>
{rows}
</tbody></table></div>
<p class="note">{note}</p>
</section>"""


def _polars(story: Story, say: Say) -> str:
    flown = [polar(story.plate.section, SWEEP_DEG), polar(story.best.section, SWEEP_DEG)]
    judged = polar(story.best.section, three_angles(story.best.section))

    def pair(of: Callable[[Point], tuple[float, float]]) -> list[Line]:
        before, after = ([of(point) for point in points] for points in flown)
        return [Line(before, "before"), Line(after, "after", [of(point) for point in judged])]

    top = max(point.glide for point in (*flown[1], *judged)) * 1.08
    limit = Line([(SWEEP_DEG[0], MIN_MOMENT), (SWEEP_DEG[-1], MIN_MOMENT)], "limit")
    drawn = [
        chart(
            _axes(say, "angle of attack, °", "lift over drag", up_range=(-40, top)),
            pair(lambda point: (point.angle_deg, point.glide)),
        ),
        chart(
            _axes(say, "angle of attack, °", "lift coefficient"),
            pair(lambda point: (point.angle_deg, point.lift)),
        ),
        chart(
            _axes(say, "drag coefficient", "lift coefficient", across_range=(0.0, 0.04)),
            pair(lambda point: (point.drag, point.lift)),
        ),
        chart(
            _axes(say, "angle of attack, °", "pitching moment", up_range=(-0.16, 0.06)),
            [*pair(lambda point: (point.angle_deg, point.moment)), limit],
        ),
    ]
    legend = say(
        "found; dots are the three angles it is judged at; the dashed line is the limit of the moment"
    )
    return f"""<section>
<h2>{say("Polars")}</h2>
<div class="charts">{"".join(drawn)}</div>
<p class="legend"><span class="key before"></span>{say("flat plate")} <span class="key after"></span>{legend}</p>
</section>"""


Range = tuple[float, float] | None


def _axes(say: Say, across: str, up: str, across_range: Range = None, up_range: Range = None) -> Axes:
    across, up = say(across), say(up)
    return Axes(across, up, say("{up} against {across}", up=up, across=across), across_range, up_range)


def _progress(story: Story, say: Say) -> str:
    points = [(0.0, story.plate.glide), *((float(mark.number), mark.glide) for mark in story.marks)]
    met = [(float(mark.number), mark.glide) for mark in story.marks if mark.feasible]
    turns = [
        (mark.number - 0.5, say(mark.aim)) for last, mark in pairwise(story.marks) if mark.aim != last.aim
    ]
    top = max(y for _, y in points) * 1.08
    low = min(0.0, *(y for _, y in points))
    axes = _axes(say, "round", "lift over drag, best so far", (0.0, len(points) - 0.5), (low, top))
    drawn = chart(axes, [Line(points, "after", met)], mark=turns[0] if turns else None)
    work = say(
        "{hands} hands in each round; a hand takes one section, tries {changes} changes of it and reports the best. "
        "The {rounds} rounds made {steps} recorded steps.",
        changes=TRIES * CHILDREN,
        steps=f"{story.hands * len(story.marks):,}",
        **story.record,
    )
    dots = say(
        "A dot is a best section that met every constraint. These are the numbers of the search, which believes the "
        "worse word of two smaller networks and keeps a margin; the figure on top is the judge's."
    )
    return f"""<section>
<h2>{say("Progress")}</h2>
<div class="charts">{drawn}<div>
<p>{work}</p>
<p>{dots}</p>
</div></div>
</section>"""


def _trust(story: Story, say: Say) -> str:
    section = story.best.section
    dirty = f"{glide_at_three(section, trip=TRIP):.0f}"
    said = {model: f"{glide:.0f}" for model, glide in opinions(section).items()}
    said[say("{model}, dirty nose", model=JUDGE_MODEL)] = dirty
    rows = "\n".join(f"<tr><th>{escape(model)}</th><td>{glide}</td></tr>" for model, glide in said.items())
    doubts = "\n".join(f"<li>{doubt}</li>" for doubt in _doubts(story, dirty, say))
    return f"""<section>
<h2>{say("How far to believe it")}</h2>
<div class="charts"><div class="scroll"><table>
<thead><tr><th>{say("network")}</th><th>{say("lift over drag")}</th></tr></thead>
<tbody>
{rows}
</tbody></table></div>
<ul>
{doubts}
</ul></div>
</section>"""


def _doubts(story: Story, dirty: str, say: Say) -> list[str]:
    judged = polar(story.best.section, three_angles(story.best.section))
    sure = min(point.confidence for point in judged)
    mistakes = say("A search on a surrogate finds the surrogate's mistakes.")
    unprotected = say("NeuralFoil's own confidence does not protect.")
    gentle = "" if story.aim == GENTLE else say("Whether it stalls gently was not asked of it.")
    laminar = say(
        "Much of the lift per drag is laminar flow. With dirt or rain on the nose (turbulent from {trip} of the chord "
        "on) {dirty} of {after} are left.",
        trip=f"{TRIP:.0%}",
        dirty=dirty,
        **story.record,
    )
    found = say(
        "When this search believed one network alone, it found 185 where the three others said 150 to 155."
    )
    as_high = say("It is {sure} here, and it is as high for sections that it overrates.", sure=f"{sure:.2f}")
    return [
        say.sentences(f"<b>{mistakes}</b>", found),
        say.sentences(f"<b>{unprotected}</b>", as_high),
        say(
            "That four networks agree is better than one network's word, but they learned from the same XFOIL runs."
        ),
        say.sentences(laminar, gentle),
        say("It is a section, not a wing: a wing of finite span adds induced drag."),
    ]


def _foot(story: Story, say: Say) -> str:
    dat = "\n".join(f"{x:9.6f} {y:9.6f}" for x, y in outline(story.best.section))
    how = say(
        "Reynolds number {reynolds}, free transition (n = 9), incompressible, lift over drag as the mean of three "
        "angles {apart}° apart, seed {seed}.",
        reynolds=f"{REYNOLDS:,.0f}",
        apart=f"{NEIGHBOUR_DEG:.0f}",
        seed=story.seed,
    )
    return f"""<footer>
<details><summary>{say("Coordinates for XFOIL (.dat)")}</summary><pre>found section ({LABEL})
{dat}</pre></details>
<p class="note">{say.sentences(how, "NeuralFoil: Sharpe &amp; Hansman, arXiv:2503.16323.")}</p>
</footer>"""


def _wanted(check: Check, say: Say) -> str:
    wanted = say("{wanted} of chord", wanted=check.wanted) if check.share else check.wanted
    return wanted if check.asked else say("a wish: {wanted}", wanted=check.wanted)


def _verdict(check: Check, say: Say) -> str:
    if check.met:
        return f'<td class="good">{say("met")}</td>'
    return f'<td class="bad">{say("not met")}</td>' if check.asked else f"<td>{say('below')}</td>"


def _value(check: Check) -> str:
    if check.share:
        return f"{check.value:.1%}"
    return _signed(check.value, 3 if abs(check.value) < 0.2 else 2)


def _signed(value: float, digits: int) -> str:
    text = f"{value:.{digits}f}"
    return text.lstrip("-") if float(text) == 0 else text.replace("-", "−")
