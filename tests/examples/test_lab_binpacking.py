"""Online bin packing: the bound, what the scorer refuses, and that both statements agree."""

import itertools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from firm.errors import UsageError
from firm.kernel.code import load_file
from firm.lab.problem import Invalid, Score

ROOT = Path(__file__).parents[2]
lab = load_file(ROOT / "examples/lab/binpacking.py")


def fewest(items: list[int], capacity: int) -> int:
    """By trying every assignment."""
    for count in itertools.count(1):
        for bins in itertools.product(range(count), repeat=len(items)):
            loads = [0] * count
            for place, size in zip(bins, items, strict=True):
                loads[place] += size
            if max(loads) <= capacity:
                return count
    raise AssertionError


def run_harness(program: str, told: Any, folder: Path) -> Any:
    for name, text in {
        "program.py": program,
        "harness.py": lab.HARNESS,
        "input.json": json.dumps(told),
    }.items():
        (folder / name).write_text(text, "utf-8")
    subprocess.run([sys.executable, "-B", "harness.py"], cwd=folder, check=True, timeout=60)
    return json.loads((folder / "artifact.json").read_text("utf-8"))


def test_no_packing_beats_the_bound() -> None:
    rng = np.random.default_rng(0)
    tight = 0
    for _ in range(60):
        items = rng.integers(1, 21, 6).tolist()
        bound, best = lab.lower_bound(items, 20), fewest(items, 20)
        assert -(-sum(items) // 20) <= bound <= best
        tight += bound == best
    assert tight > 40


def test_the_bound_sees_items_that_cannot_share_a_bin() -> None:
    assert lab.lower_bound([60, 60, 60], 100) == 3
    assert lab.lower_bound([50, 50, 51], 100) == 2


@pytest.mark.parametrize(
    ("bins", "why"),
    [
        ([0, 0, 0], "holds 120 where 100"),
        ([0, 0], "list of 3 whole numbers"),
        ([0, 1, 2.0], "whole numbers"),
        ([0, 1, True], "whole numbers"),
        ("012", "list of 3"),
        ({"score": 0}, "list of 3"),
    ],
)
def test_a_packing_that_is_none_is_refused(bins: Any, why: str) -> None:
    with pytest.raises(Invalid, match=why):
        lab.excess(bins, [60, 30, 30], 100)


def test_the_excess_is_counted_over_the_bound() -> None:
    assert lab.excess([0, 1, 2], [60, 30, 30], 100) == (3, 50.0)


@pytest.mark.parametrize("kind", ["weibull", "uniform"])
def test_both_statements_score_best_fit_alike(kind: str, tmp_path: Path) -> None:
    settings = {"kind": kind, "items": 200, "count": 2}
    program, weights = lab.program(**settings), lab.weights(**settings)
    stage = program.stages[-1]
    packed = run_harness(program.artifact.start, stage.input, tmp_path)
    by_program, by_weights = stage.score(packed), weights.stages[-1].score(weights.baselines[0].artifact)
    assert isinstance(by_weights, Score)
    assert by_program.said == by_weights.said
    assert 0 < by_program.value < 20


def test_first_fit_is_another_baseline_and_packs_rightly(tmp_path: Path) -> None:
    problem = lab.program(items=200, count=2)
    packed = run_harness(problem.baselines[1].artifact, problem.stages[-1].input, tmp_path)
    assert 0 < problem.stages[-1].score(packed).value < 30


def test_weights_found_on_one_draw_beat_best_fit_on_another() -> None:
    found = [0.15, 0.47, -0.36, 0.36, 0.51, 0.48, -1.0, -0.24]  # after 2,468 evaluations of draw 0 at random
    problem = lab.weights(draw=7)
    stage = problem.stages[-1]
    assert stage.score(found).value < stage.score(problem.baselines[0].artifact).value - 0.3


def test_the_hold_out_has_other_items() -> None:
    problem = lab.program(items=50, count=2)
    assert problem.holdout.input["instances"] != problem.stages[-1].input["instances"]
    assert lab.program(items=50, count=2).stages[-1].input == problem.stages[-1].input
    assert lab.program(items=50, count=2, draw=1).stages[-1].input != problem.stages[-1].input


@pytest.mark.parametrize("wrong", [{"kind": "gauss"}, {"items": 0}, {"count": 101}])
def test_settings_that_make_no_instance_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="give weibull or uniform"):
        lab.weights(**wrong)


def test_the_fixed_form_as_a_program_packs_as_the_weights_do(tmp_path: Path) -> None:
    settings = {"items": 200, "count": 2}
    program, weights = lab.program(**settings), lab.weights(**settings)
    rng = np.random.default_rng(0)
    text = program.operators.propose(rng)
    near = program.operators.perturb(rng, text, 0.3)
    assert near != text
    for one in (text, near):
        numbers = json.loads(lab.WEIGHTS.search(one)[1])
        packed = run_harness(one, program.stages[-1].input, tmp_path)
        by_program = program.stages[-1].score(packed).value
        assert by_program == pytest.approx(weights.stages[-1].score(numbers).value, rel=0.02)


def test_a_program_of_another_form_is_left_for_a_new_one() -> None:
    operators = lab.program(items=50, count=2).operators
    assert lab.WEIGHTS.search(operators.perturb(np.random.default_rng(0), lab.BEST_FIT, 0.1))
