"""The promises of the `Journal` port, for every way to keep one."""

import asyncio
from itertools import pairwise

import pytest

from firm.errors import InternalError
from firm.kernel.journal import (
    MAX_INLINE_BYTES,
    Answer,
    Event,
    Journal,
    Kind,
    NewRun,
    Refused,
    Row,
    Stand,
    Taken,
)
from firm.kernel.status import TERMINAL, TRANSITIONS, Status


def test_store_satisfies_the_port(journal):
    port: Journal = journal
    assert port is journal


def test_events_are_read_back_as_written(journal, pen):
    async def story():
        await journal.join("w", lease_s=None)
        await pen.begin(journal, "a", "b")
        written = [
            pen.event("a", body=b""),
            pen.event("b", body=bytes(range(256))),
            pen.event("a", Kind.TIMER, place=7),
        ]
        assert await journal.append(written) == Refused()
        assert (await journal.read("a"))[1:] == [written[0], written[2]]
        assert (await journal.read("b"))[1:] == [written[1]]
        assert await journal.read("nobody") == []

    asyncio.run(story())


def test_run_may_begin_work_and_end_in_one_transaction(journal, pen):
    async def story():
        await journal.join("w", lease_s=None)
        begin = pen.event("a", Kind.STARTED)
        work = pen.event("a")
        events, also = pen.ended("a")
        await journal.append([begin, work, *events], [pen.new("a"), Row("book", "k", b"v", "a", 1), *also])
        standing = await journal.standing("a")
        assert (standing.status, standing.owner, standing.epoch) == (Status.SUCCEEDED, "", 1)
        assert len(await journal.read("a")) == 3
        assert await journal.rows("book") == [Row("book", "k", b"v")]

    asyncio.run(story())


def test_pending_run_begins_at_epoch_zero_and_is_claimed_at_one(journal, pen):
    async def story():
        await journal.join("w", lease_s=None)
        await pen.begin(journal, "a", owner="")
        assert await journal.claimable(0, limit=9) == ["a"]
        (claimed,) = await journal.claim(["a"], "w")
        assert (claimed.standing.epoch, claimed.standing.owner, claimed.last_owner) == (1, "w", "")
        assert [event.kind for event in claimed.events] == [Kind.STARTED]
        assert await journal.claimable(0, limit=9) == []

    asyncio.run(story())


def test_parent_and_child_begin_in_one_transaction(journal, pen):
    async def story():
        await journal.join("w", lease_s=None)
        child = pen.new("a/1", parent="a", writer=("a", 1))
        events = [pen.event("a", Kind.STARTED), pen.event("a/1", Kind.STARTED), pen.event("a")]
        assert await journal.append(events, [pen.new("a"), child]) == Refused()
        assert [one.run for one in await journal.standings(parent="a")] == ["a/1"]

    asyncio.run(story())


def test_taken_id_is_refused_with_all_its_lines(journal, pen):
    async def story():
        await journal.join("w", lease_s=None)
        await pen.begin(journal, "a")
        again = Event("a", 0, 1, Kind.STARTED, 0, "other", 9)
        refused = await journal.append([again], [pen.new("a"), Row("book", "k", b"v", "a", 1)])
        assert refused == Refused(frozenset({"a"}))
        assert len(await journal.read("a")) == 1
        assert await journal.rows("book") == []

    asyncio.run(story())


def test_stale_epoch_is_left_out_and_the_rest_is_written(journal, pen):
    async def story():
        await journal.join("old", lease_s=None)
        await pen.begin(journal, "a", owner="old")
        await journal.join("w", lease_s=None)
        await pen.begin(journal, "b")
        await journal.claim(["a"], "w")
        stale = Event("a", 1, 1, Kind.DONE, 1, "late", 99)
        lines = [
            Row("book", "a", b"v", "a", 1),
            Row("book", "b", b"v", "b", 1),
            Row("book", "outside", b"v"),
            pen.mail("b", run="a", epoch=1),
            pen.new("a/1", parent="a", writer=("a", 1)),
            Stand("a", 1, Status.SUCCEEDED, 99),
            pen.question("q", "a"),
        ]
        refused = await journal.append(
            [stale, pen.event("b"), Event("a/1", 0, 1, Kind.STARTED, 0, "", 1)], lines
        )
        assert refused == Refused(frozenset({"a", "a/1"}))
        assert [row.key for row in await journal.rows("book")] == ["b", "outside"]
        assert (await journal.standing("a")).status is Status.RUNNING
        assert await journal.standing("a/1") is None
        assert await journal.mail_after(0) == [] and await journal.questions() == []
        assert len(await journal.read("a")) == 1 and len(await journal.read("b")) == 2

    asyncio.run(story())


def test_ended_run_absorbs(journal, pen):
    async def story():
        await journal.join("w", lease_s=None)
        await pen.begin(journal, "a")
        await journal.append(*pen.ended("a"))
        for events, also in (
            ([pen.event("a")], []),
            ([], [Stand("a", 1, Status.FAILED, 9)]),
            ([], [Row("b", "k", b"", "a", 1)]),
        ):
            assert (await journal.append(events, also)).runs == {"a"}
        assert await journal.claim(["a"], "w") == []
        assert (await journal.standing("a")).status is Status.SUCCEEDED
        assert journal.audit() == []

    asyncio.run(story())


def test_lines_for_an_unknown_run_are_refused(journal):
    async def story():
        assert (await journal.append([Event("ghost", 0, 1, 1, 0, "", 1)])).runs == {"ghost"}

    asyncio.run(story())


@pytest.mark.parametrize("seq", [0, 2])
def test_gap_or_repetition_in_the_sequence_is_our_bug(journal, pen, seq):
    async def story():
        await journal.join("w", lease_s=None)
        await pen.begin(journal, "a")
        with pytest.raises(InternalError, match=f"'a': event {seq} does not follow event 0"):
            await journal.append([Event("a", seq, 1, Kind.DONE, 1, "", 1)], [Row("book", "k", b"v")])
        assert await journal.rows("book") == [], "all or nothing"
        assert await journal.append([pen.event("a")]) == Refused(), "the journal goes on"

    asyncio.run(story())


@pytest.mark.parametrize("before", [s for s in Status if s not in TERMINAL])
@pytest.mark.parametrize("after", list(Status))
def test_only_transitions_of_the_table_are_allowed(open_, pen, before, after):
    journal = open_(None)

    async def story():
        await journal.join("w", lease_s=None)
        await pen.begin(journal, "a", owner="" if before is Status.PENDING else "w")
        epoch = 0 if before is Status.PENDING else 1
        if before not in (Status.PENDING, Status.RUNNING):
            await journal.append([], [Stand("a", epoch, before, 9)])
        stand = Stand("a", epoch, after, 10, "why")
        if after in TRANSITIONS[before] and after is not Status.RUNNING:
            assert await journal.append([], [stand]) == Refused()
            standing = await journal.standing("a")
            assert (standing.status, standing.reason, standing.owner) == (after, "why", "")
        else:
            with pytest.raises(InternalError, match="cannot go from"):
                await journal.append([], [stand])

    asyncio.run(story())


def test_mail_is_delivered_once_and_in_order(journal, pen):
    async def story():
        await journal.join("w", lease_s=None)
        await pen.begin(journal, "a", "b")
        await journal.append(
            [], [pen.mail("a", "1", body=b"one"), pen.mail("b", "1"), pen.mail("a", "1", body=b"again")]
        )
        await journal.append([], [pen.mail("a", "2"), pen.mail("nobody", "1")])
        mail = await journal.mail_after(0)
        assert [(one.to, one.id, one.body) for one in mail] == [
            ("a", "1", b"one"),
            ("b", "1", b""),
            ("a", "2", b""),
        ]
        assert all(first.number < second.number for first, second in pairwise(mail))
        assert await journal.mail_after(mail[1].number) == mail[2:]
        await journal.append([pen.event("a", Kind.MESSAGE)], [Taken("a", 1, (mail[0].number,))])
        await journal.append([], [pen.mail("a", "1")])
        assert await journal.mail_after(0) == mail[1:], "a message that was taken never comes again"

    asyncio.run(story())


def test_cancel_that_was_taken_may_come_again(journal, pen):
    async def story():
        await journal.join("w", lease_s=None)
        await pen.begin(journal, "a")
        await journal.append([], [pen.mail("a", kind=Kind.CANCEL)])
        (mail,) = await journal.mail_after(0)
        await journal.append([pen.event("a", Kind.CANCEL)], [Taken("a", 1, (mail.number,))])
        await journal.append([], [pen.mail("a", kind=Kind.CANCEL)])
        assert len(await journal.mail_after(mail.number)) == 1

    asyncio.run(story())


def test_mail_taken_twice_is_our_bug(journal, pen):
    async def story():
        await journal.join("w", lease_s=None)
        await pen.begin(journal, "a")
        with pytest.raises(InternalError, match="not waiting"):
            await journal.append([], [Taken("a", 1, (1,))])

    asyncio.run(story())


def test_end_of_a_run_drops_its_mail_and_closes_its_questions(journal, pen):
    async def story():
        await journal.join("w", lease_s=None)
        await pen.begin(journal, "a", "b")
        await journal.append([], [pen.mail("a"), pen.question("q1", "a"), pen.question("q2", "b")])
        events, also = pen.ended("a")
        await journal.append(events, [*also, pen.mail("a", "late"), pen.question("q3", "a")])
        assert await journal.mail_after(0) == []
        assert [one.id for one in await journal.questions()] == ["q2"]
        closed = await journal.question("q1")
        assert (closed.by, closed.answered_us) == ("closed", 50)
        assert {one.id for one in await journal.questions(open_only=False)} == {"q1", "q2", "q3"}
        assert journal.audit() == []

    asyncio.run(story())


def test_first_answer_wins_and_brings_its_mail(journal, pen):
    async def story():
        await journal.join("w", lease_s=None)
        await pen.begin(journal, "a")
        await journal.append([pen.event("a", Kind.ASKED)], [pen.question("q", "a")])
        first = Answer("q", b"yes", "sam", 30, pen.mail("a", "q", kind=Kind.ANSWERED))
        second = Answer("q", b"no", "eve", 31, pen.mail("a", "r", kind=Kind.ANSWERED))
        assert await journal.append([], [first]) == Refused()
        assert await journal.append([], [second]) == Refused(answers=frozenset({"q"}))
        assert [one.id for one in await journal.mail_after(0)] == ["q"]
        question = await journal.question("q")
        assert (question.answer, question.by, question.answered_us) == (b"yes", "sam", 30)
        assert await journal.questions() == [] and await journal.question("other") is None

    asyncio.run(story())


def test_rows_are_replaced_and_found_by_prefix(journal):
    async def story():
        keys = ["", "a", "a/1", "a/2", "a0", "b", "a\U0010ffff", "a\U0010ffffz"]
        await journal.append([], [Row("book", key, b"old") for key in keys] + [Row("other", "a", b"")])
        await journal.append([], [Row("book", "a/1", b"new")])
        found = await journal.rows("book", prefix="a/")
        assert found == [Row("book", "a/1", b"new"), Row("book", "a/2", b"old")]
        assert [row.key for row in await journal.rows("book")] == sorted(keys)
        assert len(await journal.rows("book", prefix="a\U0010ffff")) == 2

    asyncio.run(story())


def test_new_generation_is_read_alone_unless_the_whole_is_wanted(journal, pen):
    async def story():
        await journal.join("w", lease_s=None)
        await pen.begin(journal, "a")
        await journal.append(
            [pen.event("a"), pen.event("a", Kind.CONTINUED), pen.event("a", Kind.STARTED), pen.event("a")]
        )
        assert [event.seq for event in await journal.read("a")] == [3, 4]
        assert [event.seq for event in await journal.read("a", whole=True)] == [0, 1, 2, 3, 4]
        await journal.append([], [Stand("a", 1, Status.SUSPENDED, 9)])
        (claimed,) = await journal.claim(["a"], "w")
        assert [event.seq for event in claimed.events] == [3, 4]
        assert journal.audit() == []

    asyncio.run(story())


def test_large_bodies_come_back_inline(journal, pen):
    async def story():
        await journal.join("w", lease_s=None)
        await pen.begin(journal, "a")
        large = b"y" * (MAX_INLINE_BYTES + 1)
        event, mail = pen.event("a", body=large), pen.mail("a", body=large)
        answer = Answer("q", b"", "sam", 30, pen.mail("a", "q", kind=Kind.ANSWERED, body=large))
        await journal.append([event], [mail, pen.question("q", "a"), answer])
        assert (await journal.read("a"))[1] == event
        assert [one.body for one in await journal.mail_after(0)] == [large, large]
        assert len(list(journal.blobs.names())) == 1, "equal content is kept once"
        await journal.append([], [Stand("a", 1, Status.SUSPENDED, 9)])
        (claimed,) = await journal.claim(["a"], "w")
        assert claimed.events[1] == event and claimed.mail[1].body == large
        assert journal.verify() == 2

    asyncio.run(story())


def test_suspended_runs_are_claimable_by_wake_or_mail(journal, pen):
    async def story():
        await journal.join("w", lease_s=None)
        await pen.begin(journal, "late", "soon", "mail", "never", "stuck")
        wakes = {"late": 300, "soon": 200, "mail": None, "never": None}
        await journal.append([], [Stand(run, 1, Status.SUSPENDED, 9, "", at) for run, at in wakes.items()])
        await journal.append([], [Stand("stuck", 1, Status.STUCK, 9), pen.mail("mail"), pen.mail("stuck")])
        assert await journal.next_wake_us() == 200
        assert await journal.claimable(199, limit=9) == ["mail"]
        assert await journal.claimable(300, limit=9) == ["mail", "soon", "late"]
        assert await journal.claimable(300, limit=1) == ["mail"]
        claimed = await journal.claim(["soon", "late", "mail", "stuck", "nobody", "soon"], "w")
        assert [one.standing.run for one in claimed] == ["soon", "late", "mail", "stuck"]
        assert [len(one.mail) for one in claimed] == [0, 0, 1, 1]
        assert await journal.next_wake_us() is None
        assert (await journal.standing("soon")).wake_at_us is None

    asyncio.run(story())


def test_standings_are_filtered_and_the_newest_comes_first(journal, pen):
    async def story():
        await journal.join("w", lease_s=None)
        await pen.begin(journal, "a", "b", "c")
        await journal.append([], [Stand("b", 1, Status.SUSPENDED, 9)])
        assert [one.run for one in await journal.standings()] == ["c", "b", "a"]
        assert [one.run for one in await journal.standings(limit=1)] == ["c"]
        assert [one.run for one in await journal.standings(status=Status.SUSPENDED)] == ["b"]
        assert await journal.standing("nobody") is None

    asyncio.run(story())


def test_run_cannot_begin_half_way(journal, pen):
    async def story():
        with pytest.raises(InternalError, match="has not joined"):
            await journal.append([], [pen.new("a", owner="stranger")])
        with pytest.raises(InternalError, match="cannot begin as 'suspended'"):
            await journal.append([], [NewRun("a", "m:w", "", "", Status.SUSPENDED, "", 1)])
        with pytest.raises(InternalError, match="begins twice"):
            await journal.append([], [pen.new("a", owner=""), pen.new("a", owner="")])
        assert await journal.standings() == []

    asyncio.run(story())
