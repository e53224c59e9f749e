"""The draughtsman: the section as coordinates, its picture, its polar as a table and as a picture, and a data sheet.

One rule: it draws what was decided and computes no new figure but the polar, which says that XFOIL made it.
"""

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import wing_xfoil
from firm.org.assignment import Assignment, Made
from firm.org.house import folder
from firm.org.words import Say
from wing_choice import chosen_of
from wing_design import Design, design_from
from wing_flight import polar_of
from wing_picture import picture
from wing_shape import outline
from wing_words import words
from wing_xfoil import Air, Flown

DAT, SECTION, POLAR_CSV, POLAR_SVG, SHEET = (
    "section.dat",
    "section.svg",
    "polar.csv",
    "polar.svg",
    "datasheet.md",
)
WIDE, HIGH, EDGE = 640.0, 360.0, 56.0


def draw(given: Assignment) -> Made:
    """Write all files into the task's folder; the program that holds the role."""
    design, row, say = design_from(given), chosen_of(given), words(given.language)
    place = folder() / given.folder
    place.mkdir(parents=True, exist_ok=True)
    polar = [] if wing_xfoil.trouble() else polar_of(outline(row["section"]), Air(design.reynolds))
    written = {
        DAT: dat(row),
        SECTION: standing(picture(row["section"])),
        SHEET: sheet(row, design, say),
    }
    if polar:
        written |= {POLAR_CSV: csv(polar), POLAR_SVG: chart(polar, say("Lift over drag by lift coefficient"))}
    for name, content in written.items():
        put(place / name, content)
    return Made(text=say("Data sheet") + f": {row['id']}", files=tuple(written))


def put(path: Path, content: str) -> None:
    """A file, whole or not at all."""
    half = path.with_name(path.name + ".part")
    half.write_text(content, "utf-8")
    half.replace(path)


def dat(row: dict[str, Any]) -> str:
    """Coordinates in Selig's order: a title, then from the tail along the upper side to the nose and back."""
    lines = [
        f"{row['id']} {100 * row['thickness']:.1f}%",
        *(f"{x:.6f} {y:.6f}" for x, y in outline(row["section"])),
    ]
    return "\n".join(lines) + "\n"


def csv(polar: Sequence[Flown]) -> str:
    """The polar as a table."""
    rows = [f"{p.angle_deg:.2f},{p.lift:.4f},{p.drag:.5f},{p.moment:.4f},{p.glide:.2f}" for p in polar]
    return "\n".join(["angle_deg,lift,drag,moment,lift_over_drag", *rows]) + "\n"


def sheet(row: dict[str, Any], design: Design, say: Say) -> str:
    """Its figures, as Markdown."""
    chord = design.chord_mm
    rows = [
        ("lift over drag", f"{row['glide']:.1f}"),
        ("angle of attack", f"{row['angle_deg']:.2f}°"),
        ("lift coefficient", _figure(row["lift"], ".3f")),
        ("most lift", _figure(row["most_lift"], ".3f")),
        ("pitching moment", _figure(row["moment"], ".4f")),
        ("thickness", f"{100 * row['thickness']:.2f} % = {row['thickness'] * chord:.1f} mm"),
        (
            "height at the spar (30 % of the chord)",
            f"{100 * row['spar']:.2f} % = {row['spar'] * chord:.1f} mm",
        ),
        ("Reynolds number", f"{design.reynolds:,.0f}"),
        ("chord", f"{chord:,.0f} mm"),
        ("believed by the finder", f"{row['believed']:.1f} ({row['believed_by']})"),
    ]
    lines = [f"# {say('Data sheet')}: {row['id']}", "", "| | |", "|---|---|"]
    return "\n".join([*lines, *(f"| {say(name)} | {value} |" for name, value in rows)]) + "\n"


def _figure(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


# --- pictures -----------------------------------------------------------------------------------------------------


def standing(svg: str) -> str:
    """A picture of a page as a file of its own."""
    return svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" color="#1b1b1f" ', 1) + "\n"


def chart(polar: Sequence[Flown], title: str) -> str:
    """Lift over drag over lift, as a line."""
    lifts, glides = [one.lift for one in polar], [one.glide for one in polar]
    low, high = min(lifts), max(lifts)
    least, most = min(0.0, *glides), max(1.0, *glides)

    def spot(lift: float, glide: float) -> str:
        x = EDGE + (lift - low) / max(high - low, 1e-9) * (WIDE - 2 * EDGE)
        y = HIGH - EDGE - (glide - least) / (most - least) * (HIGH - 2 * EDGE)
        return f"{x:.1f},{y:.1f}"

    top = max(polar, key=lambda one: one.glide)
    x, y = spot(top.lift, top.glide).split(",")
    marks = [
        f'<text x="{EDGE}" y="{HIGH - 20}">{low:.2f}</text>',
        f'<text x="{WIDE - EDGE}" y="{HIGH - 20}" text-anchor="end">{high:.2f}</text>',
        f'<text x="{x}" y="{float(y) - 10:.1f}" text-anchor="middle">{top.glide:.0f}</text>',
        f'<text x="{EDGE}" y="28">{escape(title)}</text>',
    ]
    line = " ".join(spot(one.lift, one.glide) for one in polar)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE:.0f} {HIGH:.0f}" color="#1b1b1f" role="img" '
        f'aria-label="{escape(title)}" fill="none" stroke="currentColor" font-family="sans-serif" font-size="14">'
        f'<path d="M{EDGE} {EDGE}V{HIGH - EDGE}H{WIDE - EDGE}" stroke-opacity="0.4"/>'
        f'<polyline points="{line}" stroke-width="2"/><circle cx="{x}" cy="{y}" r="4" fill="currentColor"/>'
        f'<g fill="currentColor" stroke="none">{"".join(marks)}</g></svg>\n'
    )
