"""The arms that need no model: what makes candidates by numbers and by a problem's own operators.

One rule: an arm is a name, a class, and what it needs; `open_proposer` is the only door. What an arm learns stays on
its island; what all share comes with the order, as elites.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np

from firm.errors import UsageError
from firm.lab.artifact import Vector
from firm.lab.candidate import Elite
from firm.lab.problem import Problem
from firm.lab.proposer.chance import Chance
from firm.lab.proposer.cma import Cma
from firm.lab.proposer.descent import Multistart
from firm.lab.proposer.evolution import Evolution
from firm.lab.proposer.hopping import Hopping
from firm.lab.proposer.illumination import Illumination
from firm.lab.proposer.libraries import Pycma, Ribs
from firm.lab.proposer.operators import Iterated
from firm.lab.proposer.protocol import Proposer

Open = Callable[[Problem, np.random.Generator, bytes, Sequence[Elite]], Proposer]


@dataclass(frozen=True)
class Arm:
    """One way to make candidates."""

    open: Open
    needs: str
    """In words, for a person whose problem does not have it."""
    fits: Callable[[Problem], bool]
    library: str = ""
    by_name: bool = False
    """Only where the problem names it."""


def _vector(problem: Problem) -> bool:
    return isinstance(problem.artifact, Vector)


def _smooth(problem: Problem) -> bool:
    return problem.smooth is not None


def _improvable(problem: Problem) -> bool:
    own = problem.operators is not None and problem.operators.improve is not None
    return own or (_smooth(problem) and find_spec("scipy") is not None)


def _operable(problem: Problem) -> bool:
    made = problem.operators
    return made is not None and (made.improve is not None or made.perturb is not None)


def _mapped(problem: Problem) -> bool:
    return _vector(problem) and bool(problem.axes)


ARMS: dict[str, Arm] = {
    "chance": Arm(Chance, "nothing", lambda problem: True),
    "operators": Arm(Iterated, "operators= with improve or perturb", _operable),
    "hopping": Arm(Hopping, "operators= with improve, or smooth= and scipy", _improvable),
    "descent": Arm(Multistart, "smooth=", _smooth, "scipy"),
    "cma": Arm(Cma, "a Vector", _vector),
    "evolution": Arm(Evolution, "a Vector", _vector),
    "illumination": Arm(Illumination, "a Vector and axes=", _mapped),
    "pycma": Arm(Pycma, "a Vector", _vector, "cma", by_name=True),
    "ribs": Arm(Ribs, "a Vector and axes=", _mapped, "ribs", by_name=True),
}
"""By name; `chance` always keeps its floor."""


def arms_for(problem: Problem) -> tuple[str, ...]:
    """All that fit the problem and whose library is installed; `chance` is always among them."""
    return tuple(
        name
        for name, arm in ARMS.items()
        if not arm.by_name and arm.fits(problem) and (not arm.library or find_spec(arm.library) is not None)
    )


def open_proposer(
    arm: str, problem: Problem, rng: np.random.Generator, *, state: bytes, elites: Sequence[Elite]
) -> Proposer:
    """An island of an arm, from what it saved or from its beginning.

    Args:
        arm: Its name, one of `ARMS`.
        problem: What for.
        rng: All its chance.
        state: What it saved; empty: it begins.
        elites: What to begin with, the best first.

    Raises:
        UsageError: no such arm; the problem does not have what it needs, or its library is not installed; a state
            that it cannot read.
    """
    found = ARMS.get(arm)
    if found is None:
        raise UsageError(f"there is no arm {arm!r}; there are {', '.join(ARMS)}")
    if not found.fits(problem):
        raise UsageError(f"arm {arm!r} needs {found.needs}; problem {problem.name!r} does not have it")
    if found.library and find_spec(found.library) is None:
        raise UsageError(
            f"arm {arm!r} needs the library {found.library!r}, which is not installed: install firm[lab]"
        )
    return found.open(problem, rng, state, elites)
