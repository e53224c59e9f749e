"""The lab: state a question with a score, have it searched for, and get an answer that holds.

One rule: what is claimed was scored by something that no candidate could touch, and is labelled with how far that is
to be believed.
"""

from firm.lab.artifact import Program, Prompt, Text, Vector
from firm.lab.problem import (
    Allowance,
    Axis,
    Baseline,
    Invalid,
    Known,
    Objective,
    Operators,
    Problem,
    Score,
    Smooth,
    Stage,
    problem,
)

__all__ = [
    "Allowance",
    "Axis",
    "Baseline",
    "Invalid",
    "Known",
    "Objective",
    "Operators",
    "Problem",
    "Program",
    "Prompt",
    "Score",
    "Smooth",
    "Stage",
    "Text",
    "Vector",
    "problem",
]
