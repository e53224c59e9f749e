"""What `audit` finds: each invariant, broken by hand."""

import asyncio

import pytest

from firm.kernel.journal import Kind, Row, Stand
from firm.kernel.status import Status
from firm.store import batch


@pytest.fixture
def journal(open_):
    return open_(None)


@pytest.fixture
def after(pen):
    """Writes what comes after run a's first event."""
    pen.seq["a"] = 1
    return pen


def broken(journal, pen, monkeypatch, events, epoch=1):
    """Write events that the store would refuse, and audit."""

    async def story():
        await journal.join("w", lease_s=None)
        await type(pen)().begin(journal, "a")
        with monkeypatch.context() as patch:
            patch.setattr(batch, "left_out", lambda *_: frozenset())
            for event in events:
                journal.writer.runs.find("a").next_seq = event.seq
                await journal.append([event])
        journal.writer.db.execute("UPDATE runs SET epoch = ?", (epoch,))
        return journal.audit()

    return asyncio.run(story())


def test_sound_journal_has_nothing_to_say(journal, after, monkeypatch):
    assert (
        broken(
            journal, after, monkeypatch, [after.event("a", place=1), after.event("a", Kind.TIMER, place=1)]
        )
        == []
    )


def test_second_outcome_is_found(journal, after, monkeypatch):
    events = [after.event("a", place=4), after.event("a", Kind.FAILED, place=4)]
    assert broken(journal, after, monkeypatch, events) == [
        "I2: run 'a' has a second outcome at place 4 (event 2)"
    ]


def test_outcomes_of_two_generations_may_share_a_place(journal, after, monkeypatch):
    events = [
        after.event("a", place=4),
        after.event("a", Kind.CONTINUED),
        after.event("a", Kind.STARTED),
        after.event("a", place=4),
    ]
    assert broken(journal, after, monkeypatch, events) == []


def test_falling_epoch_is_found(journal, after, monkeypatch):
    events = [after.event("a", epoch=3), after.event("a", epoch=2)]
    assert broken(journal, after, monkeypatch, events, epoch=3) == [
        "I4: run 'a' has event 2 of epoch 2 after epoch 3"
    ]


def test_event_of_the_future_is_found(journal, after, monkeypatch):
    assert "stands at 1" in broken(journal, after, monkeypatch, [after.event("a", epoch=3)])[0]


def test_event_after_the_end_is_found(journal, after, monkeypatch):
    events = [after.event("a", Kind.ENDED), after.event("a")]
    assert broken(journal, after, monkeypatch, events) == ["I6: run 'a' has event 2 after its end"]


def test_gap_is_found(journal, after, monkeypatch):
    after.seq["a"] = 3
    assert broken(journal, after, monkeypatch, [after.event("a")]) == [
        "I7: run 'a' has event 3 after event 0"
    ]


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        ("UPDATE runs SET status = 'failed'", "I6: run 'a' has ended but has an owner"),
        ("UPDATE runs SET owner = NULL", "I5: run 'a' is running without an owner"),
        ("UPDATE runs SET wake_at_us = 3", "I6: run 'a' has a wake"),
        ("UPDATE runs SET base = 0", "I7: run 'a' begins its generation at event 1"),
        ("UPDATE runs SET id = 'b'", "I7: run 'b' holds event 0 of run 'a'"),
        ("UPDATE runs SET status = 'failed', owner = NULL", "I6: run 'a' has ended but has mail waiting"),
        ("UPDATE runs SET status = 'failed', owner = NULL", "I6: question 'q' is open"),
    ],
)
def test_damage_to_a_table_is_found(journal, pen, damage, says):
    async def story():
        await journal.join("w", lease_s=None)
        await pen.begin(journal, "a")
        await journal.append([], [pen.mail("a"), pen.question("q", "a")])
        assert journal.audit() == []
        journal.writer.db.execute(damage)
        assert any(line.startswith(says) for line in journal.audit())

    asyncio.run(story())


def test_sizes_count_without_reading_payloads(journal, pen):
    async def story():
        await journal.join("w", lease_s=None)
        await pen.begin(journal, "a", "b")
        await journal.append(*pen.ended("b"))
        await journal.append([], [pen.mail("a"), pen.question("q", "a"), Row("b", "k", b"v")])
        sizes = journal.sizes()
        assert (sizes.events, sizes.mail, sizes.open_questions, sizes.schema) == (3, 1, 1, 1)
        assert sizes.runs == {Status.RUNNING: 1, Status.SUCCEEDED: 1}

    asyncio.run(story())


def test_a_run_that_is_stuck_over_one_effect_may_wait_for_a_timer_beside_it(journal, pen):
    async def story():
        await journal.join("w", lease_s=None)
        await pen.begin(journal, "a")
        await journal.append([], [Stand("a", 1, Status.STUCK, 9, "in doubt", 18)])
        assert journal.audit() == []

    asyncio.run(story())
