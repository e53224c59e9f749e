"""The search for a prompt: how answers are read, and what is held out."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from firm.errors import UsageError
from firm.kernel.code import load_file
from firm.lab.artifact import Prompt
from firm.lab.problem import Invalid

ROOT = Path(__file__).parents[2]
lab = load_file(ROOT / "examples/lab/prompt.py")


@pytest.mark.parametrize(
    ("answer", "number"),
    [
        ("First 3, then 1,234.", Fraction(1234)),
        ("so it is $12.50.", Fraction(25, 2)),
        ("it falls to -4 degrees", Fraction(-4)),
        ("**168**", Fraction(168)),
        ("none", None),
        ("9" * 50, None),
    ],
)
def test_the_last_number_is_the_answer(answer: str, number: Fraction | None) -> None:
    assert lab.last_number(answer) == number


def test_the_share_of_right_answers_is_counted_and_the_wrong_ones_are_told() -> None:
    score = lab.share_right(
        [["two and two?", "4", "it is 4"], ["ten?", "10", "it is 10.5"], ["x", "1", "no"]]
    )
    assert score.value == pytest.approx(100 / 3)
    assert score.said == {"wrong": ["ten?", "x"]}
    with pytest.raises(Invalid):
        lab.share_right([])


def test_the_hold_out_shares_no_question_with_the_search() -> None:
    problem = lab.prompt()
    assert isinstance(problem.artifact, Prompt)
    seen = {question for stage in problem.stages for question, _ in stage.samples}
    held = {question for question, _ in problem.holdout.samples}
    assert (len(seen), len(held)) == (20, 20)
    assert not seen & held
    assert all(Fraction(number) for _, number in lab.questions())


def test_the_baselines_have_a_place_for_the_question() -> None:
    assert all(one.artifact.count("{input}") == 1 for one in lab.prompt().baselines)


def test_a_first_stage_of_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="few=0: give 1 to 20"):
        lab.prompt(few=0)


def test_prompts_that_are_put_together_hold_the_question_once_and_change_by_a_line() -> None:
    operators, rng = lab.prompt().operators, np.random.default_rng(0)
    for _ in range(30):
        text = operators.propose(rng)
        near = operators.perturb(rng, text, 0.1)
        assert text.count("{input}") == near.count("{input}") == 1
        assert len(set(text.split("\n")) ^ set(near.split("\n"))) in (1, 2)
