"""The critic: flies every candidate again with XFOIL, in four sweeps, and throws out what does not hold.

One rule: it has found none of the candidates, and believes nobody's figure but its own. Where there is no XFOIL it says
so, keeps nothing that only a hand's network believes in, and calls what it lets through a surrogate's word.

It begins runs and steps, so no other file imports it: what a run has begun is found again by the path of its file.
"""

import math
import os
from dataclasses import dataclass
from typing import Any, cast

import msgspec
import numpy as np

import wing_xfoil
from firm.kernel.api import gather
from firm.kernel.definition import step, workflow
from firm.org.assignment import Assignment, Made
from firm.org.words import Say
from wing import catalogue_glide
from wing_candidate import FROM_HANDS, FROM_STURDIER, Candidate
from wing_catalogue import held
from wing_design import Design, design_from
from wing_flight import COARSE, polar_of, verified
from wing_shape import ANGLE, outline
from wing_words import words
from wing_xfoil import Air, Flown, fly

MISSED = 0.04
"""A figure that XFOIL puts lower by more than this share was not true."""
SPAR_AT = 0.3
"""Where along the chord the spar stands, as a share."""
PAST_DEG = 2.0
"""How gentle the stall is, is looked at so far past the angle of the most lift."""
FIRST_LOOK_DEG, FIRST_LOOK_S = (-1.0, -0.5, 0.0), 5.0
HAIR = 1e-3
SWEEPS = 4


class Flight(msgspec.Struct, frozen=True, kw_only=True):
    """What the critic saw of one candidate."""

    candidate: Candidate
    glides: tuple[float, ...] = ()
    """Of the four sweeps; fewer: some did not converge."""
    moment: float | None = None
    lift: float | None = None
    """Where it glides best."""
    most_lift: float | None = None
    lost_past_stall: float | None = None
    """Share of the most lift that is gone two degrees further; None: not seen."""
    spar: float = 0.0
    """Height between the skins at 30 % of the chord, as a share of it."""
    trouble: str = ""
    cpu_s: float = 0.0

    @property
    def glide(self) -> float:
        """The least of the sweeps."""
        return min(self.glides, default=math.nan)


@workflow
async def criticize(given: Assignment) -> Made:
    """What is kept, what is thrown out and why; the program that holds the role."""
    design = design_from(given)
    found = msgspec.convert(given.input("candidates").data["candidates"], list[Candidate])
    trouble = await no_second_solver()
    beat = await to_beat(design) if not trouble else 0.0
    flights = await gather(*(fly_again(one, design) for one in found)) if not trouble else unflown(found)
    bench = Bench(design, beat, surrogate=bool(trouble), say=words(given.language))
    kept, thrown_out = bench.sorted_out(flights)
    data = {
        "second_solver": trouble or "XFOIL",
        "to_beat": round(beat, 1),
        "kept": kept,
        "thrown_out": thrown_out,
        "false_champion": false_champion(thrown_out, beat),
        "cpu_s": round(sum(one.cpu_s for one in flights), 1),
    }
    return Made(text=told(data, given.language), data=data)


@step
def no_second_solver() -> str:
    """Why there is no XFOIL here; '' where there is."""
    return wing_xfoil.trouble()


@step(cpu=True)
def to_beat(design: Design) -> float:
    """What the best of the catalogue glides at, flown now, the same way; 0: the catalogue was not searched so."""
    best = held(design.rules)
    return catalogue_glide(best["best"]["as asked"], design.rules) if best else 0.0


@step(cpu=True)
def fly_again(candidate: Candidate, design: Design) -> Flight:
    """Four sweeps to its own angle, and a polar."""
    began_s = spent_s()
    section, air = np.array(candidate.section), Air(design.reynolds)
    points, angle = outline(section), float(section[ANGLE])
    if candidate.source == FROM_HANDS and not flies(points, angle, air):
        return Flight(candidate=candidate, spar=spar(points), cpu_s=round(spent_s() - began_s, 3))
    seen = verified(points, angle, air)
    most, lost = stall(polar_of(points, air))
    return Flight(
        candidate=candidate,
        glides=tuple([round(glide, 2) for glide in seen.glides]),
        moment=None if math.isnan(seen.moment) else round(seen.moment, 4),
        lift=None if math.isnan(seen.lift) else round(seen.lift, 3),
        most_lift=most,
        lost_past_stall=lost,
        spar=spar(points),
        trouble=seen.trouble,
        cpu_s=round(spent_s() - began_s, 3),
    )


def spent_s() -> float:
    """Processor time of this process and of all that it has waited for."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def flies(points: Any, angle_deg: float, air: Air) -> bool:
    """Whether XFOIL converges at all; what only a network knows may be no wing, and four sweeps take a minute then."""
    angles = [angle_deg + step for step in FIRST_LOOK_DEG]
    return fly(points, angles, air, COARSE, wall_s=FIRST_LOOK_S)[-1] is not None


def unflown(found: list[Candidate]) -> list[Flight]:
    """Nothing seen of any of them."""
    return [Flight(candidate=one, spar=spar(outline(one.section))) for one in found]


def spar(points: Any) -> float:
    """Height between the skins where the spar stands."""
    flat = np.array(points)
    nose = int(flat[:, 0].argmin())
    upper, lower = flat[nose::-1], flat[nose:]
    return round(float(np.interp(SPAR_AT, *upper.T) - np.interp(SPAR_AT, *lower.T)), 5)


def stall(polar: list[Flown]) -> tuple[float | None, float | None]:
    """The most lift, and what share of it is gone two degrees further; XFOIL is weak there, and this is a hint."""
    if not polar:
        return None, None
    top = max(polar, key=lambda one: one.lift)
    past = top.angle_deg + PAST_DEG
    if past > max(one.angle_deg for one in polar):
        return round(top.lift, 3), None
    lift = float(np.interp(past, [one.angle_deg for one in polar], [one.lift for one in polar]))
    return round(top.lift, 3), round(1 - lift / top.lift, 4)


# --- what comes of it -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Bench:
    """Judges what was flown.

    Args:
        design: What is wanted.
        beat: The catalogue's figure; 0: there is none.
        surrogate: There is no second solver, so the finders' figures count.
        say: In the mission's language.
    """

    design: Design
    beat: float
    surrogate: bool
    say: Say

    def sorted_out(self, flights: list[Flight]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Who is kept, the best glide first and never more than two, and who is not, and why."""
        good, bad = [], []
        for one in flights:
            why, false = self._fault(one)
            row = row_of(one, surrogate=self.surrogate)
            bad.append(row | {"why": why, "false": false}) if why else good.append(row)
        good.sort(key=lambda row: -row["glide"])
        finalists = good[:1]
        others = sorted(good[1:], key=lambda row: (row["source"] != FROM_STURDIER, -row["spar"]))
        finalists += others[:1]
        why = self.say("it holds, and a finalist glides better or is thicker")
        return finalists, [*bad, *[row | {"why": why, "false": False} for row in others[1:]]]

    def _fault(self, one: Flight) -> tuple[str, bool]:
        """Why a candidate does not hold, '' where it does; and whether that is because its figure was not true."""
        say, believed = self.say, one.candidate.glide
        if self.surrogate:
            is_hand = one.candidate.source == FROM_HANDS
            return (
                say("only one small network believes in it, and nothing here can check that")
                if is_hand
                else ""
            ), False
        if len(one.glides) < SWEEPS:
            missing = SWEEPS - len(one.glides)
            return say(
                "{missing} of {all} sweeps of XFOIL did not converge", missing=missing, all=SWEEPS
            ), False
        if one.trouble:
            glides = ", ".join(f"{glide:.1f}" for glide in one.glides)
            return say("the sweeps of XFOIL differ: {glides}", glides=glides), False
        figures = {"believed": f"{believed:.1f}", "glide": f"{one.glide:.1f}", "beat": f"{self.beat:.1f}"}
        if self.beat and believed > self.beat >= one.glide:
            told = say("believed at {believed}, over the catalogue's {beat}; XFOIL says {glide}", **figures)
            return told, True
        if one.glide < (1 - MISSED) * believed:
            return say("believed at {believed}; XFOIL says {glide}", **figures), True
        return self._limit_missed(one), False

    def _limit_missed(self, one: Flight) -> str:
        say, design, thick = self.say, self.design, one.candidate.thickness
        for name, value, limit, hair in (
            ("pitching moment", one.moment, design.moment, HAIR),
            ("lift coefficient", one.lift, design.lift, HAIR),
            ("thickness", thick, design.thickness, 1e-4),
        ):
            if value is not None and value < limit - hair:
                return say(
                    "its {what} is {value}, and {limit} is the limit",
                    what=say(name),
                    value=f"{value:.4g}",
                    limit=f"{limit:g}",
                )
        return ""


def row_of(one: Flight, *, surrogate: bool) -> dict[str, Any]:
    """A candidate with the figures that count, as plain data."""
    candidate = one.candidate
    row = cast("dict[str, Any]", msgspec.to_builtins(candidate))
    row |= {"believed": candidate.glide, "glide": candidate.glide if surrogate else None}
    if one.glides:
        row |= {"glide": one.glide, "sweeps": list(one.glides)}
    for name in ("moment", "lift", "most_lift", "lost_past_stall", "spar"):
        row[name] = getattr(one, name)
    row["angle_deg"] = round(candidate.section[ANGLE], 3)
    return row


def false_champion(thrown_out: list[dict[str, Any]], beat: float) -> dict[str, Any] | None:
    """Of what the hands believed in, the one they believed in most, if it did not hold; None: it held."""
    false = [row for row in thrown_out if row["source"] == FROM_HANDS and row["false"]]
    found = max(false, key=lambda row: row["believed"], default=None)
    if found is None:
        return None
    return {
        "id": found["id"],
        "believed": found["believed"],
        "glide": found["glide"],
        "to_beat": round(beat, 1),
    }


def told(data: dict[str, Any], language: str) -> str:
    """What was found, in words."""
    say = words(language)
    false, lines = data["false_champion"], []
    if data["second_solver"] != "XFOIL":
        lines.append(
            say(
                "There is no second solver here ({why}): all figures are a surrogate's word.",
                why=data["second_solver"],
            )
        )
    if false:
        lines.append(
            say(
                "Thrown out: {id}. Its network believed in a lift over drag of {believed}; XFOIL says {glide}.",
                id=false["id"],
                believed=f"{false['believed']:.1f}",
                glide=f"{false['glide']:.1f}",
            )
        )
    elif data["second_solver"] == "XFOIL":
        lines.append(say("No leader of the hands was false."))
    more = [
        row
        for row in data["thrown_out"]
        if row["source"] == FROM_HANDS and row["id"] != (false or {}).get("id")
    ]
    if more:
        listed = "; ".join(f"{row['id']}, {row['why']}" for row in more)
        lines.append(say("Thrown out too: {listed}.", listed=listed))
    lines.append(
        say("Kept: {kept}.", kept=", ".join(f"{row['id']} {row['glide']:.1f}" for row in data["kept"]) or "–")
    )
    return "\n".join(lines)
