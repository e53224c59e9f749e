"""A search as a story: what was counted, what is claimed, and what is not."""

import asyncio
from typing import Any

import pytest
from tests.unit.lab.engines import FORM, HASH, plan, survey

from firm.kernel.context import opened
from firm.kernel.journal import Row, own_key
from firm.lab.author import Written
from firm.lab.candidate import BOOK, Block, Candidate, Elite, Judged, Status, block_key, id_of
from firm.lab.checking import Ruling
from firm.lab.crowning import Court, Doubt
from firm.lab.engine import Engine
from firm.lab.order import Tally
from firm.lab.problem import Axis, Objective
from firm.lab.report import claim, page, words
from firm.lab.report.story import Story
from firm.lab.survey import BaselineFacts, Form
from firm.lab.telling import OLDEST, Told, ancestors, story_of

FORMED = Form.of(FORM)
AXES = (Axis("wide", 0.0, 1.0, 4),)


def elite(id: int, value: float, *descriptors: float, **others: float) -> Elite:
    return Elite(
        id, FORM.pack([value, 0.0]), value, 1, True, descriptors, others, (value / 2, value), (), "cma"
    )


def told(engine: Engine, court: Court | None = None, **more: Any) -> Story:
    given = {
        "made_at": "2026-11-23T10:00:09",
        "ended_by": "evaluations",
        **more,
    }
    return asyncio.run(story_of(engine, court or Court(), Told(**given)))


def engine_with(*elites: Elite, **facts: Any) -> Engine:
    one = Engine(plan(), survey(**facts))
    for each in elites:
        assert one.archive.add(each)
    return one


class Home:
    """Keeps blocks as an open firm does."""

    def __init__(self, *blocks: Block) -> None:
        self.found = {own_key("bowl-1", block_key(block.number)): block.encode() for block in blocks}

    async def rows(
        self, book: str, *, prefix: str = "", after: str = "", limit: int | None = None
    ) -> list[Row]:
        assert book == BOOK
        return [Row(book, key, value) for key, value in self.found.items() if key.startswith(prefix)]


def block(number: int, *parents: int, value: float | None = 1.0, size: int = 16) -> Block:
    judged = () if value is None else (Judged(9.0), Judged(value))
    row = Candidate(bytes(16), FORM.pack([0.5, 0.25])[:size], parents, Status.VALID, judged)
    return Block(number, f"arm {number}", 0, 0, 1, HASH, "big", "", 5, (row,))


def line(id: int, *blocks: Block) -> list[Any]:
    token = opened.set(Home(*blocks))
    try:
        return asyncio.run(ancestors("bowl-1", id, FORMED))
    finally:
        opened.reset(token)


def test_a_lineage_goes_from_first_parent_to_first_parent_the_oldest_first() -> None:
    found = line(id_of(3, 0), block(3, id_of(2, 0), id_of(1, 0)), block(2, id_of(1, 0)), block(1, value=2.0))
    assert [one.arm for one in found] == ["arm 1", "arm 2", "arm 3"]
    assert [one.value for one in found] == [2.0, 1.0, 1.0]
    assert found[0].artifact == [0.5, 0.25] and found[0].model == "big"


def test_a_lineage_ends_at_what_is_not_kept_or_younger_and_is_never_endless() -> None:
    assert [one.arm for one in line(id_of(2, 0), block(2, id_of(1, 0)))] == ["arm 2"]
    assert [one.arm for one in line(id_of(2, 0), block(2, id_of(2, 0), id_of(9, 0)))] == ["arm 2"]
    chain = [block(number, id_of(number - 1, 0)) for number in range(1, 99)]
    assert len(line(id_of(98, 0), *chain)) == OLDEST
    assert asyncio.run(ancestors("bowl-1", 7, FORMED)) == [], "no firm keeps rows"


def test_a_claim_is_what_the_trial_said_with_the_trust_of_what_verifies() -> None:
    engine = engine_with(elite(1, 0.5), holdout="unseen")
    ruling = Ruling(
        1, 0.4, (0.2, 0.4), interval=(0.3, 0.5), said={"draws": 7}, dead=("x1",), others={"mass": 2.0}
    )
    held = Ruling(1, holdout=0.6, said={"at": "Re 2e6"})
    champion = told(engine, Court(rulings=[(elite(1, 0.5), ruling)]), holdout=held).champion
    assert champion is not None
    assert (champion.value, champion.standing, champion.trust) == (0.4, "verified", "exact")
    assert [(one.stage, one.trust, one.value) for one in champion.stages] == [
        ("cheap", "surrogate", 0.2),
        ("exact", "exact", 0.4),
    ]
    assert champion.holdout is not None and (champion.holdout.stage, champion.holdout.value) == (
        "unseen",
        0.6,
    )
    assert champion.interval is not None and champion.interval.draws == 7
    assert champion.said == {"draws": 7, "unseen": {"at": "Re 2e6"}}
    assert (champion.dead, champion.others, champion.arm) == (("x1",), {"mass": 2.0}, "cma")


def test_what_leads_and_was_not_tried_is_provisional_and_what_failed_is_nothing() -> None:
    engine = engine_with(elite(1, 0.5))
    untried = told(engine).champion
    assert untried is not None and (untried.standing, untried.standing_why) == (
        "provisional",
        "it was not tried",
    )
    assert told(engine, Court(failed=[(9, "no")])).champion is None
    assert told(engine, Court(doubts=[Doubt(elite(9, 0.1), "odd", 0.1)])).champion is None


def test_what_is_too_good_is_not_even_provisional() -> None:
    assert told(engine_with(elite(1, 0.5), bound=0.6)).champion is None


def test_what_waits_for_the_founder_stands_in_the_story_with_its_answer() -> None:
    doubts = [Doubt(elite(1, 0.25), "it beats the bound", 0.25, "keep it in quarantine")]
    [found] = told(engine_with(), Court(doubts=doubts)).quarantined
    assert (found.id, found.value, found.why, found.answer) == (1, 0.25, doubts[0].why, doubts[0].answer)
    assert found.artifact == [0.25, 0.0]


@pytest.mark.parametrize(
    ("valid", "nearest", "said"),
    [
        (0, ("wide", -0.5), "wide” by 0.5"),
        (0, ("", 0.0), "none could be scored at all"),
        (3, ("wide", -0.5), "3 candidates seemed valid, and none that was tried again held"),
    ],
)
def test_where_nothing_is_claimed_it_says_what_there_was(
    valid: int, nearest: tuple[str, float], said: str
) -> None:
    engine = engine_with()
    engine.record.spent.valid, engine.record.nearest = valid, nearest
    story = told(engine, Court(failed=[(1, "exact: no")] * valid))
    assert (story.nearest is not None) == ("wide" in said)
    assert said in claim.claim(story, words.words("en"))
    assert "<title>" in page(story)


def test_stages_say_what_went_on_and_what_the_cheaper_word_was_worth() -> None:
    engine = engine_with()
    pairs = tuple((value / 40 - 0.3, value / 40) for value in range(40))
    engine.watches[0].tell(Tally(100, 0.5, (), pairs, ((0.5, 0.5),) * 6, 12))
    engine.watches[1].tell(Tally(46, 2.0))
    cheap, exact = told(engine).stages
    assert (cheap.scored, cheap.goes_on, cheap.pairs, cheap.audits) == (100, 0.46, 46, 12)
    assert cheap.correlation is not None and cheap.correlation > 0.9
    assert cheap.inflation == pytest.approx(0.3) and cheap.inflation_pairs == 40
    assert (exact.scored, exact.goes_on, exact.correlation, exact.inflation) == (46, None, None, None)


def test_the_map_has_the_best_of_each_cell_also_of_those_at_its_edges() -> None:
    engine = engine_with(elite(1, 0.5, 0.1), elite(2, 0.4, 0.99), elite(3, 0.3, 7.0), axes=AXES)
    archive = told(engine).archive
    assert archive is not None and (archive.filled, archive.total) == (2, 4)
    assert {cell.place: cell.value for cell in archive.cells} == {(0,): 0.5, (3,): 0.3}
    assert told(engine_with()).archive is None


def test_the_front_has_what_is_not_beaten_in_all_objectives() -> None:
    mass = (Objective("mass", "min"),)
    engine = engine_with(
        elite(1, 0.1, mass=9.0), elite(2, 0.5, mass=1.0), elite(3, 0.6, mass=2.0), others=mass
    )
    assert {row.id for row in told(engine).front} == {1, 2}
    assert told(engine_with(elite(1, 0.1))).front == ()


def test_what_was_spent_known_and_scored_beside_it_stands_as_it_was_measured() -> None:
    engine = engine_with(known=(0.1, "a book", "2026-11-23"), bound=0.0)
    engine.pay("cma", Written(tokens=7), waited_s=2.0)
    beside = BaselineFacts("flat", None, "by hand", None, "too thin")
    story = told(engine, baselines=[beside], lineages=[(HASH, 0), ("f" * 16, 5)])
    assert (story.spent.evaluations, story.spent.tokens, story.spent.wall_s) == (8, 7, 2.0)
    assert story.known is not None and (story.known.value, story.bound) == (0.1, 0.0)
    assert [(one.name, one.value, one.why) for one in story.baselines] == [("flat", None, "too thin")]
    assert [one.from_block for one in story.ran.lineages] == [0, 5]
    assert story.asked.file == "bowl.py:bowl" and story.asked.allowance == {"evaluations": 1000.0}
