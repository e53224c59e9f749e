"""What a section is worth by XFOIL: one careful sweep, the four that verify, and the best angle in other air.

One rule: the figure of a claim is the least of what several ways to compute it say; where they differ there is none.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from wing_shape import Points
from wing_xfoil import Air, Flown, Mesh, fly

COARSE, FINE = Mesh(160, 60), Mesh(220, 60)
"""The two panelings that verify."""
AGREE = 0.04
"""The four sweeps may differ by this share."""
FROM_BELOW = ((-3.0, -2.0, -1.0, -0.5, 0.0), (-1.0, -0.5, 0.0))
FROM_ABOVE = ((1.5, 1.25, 1.0, 0.75, 0.5, 0.25, 0.0), (0.6, 0.3, 0.0))
"""The two starts that verify, in degrees from the angle in question; the second way is tried where the first does not
converge. From above the steps are small: just above the best angle the flow changes fast."""
POLAR_DEG = (0.0, 16.1, 0.5)
"""Upwards from no incidence: a sweep that begins where the flow has separated converges nowhere."""
POLAR = Mesh(160, 40)
REACH_DEG, STEP_DEG = 4.0, 0.25
"""The best angle is looked for so far around, in such steps."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What a section has to keep, and what it flies in."""

    reynolds: float = 1e6
    thickness: float = 0.12
    """Largest thickness, at least."""
    moment: float = -0.10
    """Pitching moment, at least."""
    lift: float = 0.0
    """Lift coefficient where it glides best, at least; 0: any."""

    def as_json(self) -> dict[str, float]:
        """By name; a limit of lift where there is one."""
        return {name: value for name, value in asdict(self).items() if value or name != "lift"}

    @property
    def scale(self) -> float:
        """How glides at this Reynolds number compare with those at a million: measured, from 0.8 to 1.2 million."""
        return float((self.reynolds / 1e6) ** 0.4)


def HOLDOUT(rules: Rules) -> dict[str, Air]:
    """Conditions that the search never sees, by name."""
    return {
        "Re −20 %": Air(0.8 * rules.reynolds),
        "Re +20 %": Air(1.2 * rules.reynolds),
        "Ncrit 5": Air(rules.reynolds, 5.0),
    }


@dataclass(frozen=True, slots=True)
class Verified:
    """What the four sweeps say of a section at its angle."""

    glides: tuple[float, ...]
    """Of those that converged: coarse from below, coarse from above, fine from below, fine from above."""
    moment: float = float("nan")
    """The least of them."""
    lift: float = float("nan")
    """The least of them."""
    trouble: str = ""
    """Why it is not verified; empty: it is."""

    @property
    def glide(self) -> float:
        """The least of them."""
        return min(self.glides)


def verified(outline: Points, angle_deg: float, air: Air) -> Verified:
    """Fly a section to its angle on two panelings, from below and from above."""
    found = [
        _arrive(outline, angle_deg, air, mesh=mesh, ways=ways)
        for mesh in (COARSE, FINE)
        for ways in (FROM_BELOW, FROM_ABOVE)
    ]
    flown = [one for one in found if one is not None]
    glides = tuple(one.glide for one in flown)
    if len(flown) < len(found):
        return Verified(
            glides, trouble=f"{len(found) - len(flown)} of {len(found)} sweeps of XFOIL did not converge"
        )
    trouble = ""
    if max(glides) - min(glides) > AGREE * abs(max(glides)):
        trouble = f"sweeps of XFOIL differ: lift over drag {', '.join(f'{glide:.1f}' for glide in glides)}"
    return Verified(glides, min(one.moment for one in flown), min(one.lift for one in flown), trouble)


def _arrive(
    outline: Points, angle_deg: float, air: Air, *, mesh: Mesh, ways: tuple[tuple[float, ...], ...]
) -> Flown | None:
    """Fly to an angle by the first way that gets there; None: none does."""
    for steps in ways:
        if (one := fly(outline, [angle_deg + step for step in steps], air, mesh)[-1]) is not None:
            return one
    return None


def best_angle(outline: Points, near_deg: float, rules: Rules, air: Air) -> Flown | None:
    """Where a section glides best within the moment's limit, a few degrees around an angle; None: nowhere."""
    steps = np.arange(near_deg - REACH_DEG, near_deg + REACH_DEG + STEP_DEG / 2, STEP_DEG)
    return _best(fly(outline, [round(float(step), 4) for step in steps], air), rules)


def polar_of(outline: Points, air: Air) -> list[Flown]:
    """A section at many angles; what did not converge is left out."""
    angles = [float(angle) for angle in np.arange(*POLAR_DEG)]
    return [one for one in fly(outline, angles, air, POLAR) if one is not None]


def _best(flown: Sequence[Flown | None], rules: Rules) -> Flown | None:
    fine = [one for one in flown if one is not None and one.moment >= rules.moment]
    return max(fine, key=lambda one: one.glide, default=None)
