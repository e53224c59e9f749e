"""The report of a search: one HTML file with its pictures inside, to be read anywhere, without a network.

One rule: every number in it is made by the judge's network, and the page says on its first screen what that is
worth: a surrogate's word, not a measurement.
"""

import os
from collections.abc import Callable
from html import escape
from pathlib import Path

import msgspec

from aero import (
    GENTLE,
    JUDGE_MODEL,
    MIN_MOMENT,
    NEIGHBOUR_DEG,
    REYNOLDS,
    Candidate,
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
from search import CHILDREN, TRIES
from section import Section, outline

LABEL = "surrogate only"
SWEEP_DEG = [angle / 2 for angle in range(-8, 33)]
TRIP = 0.05
"""A dirty nose: turbulent from 5 % of the chord on."""

STYLE = Path(__file__).with_name("report.css")


class Mark(msgspec.Struct, frozen=True):
    """The best after one round."""

    number: int
    score: float
    glide: float
    feasible: bool
    aim: str


class Story(msgspec.Struct, frozen=True):
    """What the report tells."""

    plate: Section
    best: Candidate
    aim: str
    marks: list[Mark]
    hands: int
    seed: int


@step(cpu=True)
def write_report(story: Story, path: str) -> str:
    """Write the page and return its absolute path. Writing it again gives the same file."""
    target = Path(path).resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    half = target.with_name(target.name + ".part")
    half.write_text(page(story), "utf-8")
    os.replace(half, target)
    return str(target)


def page(story: Story) -> str:
    """The whole page."""
    body = "\n".join(
        [_head(story), _sections(story), _constraints(story), _polars(story), _progress(story), _trust(story)]
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>A wing section ({LABEL})</title>\n<style>\n{STYLE.read_text('utf-8')}</style>\n</head>\n"
        f"<body>\n<main>\n{body}\n{_foot(story)}\n</main>\n</body>\n</html>\n"
    )


def _head(story: Story) -> str:
    plate = glide_at_three(story.plate)
    found = story.best.glide
    verdict = "every constraint is met" if story.best.feasible else "not every constraint is met"
    return f"""<header>
<p class="badge">{LABEL}</p>
<h1>A wing section, from a flat plate</h1>
<p class="lead">{story.hands} hands searched {len(story.marks)} rounds for the most lift per drag at a Reynolds
number of one million; {verdict}. All numbers are NeuralFoil's. It imitates XFOIL; nothing here has been in a wind
tunnel or in XFOIL itself, and the true figure is likely lower.</p>
<dl class="figures">
<div><dt>lift over drag, before</dt><dd>{_signed(plate, 0)}</dd></div>
<div><dt>lift over drag, after</dt><dd class="good">{found:.0f}</dd></div>
<div><dt>the founder's word</dt><dd class="word">{escape(story.aim)}</dd></div>
</dl>
</header>"""


def _sections(story: Story) -> str:
    plate = max(polar(story.plate, SWEEP_DEG), key=lambda point: point.glide)
    shapes = [(outline(story.best.section), "after"), (outline(story.plate), "before")]
    return f"""<section>
<h2>Before and after</h2>
{outlines(shapes)}
<p class="legend"><span class="key before"></span>flat plate, 2% thick: no lift at 0°, lift over drag
{plate.glide:.0f} at the best of angles, too thin to build
<span class="key after"></span>found, flies at {_signed(story.best.section.angle_deg, 1)}°</p>
</section>"""


def _constraints(story: Story) -> str:
    before = {check.name: check for check in checks(story.plate, story.aim)}
    rows = "\n".join(
        f"<tr><th>{escape(check.name)}</th><td>{escape(check.wanted)}</td>"
        f"<td>{_value(before[check.name])}</td><td>{_value(check)}</td>"
        f"{_verdict(check)}</tr>"
        for check in checks(story.best.section, story.aim)
    )
    return f"""<section>
<h2>Constraints</h2>
<div class="scroll"><table>
<thead><tr><th></th><th>wanted</th><th>plate</th><th>found</th><th>verdict</th></tr></thead>
<tbody>
{rows}
</tbody></table></div>
<p class="note">Moment and confidence are the worst of the three angles
({", ".join(f"{_signed(angle, 1)}°" for angle in three_angles(story.best.section))}).</p>
</section>"""


def _polars(story: Story) -> str:
    before, after = polar(story.plate, SWEEP_DEG), polar(story.best.section, SWEEP_DEG)
    judged = polar(story.best.section, three_angles(story.best.section))

    def pair(of: Callable[[Point], tuple[float, float]]) -> list[Line]:
        return [
            Line([of(point) for point in before], "before"),
            Line([of(point) for point in after], "after", [of(point) for point in judged]),
        ]

    angle = "angle of attack, °"
    top = max(point.glide for point in (*after, *judged)) * 1.08
    limit = Line([(SWEEP_DEG[0], MIN_MOMENT), (SWEEP_DEG[-1], MIN_MOMENT)], "limit")
    moments = [*pair(lambda point: (point.angle_deg, point.moment)), limit]
    glide = chart(
        Axes(angle, "lift over drag", up_range=(-40, top)), pair(lambda point: (point.angle_deg, point.glide))
    )
    lift = chart(Axes(angle, "lift coefficient"), pair(lambda point: (point.angle_deg, point.lift)))
    drag = chart(
        Axes("drag coefficient", "lift coefficient", across_range=(0.0, 0.04)),
        pair(lambda point: (point.drag, point.lift)),
    )
    moment = chart(Axes(angle, "pitching moment", up_range=(-0.16, 0.06)), moments)
    return f"""<section>
<h2>Polars</h2>
<div class="charts">{glide}{lift}{drag}{moment}</div>
<p class="legend"><span class="key before"></span>flat plate <span class="key after"></span>found; dots are the
three angles it is judged at; the dashed line is the limit of the moment</p>
</section>"""


def _progress(story: Story) -> str:
    points = [(0.0, glide_at_three(story.plate)), *((float(mark.number), mark.glide) for mark in story.marks)]
    met = [(float(mark.number), mark.glide) for mark in story.marks if mark.feasible]
    turn = next(
        (
            mark.number - 0.5
            for mark, last in zip(story.marks[1:], story.marks, strict=False)
            if mark.aim != last.aim
        ),
        None,
    )
    top = max(y for _, y in points) * 1.08
    low = min(0.0, *(y for _, y in points))
    axes = Axes("round", "lift over drag, best so far", (0.0, len(points) - 0.5), (low, top))
    drawn = chart(axes, [Line(points, "after", met)], mark=(turn, story.aim) if turn is not None else None)
    return f"""<section>
<h2>Progress</h2>
<div class="charts">{drawn}<div>
<p>{story.hands} hands in each round; a hand takes one section, tries {TRIES * CHILDREN} changes of it and
reports the best. The {len(story.marks)} rounds made {story.hands * len(story.marks):,} recorded steps.</p>
<p>A dot is a best section that met every constraint. These are the numbers of the search, which believes the worse
word of two smaller networks and keeps a margin; the figure on top is the judge's.</p>
</div></div>
</section>"""


def _trust(story: Story) -> str:
    said = opinions(story.best.section)
    rows = "\n".join(
        f"<tr><th>{escape(model)}</th><td>{glide:.0f}</td></tr>" for model, glide in said.items()
    )
    dirty = glide_at_three(story.best.section, trip=TRIP)
    sure = min(point.confidence for point in polar(story.best.section, three_angles(story.best.section)))
    gentle = "" if story.aim == GENTLE else " Whether it stalls gently was not asked of it."
    return f"""<section>
<h2>How far to believe it</h2>
<div class="charts"><div class="scroll"><table>
<thead><tr><th>network</th><th>lift over drag</th></tr></thead>
<tbody>
{rows}
<tr><th>{JUDGE_MODEL}, dirty nose</th><td>{dirty:.0f}</td></tr>
</tbody></table></div>
<ul>
<li><b>A search on a surrogate finds the surrogate's mistakes.</b> When this search believed
one network alone, it found 185 where the three others said 150 to 155.</li>
<li><b>NeuralFoil's own confidence does not protect.</b> It is {sure:.2f} here, and it is as high for sections that it
overrates.</li>
<li>That four networks agree is better than one network's word, but they learned from the same XFOIL runs.</li>
<li>Much of the lift per drag is laminar flow. With dirt or rain on the nose (turbulent from
{TRIP:.0%} of the chord on) {dirty:.0f} of {story.best.glide:.0f} are left.{gentle}</li>
<li>It is a section, not a wing: a wing of finite span adds induced drag.</li>
</ul></div>
</section>"""


def _foot(story: Story) -> str:
    dat = "\n".join(f"{x:9.6f} {y:9.6f}" for x, y in outline(story.best.section))
    return f"""<footer>
<details><summary>Coordinates for XFOIL (.dat)</summary><pre>found section ({LABEL})
{dat}</pre></details>
<p class="note">Reynolds number {REYNOLDS:,.0f}, free transition (n = 9), incompressible, lift over drag as the mean
of three angles {NEIGHBOUR_DEG:.0f}° apart, seed {story.seed}. NeuralFoil: Sharpe and Hansman, arXiv:2503.16323.</p>
</footer>"""


def _verdict(check: Check) -> str:
    if check.met:
        return '<td class="good">met</td>'
    return '<td class="bad">not met</td>' if check.asked else "<td>below</td>"


def _value(check: Check) -> str:
    if "%" in check.wanted:
        return f"{check.value:.1%}"
    return _signed(check.value, 3 if abs(check.value) < 0.2 else 2)


def _signed(value: float, digits: int) -> str:
    text = f"{value:.{digits}f}"
    return text.lstrip("-") if float(text) == 0 else text.replace("-", "−")
