"""The aerodynamicist: from what is wanted to the conditions that everybody else works by.

One rule: nothing here computes a flow; what cannot be flown by these tools is refused, with what could be.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from firm.errors import UsageError
from firm.org.assignment import Assignment, Made
from wing_flight import Rules
from wing_words import words

REYNOLDS = (2e5, 3e6)
THICKNESS = (0.09, 0.18)
MOMENT = (-0.2, 0.0)
LIFT = (0.0, 1.4)
CHORD_MM = (20.0, 5_000.0)
CPU_S = (4.0, 3_600.0)
"""What these tools were tried on; outside of it their figures mean little."""
HANDS = 300
"""Of the explorer, where there is time for all of them."""
STURDIER = 0.015
"""The second search is for a section thicker by so much of the chord: room for a higher spar."""


class Design(msgspec.Struct, frozen=True, kw_only=True):
    """What the section has to do, and what may be spent on looking for it."""

    reynolds: float
    thickness: float
    """Largest thickness over the chord, at least."""
    moment: float = -0.10
    """Pitching moment about the quarter chord, at least."""
    lift: float = 0.0
    """Lift coefficient where it glides best, at least; 0: any."""
    chord_mm: float = 1_000.0
    """For lengths on the data sheet."""
    sturdier: float = 0.0
    """Thickness of the second search."""
    hands: int = HANDS
    search_s: float = 75.0
    """Processor seconds of the first search."""
    sturdier_s: float = 30.0
    """Of the second."""
    seed: int = 7

    @property
    def rules(self) -> Rules:
        """Of the search for the best glide."""
        return Rules(self.reynolds, self.thickness, self.moment, self.lift)

    @property
    def sturdier_rules(self) -> Rules:
        """Of the search for a higher spar."""
        return Rules(self.reynolds, self.sturdier, self.moment, self.lift)


def conditions(given: Assignment) -> Made:
    """What the specification asks for, as conditions; the program that holds the role.

    Raises:
        UsageError: something is missing, or cannot be flown here.
    """
    design = design_of(given.input("spec").data)
    return Made(text=told(design, given.language), data=msgspec.to_builtins(design))


def design_of(spec: Any) -> Design:
    """Conditions from the values of a specification.

    Args:
        spec: By name: `reynolds`, and where they were said `thickness_percent`, `moment`, `lift`, `chord_mm`, `cpu_s`.

    Raises:
        UsageError: see `conditions`.
    """
    if not isinstance(spec, Mapping):
        raise UsageError(
            f"the specification is {spec!r:.80}; give values by name, such as {{'reynolds': 1000000}}"
        )
    thickness = _value(spec, "thickness_percent", 12.0, tuple([100 * one for one in THICKNESS])) / 100
    cpu_s = _value(spec, "cpu_s", 105.0, CPU_S)
    return Design(
        reynolds=_value(spec, "reynolds", None, REYNOLDS),
        thickness=round(thickness, 6),
        moment=_value(spec, "moment", -0.10, MOMENT),
        lift=_value(spec, "lift", 0.0, LIFT),
        chord_mm=_value(spec, "chord_mm", 1_000.0, CHORD_MM),
        sturdier=round(thickness + STURDIER, 6),
        hands=max(12, min(HANDS, round(3 * cpu_s))),
        search_s=round(cpu_s * 0.7, 1),
        sturdier_s=round(cpu_s * 0.3, 1),
    )


def _value(spec: Mapping[str, Any], name: str, otherwise: float | None, bounds: tuple[float, ...]) -> float:
    value = spec.get(name, otherwise)
    if value is None:
        raise UsageError(f"the specification does not say {name}; these tools fly {_range(bounds)}")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UsageError(f"{name} is {value!r:.80}; give a number, {_range(bounds)}")
    if not bounds[0] <= value <= bounds[-1]:
        raise UsageError(f"{name} is {value:g}; these tools were tried on {_range(bounds)}, and not beyond")
    return float(value)


def _range(bounds: tuple[float, ...]) -> str:
    return f"{bounds[0]:,g} to {bounds[-1]:,g}"


def design_from(given: Assignment) -> Design:
    """The conditions that a task was given."""
    return msgspec.convert(given.input("conditions").data, Design)


def told(design: Design, language: str) -> str:
    """The conditions in words."""
    say = words(language)
    lines = [
        say(
            "Reynolds number {reynolds}, at least {thickness} % thick, pitching moment at least {moment}.",
            reynolds=f"{design.reynolds:,.0f}",
            thickness=f"{100 * design.thickness:g}",
            moment=f"{design.moment:g}",
        )
    ]
    if design.lift:
        lines.append(say("Lift coefficient at least {lift} where it glides best.", lift=f"{design.lift:g}"))
    lines.append(
        say(
            "{hands} hands look at once; then the lab searches for {search_s} processor seconds, and {more_s} more for "
            "a section {sturdier} % thick.",
            hands=design.hands,
            search_s=f"{design.search_s:g}",
            more_s=f"{design.sturdier_s:g}",
            sturdier=f"{100 * design.sturdier:g}",
        )
    )
    return "\n".join(lines)
