"""A finding about a black box becomes a story without being made more certain than it is."""

from datetime import UTC, datetime

import msgspec
import pytest

from firm.lab.order import Source
from firm.lab.phenomenon.finding import Constant, Evidence, Finding, Point, Rival
from firm.lab.report import page
from firm.lab.report.claim import reproduce
from firm.lab.report.inquiry import seed_row, story_of_inquiry
from firm.lab.report.story import Story

FINDING = Finding(
    name="pendulum",
    question="How long does a swing take?",
    verdict="found",
    reason="it held where it had been predicted",
    law="T = 6.28*sqrt(L)/sqrt(g)",
    form="T = c1*sqrt(L)/sqrt(g)",
    constants=(Constant("c1", 6.28, 6.27, 6.29),),
    domain={"L": (0.1, 5.0), "g": (1.6, 25.0)},
    idle=("colour",),
    evidence=Evidence(200, 0.95, "1 % of the value", 17, 0.015, 1.0),
    ruled_out=(Rival("a*L", "too steep", 40.0),),
    standing=(Rival("a*sqrt(L)", "as good", 1.0),),
    cost={"experiments": 200.0, "usd": 4.0},
    points=(Point(1.0, 1.01, 0.01, False), Point(9.0, 9.1, 0.1, True)),
    history=("after 95 experiments: T = 6.2*sqrt(L)",),
)
BEGAN, ENDED = datetime(2026, 11, 23, 16, 0, tzinfo=UTC), datetime(2026, 11, 23, 16, 1, tzinfo=UTC)


def told(finding: Finding) -> Story:
    source = Source("/somewhere/phenomena.py", "pendulum", {})
    return story_of_inquiry(
        finding, source, run="lab-1", seed=3, began_at=BEGAN, made_at=ENDED, evaluator="00ff"
    )


def test_the_story_says_what_the_finding_says() -> None:
    story = told(FINDING)
    law = story.law
    assert law is not None
    assert (law.quantity, law.expression, law.verdict) == ("T", "6.28*sqrt(L)/sqrt(g)", "found")
    assert (law.points, law.points_outside) == (((1.01, 1.0),), ((9.1, 9.0),))
    assert [(one.name, one.matters) for one in law.inputs] == [("L", True), ("g", True), ("colour", False)]
    assert [(one.law, one.out) for one in law.rivals] == [("a*L", True), ("a*sqrt(L)", False)]
    assert (story.spent.wall_s, story.spent.usd) == (60.0, 4.0)
    assert reproduce(story) == "firm lab phenomena.py:pendulum --seed 3 --evaluations 200"
    assert "1 % of the value" in page(story)


@pytest.mark.parametrize("verdict", ["unsure", "a word from elsewhere"])
def test_anything_but_found_is_unsure(verdict: str) -> None:
    finding = msgspec.structs.replace(FINDING, verdict=verdict)
    story = told(finding)
    assert story.law is not None and story.law.verdict == "unsure"
    assert "No law was found that one can be sure of" in page(story)
    assert not seed_row(3, finding).reached
