"""The briefing: what it reads, how it is ordered, what it says."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from tests.unit.org.desk.panels import carried, furnish, played, until_asked

from firm import Firm, ask, step, workflow
from firm.kernel.context import current_step
from firm.org.desk.bets import DAY_US, Product, of_goal, of_product
from firm.org.desk.briefing import Briefing, brief, next_briefing
from firm.org.desk.told import briefing_page, briefing_text
from firm.org.desk.urgent import order_of, why_now
from firm.org.mission import Mission, Outcome, TaskEnd
from firm.org.plan import Done, Goal, Plan, Task
from firm.org.record import Planned, end_row, plan_row, task_row

BET = Goal(id="book", says="There is a <b>book</b>.", bet="one draft is enough", wrong_if="it is sent back")
PLAIN = Goal(id="plain", says="Something without a bet.")
TASKS = tuple(
    [Task(id=id, says="do", role="w", makes=id, done=Done(says="x"), goal="book") for id in ("one", "two")]
)
PLAN = Plan(goals=(BET, PLAIN), tasks=TASKS)
NOW = datetime(2026, 11, 3, 12, 0, tzinfo=UTC)
TOMORROW = NOW + timedelta(days=1)


def end(id: str, status: Any, why: str = "") -> TaskEnd:
    return TaskEnd(id=id, status=status, why=why)


# --- bets --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ends", "over", "days", "word"),
    [
        (["accepted", "accepted"], True, 2.0, "double"),
        (["accepted", "accepted"], True, 1.9, "watch"),
        (["accepted", "accepted"], False, 0, "watch"),
        (["accepted", "skipped"], True, 2.0, "double"),
        (["accepted", "refused"], True, 0, "end"),
        (["refused", "skipped"], True, 0, "end"),
        (["skipped", "skipped"], True, 0, "watch"),
        (["working", "waiting"], False, 1.9, "watch"),
        (["working", "waiting"], False, 2.1, "end"),
        (["accepted", "working"], False, 2.1, "watch"),
    ],
)
def test_a_bet_is_judged_by_what_was_accepted_and_refused(
    ends: list[str], over: bool, days: float, word: str
) -> None:
    goal = msgspec.structs.replace(BET, by_days=2.0)
    found = [end(id, status, "why") for id, status in zip(("one", "two"), ends, strict=True)]
    bet = of_goal("m", PLAN, goal, found, begun_us=0, until_us=round(days * DAY_US), over=over)
    assert (bet.word, bet.late) == (word, days > 2)


@pytest.mark.parametrize(
    ("revenue", "delivered", "word"), [(30, 1, "double"), (5, 1, "end"), (10, 0, "watch"), (30, 0, "watch")]
)
def test_a_product_is_judged_by_its_profit(revenue: int, delivered: int, word: str) -> None:
    product = Product(name="x", orders=1, delivered=delivered, revenue_usd_micro=revenue, cost_usd_micro=10)
    assert of_product(product).word == word


# --- what cannot wait --------------------------------------------------------------------------------------------


def question(**more: Any) -> Any:
    given = {"one_way": False, "deadline": None, "waiting_usd_per_day": None, "asked_at": NOW}
    return SimpleNamespace(**(given | more))


def test_what_cannot_wait_for_the_next_briefing_says_why() -> None:
    soon, late = TOMORROW - timedelta(hours=1), TOMORROW + timedelta(hours=1)
    assert why_now(question(one_way=True), TOMORROW) == "it cannot be taken back"
    assert why_now(question(deadline=soon), TOMORROW) == "its time ends before the next briefing"
    assert why_now(question(waiting_usd_per_day=10.0), TOMORROW) == "waiting is dear"
    for other in (question(), question(deadline=late), question(waiting_usd_per_day=9.99)):
        assert why_now(other, TOMORROW) == ""
    assert why_now(question(deadline=soon), None) == ""


def test_one_way_stands_first_then_the_nearest_deadline_then_the_dearest_waiting() -> None:
    asked = [
        question(asked_at=NOW - timedelta(days=9)),
        question(waiting_usd_per_day=3.0),
        question(deadline=TOMORROW),
        question(deadline=NOW),
        question(one_way=True),
    ]
    assert sorted(asked, key=order_of) == [asked[4], asked[3], asked[2], asked[1], asked[0]]


def test_the_next_briefing_is_the_next_time_on_the_wall() -> None:
    noon = datetime(2026, 11, 3, 12, 0).astimezone()
    assert next_briefing("08:00", noon) == datetime(2026, 11, 4, 8, 0).astimezone()
    assert next_briefing("12:30", noon) == datetime(2026, 11, 3, 12, 30).astimezone()
    assert next_briefing("", noon) is None


# --- the whole ---------------------------------------------------------------------------------------------------


@step
async def write(ending: str, unit: str) -> None:
    info = current_step()
    assert info.run is not None
    run, at_us = info.run.id, info.run.loop.now_us
    mission = Mission(text=f"Write\n{run}.", unit=unit)
    info.also(plan_row(run, Planned(mission, PLAN, at_us)))
    ends = (end("one", "accepted"), end("two", "refused" if ending == "partly" else "accepted"))
    if not ending:
        info.also(task_row(run, ends[0]))
        return
    info.also(
        end_row(
            run,
            Outcome(
                run=run,
                mission=mission.text,
                ending=ending,
                plan=PLAN,
                tasks=ends,
                spent_usd_micro=250_000,
                unit=unit,  # type: ignore[arg-type]
            ),
        )
    )


@workflow
async def carry(ending: str, unit: str = "") -> str:
    await write(ending, unit)
    return ending or str(await ask("Go on?", waiting=2.0))


@workflow
async def breaks(words: str) -> None:
    await write("", "")
    raise ValueError(words)


@workflow
async def asks(one_way: bool) -> str:
    return str(await ask("Pay\n# the rent?", options=["yes", "no"], one_way=one_way))


async def busy(firm: Firm) -> Briefing:
    for id, ending, unit in (("m-1", "reached", ""), ("m-2", "partly", ""), ("m-3", "reached", "aero")):
        await (await firm.start(carry, ending, unit, id=id)).result()
    with pytest.raises(ValueError, match="broken"):
        await (await firm.start(breaks, "broken", id="m-4")).result()
    await firm.start(carry, "", id="m-5")
    await firm.start(asks, True, id="pay")
    await until_asked(firm, 2)
    now = datetime.now(UTC)
    early = await brief(firm, now + timedelta(hours=1), now + timedelta(hours=2))
    assert early.done == () and [one.run for one in early.under_way] == ["m-5"]
    return await brief(firm, now - timedelta(hours=1), now + timedelta(seconds=1))


def test_a_briefing_holds_what_was_done_what_goes_on_and_what_waits(tmp_path: Path) -> None:
    found: Briefing = carried(furnish(tmp_path), played({}), busy)
    done = {one.run: (one.ending, one.accepted, one.refused, one.usd_micro) for one in found.done}
    assert done == {
        "m-1": ("reached", 2, 0, 250_000),
        "m-2": ("partly", 1, 1, 250_000),
        "m-4": ("failed", 1, 0, 0),
    }, "of units the firm's own mission tells"
    assert [(one.run, one.accepted, one.tasks) for one in found.under_way] == [("m-5", 1, 2)]
    assert {one.run: one.word for one in found.bets} == {
        "m-1": "double",
        "m-2": "end",
        "m-4": "watch",
        "m-5": "watch",
    }
    assert [(one.run, one.why_now) for one in found.now] == [("pay", "it cannot be taken back")]
    assert [one.run for one in found.later] == ["m-5"]
    assert (found.earned_usd_micro, found.products, found.stuck) == (0, (), ())


def test_a_briefing_is_told_as_text_with_both_groups_and_the_words_of_others_on_one_line(
    tmp_path: Path,
) -> None:
    found = carried(furnish(tmp_path), played({}), busy)
    text = briefing_text(found)
    lines = text.splitlines()
    now, later = lines.index("Only you can decide, now"), lines.index("Only you can decide, and it can wait")
    assert lines[now + 1].startswith(
        "  [it cannot be taken back] Pay # the rent? One of: yes, no. → firm answer "
    )
    assert lines[later + 1].startswith("  Go on? Waiting costs: 2.00 USD a day → firm answer ")
    assert "  reached: m-1: Write m-1. (2 of 2 tasks accepted), 0.25 USD" in lines
    double, ended = lines.index("Bets to double"), lines.index("Bets to end")
    assert "[m-1]" in lines[double + 1] and "[m-2]" in lines[ended + 1]
    assert "it is wrong if it is sent back" in lines[ended + 1]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_briefing_is_a_page_without_scripts_on_which_the_words_of_others_are_escaped(
    tmp_path: Path, language: str
) -> None:
    found = carried(furnish(tmp_path), played({}), busy)
    page = briefing_page(msgspec.structs.replace(found, language=language))
    assert "There is a &lt;b&gt;book&lt;/b&gt;." in page and "<b>book" not in page
    assert "<script" not in page and "default-src &#x27;none&#x27;" in page
    assert f'<html lang="{language}">' in page
    assert ("Only you can decide" in page) is (language == "en")


def test_an_empty_firm_has_a_briefing_that_says_nothing_was(tmp_path: Path) -> None:
    async def main(firm: Firm) -> str:
        return briefing_text(await brief(firm, NOW, TOMORROW))

    text = carried(furnish(tmp_path), played({}), main)
    assert text.count("  nothing\n") == 8 and "spent 0.00 USD in 0 calls" in text
