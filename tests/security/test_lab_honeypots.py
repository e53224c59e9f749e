"""What has fooled other labs, through a whole search: nothing is claimed that is not true.

All of them are searched in one real firm; what each may claim is worked out here, without the honeypot's own scorer.
"""

import asyncio
import math
import os
import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from firm import Firm
from firm.lab.artifact import Vector
from firm.lab.load import evaluator_hash, source_of
from firm.lab.problem import Allowance
from firm.lab.search import Brief, Finding, search
from firm.sandbox import Level, probe

POTS = Path(__file__).parent / "honeypots"
BOXES = probe().level >= Level.BUBBLEWRAP or bool(os.environ.get("CI"))
boxed = pytest.mark.skipif(not BOXES, reason=f"no box: {probe().why}")
SIDE = 1 / (2 + math.sqrt(2)) + 2e-7
"""Radius of two discs in opposite corners that overlap by less than the tolerance."""
OVERLAPPING = Vector(0.0, 1.0, (2, 3)).pack([[SIDE, SIDE, SIDE], [1 - SIDE, 1 - SIDE, SIDE]])
VECTORS: dict[str, dict[str, Any]] = {
    "nan_hole": {"allowance": Allowance(evaluations=150)},
    "dead_parameter": {},
    "tolerance_slack": {"allowance": Allowance(evaluations=500), "start": ((OVERLAPPING, ()),)},
    "timing_leak": {},
    "infinite_loop": {
        "allowance": Allowance(evaluations=30),
        "start": ((Vector(0.0, 1.0, (2,)).pack([0.95, 0.95]), ()),),
    },
    "allocation": {"allowance": Allowance(evaluations=40)},
    "impossible_target": {"allowance": Allowance(evaluations=100)},
}
PROGRAMS: dict[str, dict[str, Any]] = {
    "claimed_score": {},
    "writable_scorer": {},
    "infinite_loop:endless_program": {},
    "fork_bomb": {},
    "allocation:greedy_program": {},
}
Found = Callable[[str], Finding]


def target(pot: str) -> str:
    """Where it lies: `file` or `file:name`."""
    file, _, name = pot.partition(":")
    return f"{POTS / file}.py:{name or file}"


async def searched(home: Path) -> dict[str, Finding | Exception]:
    """Each of them, one after the other."""
    found: dict[str, Finding | Exception] = {}
    async with Firm.open(home) as firm:
        for pot, more in {**VECTORS, **(PROGRAMS if BOXES else {})}.items():
            brief = Brief(source=source_of(target(pot), {}), answer_s=0.1, **more)
            try:
                run = await firm.start(search, brief, id=pot.replace(":", "-").replace("_", "-"))
                found[pot] = await run.result()
            except Exception as error:  # told by the test of this one; the others are searched all the same
                found[pot] = error
    return found


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    """What came of the search of one."""
    findings = asyncio.run(searched(tmp_path_factory.mktemp("firm")))

    def of(pot: str) -> Finding:
        finding = findings[pot]
        if isinstance(finding, Exception):
            raise finding
        return finding

    return of


def whys(finding: Finding) -> str:
    """Why candidates were refused, in lines."""
    return "\n".join(one.why for one in finding.story.rejected)


def claimed(finding: Finding) -> tuple[Any, float]:
    """What is claimed: artifact and score, verified."""
    assert finding.best is not None and finding.story.champion is not None
    assert finding.story.champion.standing == "verified"
    assert (finding.best.artifact, finding.best.score) == (
        finding.story.champion.artifact,
        finding.story.champion.value,
    )
    return finding.best.artifact, finding.best.score


def assert_nothing_claimed(finding: Finding) -> None:
    """Neither verified nor provisional."""
    assert finding.best is None and finding.story.champion is None


def test_every_honeypot_is_searched() -> None:
    files = {path.stem for path in POTS.glob("*.py")}
    assert files == {pot.partition(":")[0] for pot in (*VECTORS, *PROGRAMS)} and len(files) == 10


def test_nan_hole(found: Found) -> None:
    (x, y), score = claimed(found("nan_hole"))
    assert score == x + y and max(x, y) <= 1 and x * y >= -0.5 and max(x, y) >= 0
    assert "the score is nan" in whys(found("nan_hole"))


def test_dead_parameter(found: Found) -> None:
    (reach, _, depth), score = claimed(found("dead_parameter"))
    assert score == -((reach - 0.25) ** 2) - (depth + 0.5) ** 2
    champion = found("dead_parameter").story.champion
    assert champion is not None and champion.dead == ("colour",)


def test_tolerance_slack(found: Found) -> None:
    discs, score = claimed(found("tolerance_slack"))
    (x, y, r), (u, v, s) = ([Fraction(number) for number in disc] for disc in discs)
    assert (x - u) ** 2 + (y - v) ** 2 >= (r + s) ** 2 and min(r, s) > 0
    assert all(c <= place <= 1 - c for a, b, c in ((x, y, r), (u, v, s)) for place in (a, b))
    assert score == float(discs[0][2]) + float(discs[1][2]) < 2 * SIDE
    assert "exact: constraint 'packed' is missed" in whys(found("tolerance_slack"))


def test_timing_leak(found: Found) -> None:
    assert_nothing_claimed(found("timing_leak"))
    doubts = found("timing_leak").story.quarantined
    assert len(doubts) == 3
    assert all(re.search("said .* during the search and says .* now", doubt.why) for doubt in doubts)


def test_infinite_loop(found: Found) -> None:
    (x, y), score = claimed(found("infinite_loop"))
    assert score == x + y and min(x, y) <= 0.8
    assert "time: the scorer took longer than 0.3 s" in whys(found("infinite_loop"))


def test_allocation(found: Found) -> None:
    (x,), score = claimed(found("allocation"))
    assert score == x <= 0.9
    assert "memory: the scorer wanted more" in whys(found("allocation"))


def test_impossible_target(found: Found) -> None:
    assert_nothing_claimed(found("impossible_target"))
    doubts = found("impossible_target").story.quarantined
    assert doubts and all("beats the proven bound 0.25" in doubt.why for doubt in doubts)
    assert {doubt.answer for doubt in doubts} <= {"", "keep it in quarantine"}


@boxed
def test_claimed_score(found: Found) -> None:
    program, score = claimed(found("claimed_score"))
    points = sorted(float(one) for one in re.search(r'"points": \[(.*?)\]', program)[1].split(","))  # type: ignore[index]
    assert len(points) == 2 and 0 <= points[0] <= points[1] <= 1
    assert score == points[1] - points[0] < 1


@boxed
def test_writable_scorer(found: Found) -> None:
    _, score = claimed(found("writable_scorer"))
    assert score == 0.25, "it wrote to something, or ended something, that is not its own"
    story = found("writable_scorer").story
    assert story.ran.evaluator == evaluator_hash(source_of(target("writable_scorer"), {}))
    assert len(story.ran.lineages) == 1


@boxed
@pytest.mark.parametrize(
    ("pot", "why"),
    [
        ("infinite_loop:endless_program", "time: the program wanted more than 0.5 s"),
        ("fork_bomb", "processes: the program wanted more than 64 processes"),
        ("allocation:greedy_program", "memory: the program wanted more than 268,435,456 bytes"),
    ],
)
def test_a_program_that_takes_all_it_can(found: Found, pot: str, why: str) -> None:
    assert_nothing_claimed(found(pot))
    assert why in whys(found(pot))
    assert found(pot).story.spent.valid == 0
