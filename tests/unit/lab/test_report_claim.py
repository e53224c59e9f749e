"""The claim is never stronger than the word it rests on."""

from typing import Any

import msgspec
import pytest
from tests.unit.lab.stories import found, nothing, understood

from firm.lab.report.claim import claim, labels, reproduce
from firm.lab.report.story import Goal, KnownBest, NearMiss, Story
from firm.lab.report.words import words

EN = words("en")


def with_champion(**changes: Any) -> Story:
    story = found()
    assert story.champion is not None
    return msgspec.structs.replace(story, champion=msgspec.structs.replace(story.champion, **changes))


def test_a_claim_says_value_baseline_known_best_and_trust() -> None:
    assert claim(found(), EN) == (
        "Lift to drag 185.213 was found, 11.3 % better than the best baseline (the catalogue's best: 166.41), "
        "0.115 % better than the best that is known (185): confirmed by a second solver."
    )


@pytest.mark.parametrize(
    ("trust", "label"), [("exact", "exact"), ("surrogate", "surrogate only"), ("judged", "judged")]
)
def test_labels_follow_trust(trust: str, label: str) -> None:
    story = with_champion(trust=trust)
    assert [one for one, _ in labels(story, EN)] == [label, "verified", "not checked against the literature"]


def test_a_surrogates_word_is_called_that_in_the_sentence() -> None:
    assert claim(with_champion(trust="surrogate"), EN).endswith("by the word of a surrogate only.")


def test_what_was_not_verified_is_provisional() -> None:
    story = with_champion(standing="provisional")
    assert claim(story, EN).endswith("confirmed by a second solver, and provisional.")
    assert ("provisional", "doubt") in labels(story, EN)


def test_a_value_that_is_the_known_one_as_printed_is_level_with_it() -> None:
    goal = Goal("sum of radii")
    story = with_champion(value=2.63598308491753)
    story = msgspec.structs.replace(
        story,
        asked=msgspec.structs.replace(story.asked, objective=goal),
        baselines=(),
        known=KnownBest(2.6359830849, "a paper", "2026-11-23"),
    )
    assert "level with the best that is known (2.63598" in claim(story, EN)


def test_less_is_better_where_less_is_wanted() -> None:
    story = found()
    story = msgspec.structs.replace(
        story, asked=msgspec.structs.replace(story.asked, objective=Goal("drag", "min"))
    )
    assert "11.3 % worse than the best baseline" in claim(story, EN)
    assert "0.115 % short of the best that is known" in claim(story, EN)


def test_nothing_found_says_how_near_one_came() -> None:
    assert claim(nothing(), EN) == "No valid candidate was found; the nearest missed “thickness” by 0.0213."
    for nearest in (None, NearMiss("", None)):
        assert claim(nothing(nearest=nearest), EN) == (
            "No valid candidate was found; of 500 none could be scored at all."
        )


def test_an_unsure_law_is_not_called_found() -> None:
    story = understood()
    assert story.law is not None
    unsure = msgspec.structs.replace(story.law, verdict="unsure", why="two rivals fit as well.")
    said = claim(msgspec.structs.replace(story, law=unsure), EN)
    assert said.startswith("No law was found that one can be sure of") and said.endswith(
        "two rivals fit as well."
    )
    bare = claim(msgspec.structs.replace(story, law=msgspec.structs.replace(unsure, expression="")), EN)
    assert bare == "No law was found for period: two rivals fit as well."


def test_the_line_to_make_it_again_is_quoted_for_a_shell() -> None:
    story = found()
    asked = msgspec.structs.replace(
        story.asked,
        file="my wing.py:section",
        settings={"name": "a; rm -rf b", "n": 32},
        allowance={"cpu_s": 300.0, "gpu_s": 2},
    )
    assert reproduce(msgspec.structs.replace(story, asked=asked, seeds=())) == (
        "firm lab 'my wing.py:section' --set 'name=a; rm -rf b' --set n=32 --seed 7 --cpu-s 300 --workers 2"
    )
    assert "--seed 7 --seeds 10" in reproduce(story)
