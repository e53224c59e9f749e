"""A prompt with which the embedded model solves more word problems, of 20 with exact answers.

The model answers outside the scorer; the scorer sees question, expected number and answer, takes the last number of the
answer and compares it exactly. The hold-out is 20 further questions that the search never sees. The questions come
from grade-school-math (LICENSE.gsm8k). A score moves by 5 points with each question: read small gains as chance.

    firm lab examples/lab/prompt.py
"""

import json
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from firm.errors import UsageError
from firm.lab.artifact import Prompt
from firm.lab.problem import (
    Allowance,
    Baseline,
    Invalid,
    Objective,
    Operators,
    Problem,
    Score,
    Stage,
    problem,
)

DATA = "gsm8k_easy_40.jsonl"
EVALUATOR_FILES = (DATA,)
PLAIN = "{input}"
STEPS = "{input}\nThink step by step. End with a line that holds the answer alone, as a number."
BEFORE = (
    "",
    "Solve this word problem.",
    "You are a careful teacher of arithmetic.",
    "Read the question twice, and write down every number in it.",
    "Question:",
)
WAY = (
    "",
    "Think step by step.",
    "Write each calculation on a line of its own, as a + b = c.",
    "Name what is asked, then compute it in at most three short steps.",
    "Check the result by computing it a second way.",
)
END = (
    "",
    "End with a line that holds the answer alone, as a number.",
    "The last line is: Answer: NUMBER",
    "Give the number only, without a unit.",
)
"""Lines that prompts are put together from where no model writes them: before the question, and after it."""
SEARCHED = 20
"""Questions that the search sees; the rest are held out."""
NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")
MAX_DIGITS = 40


def put_together(before: str, way: str, end: str) -> str:
    """A prompt of up to four lines."""
    return "\n".join(line for line in (before, PLAIN, way, end) if line)


def propose(rng: np.random.Generator) -> str:
    """A prompt of lines drawn at random."""
    return put_together(*(lines[int(rng.integers(len(lines)))] for lines in (BEFORE, WAY, END)))


def perturb(rng: np.random.Generator, text: str, reach: float) -> str:
    """With one of its lines drawn anew, with all of them where the reach is above a half."""
    if reach > 0.5:
        return propose(rng)
    held = text.split("\n")
    chosen = [next((line for line in lines[1:] if line in held), "") for lines in (BEFORE, WAY, END)]
    place = int(rng.integers(3))
    lines = (BEFORE, WAY, END)[place]
    others = [line for line in lines if line != chosen[place]]
    chosen[place] = others[int(rng.integers(len(others)))]
    return put_together(*chosen)


def questions() -> tuple[tuple[str, str], ...]:
    """(question, number) pairs."""
    lines = Path(__file__).with_name(DATA).read_text("utf-8").splitlines()
    return tuple((found["input"], found["target"]) for found in map(json.loads, lines))


def last_number(answer: str) -> Fraction | None:
    """The last number of a text, exactly; None where there is none, or one of more than 40 digits."""
    found = NUMBER.findall(answer)
    if not found or len(found[-1]) > MAX_DIGITS:
        return None
    return Fraction(found[-1].replace(",", ""))


def share_right(answered: list[Any]) -> Score:
    """Per cent of the answers that end with the right number."""
    if not answered:
        raise Invalid("there are no answers")
    right = [last_number(answer) == Fraction(expected) for _, expected, answer in answered]
    wrong = [question[:120] for (question, _, _), good in zip(answered, right, strict=True) if not good]
    return Score(100.0 * sum(right) / len(right), said={"wrong": wrong[:5]})


@problem
def prompt(*, model: str = "default", few: int = 6) -> Problem:
    """The prompt for one model.

    Args:
        model: Its name in firm.toml; "default" is the embedded one where nothing else is said.
        few: Questions of the first stage, 1 to 20.
    """
    if not 1 <= few <= SEARCHED:
        raise UsageError(f"few={few!r}: give 1 to {SEARCHED}")
    samples = questions()
    return Problem(
        name="prompt for word problems",
        question="Which prompt has the model solve most of these word problems?",
        artifact=Prompt(PLAIN, model),
        stages=(
            Stage("few", share_right, keep=0.5, samples=samples[:few]),
            Stage("all", share_right, samples=samples[:SEARCHED]),
        ),
        objective=Objective("right answers", "max", "%"),
        allowance=Allowance(evaluations=10),
        baselines=(Baseline("plain", artifact=PLAIN), Baseline("step by step", artifact=STEPS)),
        bound=100.0,
        operators=Operators(propose, perturb=perturb),
        holdout=Stage("held out", share_right, samples=samples[SEARCHED:]),
    )
