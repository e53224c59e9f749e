"""Stopped runs in the store: fenced off at once, claimed by nobody, set free only by a release."""

import asyncio

import pytest

from firm.kernel.halt import halts, releases, unfinished_tree
from firm.kernel.journal import Halt, Kind, NewRun, Question, Refused, Release, Row, Stand, is_stopped
from firm.kernel.status import Status


async def begin(journal, pen, *runs):
    await journal.join("w", lease_s=None)
    await pen.begin(journal, *runs)


def test_the_owner_of_a_stopped_run_is_fenced_off(journal, pen):
    async def story():
        await begin(journal, pen, "a", "b")
        assert await journal.append([], [Halt("a", 9, "stopped: why")]) == Refused()
        standing = await journal.standing("a")
        assert (standing.status, standing.reason, standing.owner, standing.epoch) == (
            Status.STUCK,
            "stopped: why",
            "",
            2,
        )
        child = NewRun("a/1", "m:w", "", "a", Status.RUNNING, "w", 5, writer=("a", 1))
        refused = await journal.append(
            [pen.event("a"), pen.event("b"), pen.event("a/1", Kind.STARTED)],
            [
                Row("book", "x", b"", "a", 1),
                pen.question("q", "a"),
                child,
                Stand("a", 1, Status.SUCCEEDED, 9),
            ],
        )
        assert refused.runs == {"a", "a/1"}
        assert len(await journal.read("b")) == 2
        assert await journal.rows("book") == []
        assert await journal.questions() == []
        assert journal.audit() == []

    asyncio.run(story())


def test_what_a_run_wrote_in_the_same_transaction_stands(journal, pen):
    async def story():
        await begin(journal, pen, "a", "b")
        ended, stand = pen.ended("b")
        lines = [Halt("a", 9, "stopped"), Halt("b", 9, "stopped"), *stand]
        assert await journal.append([pen.event("a"), *ended], lines) == Refused()
        assert len(await journal.read("a")) == 2
        assert (await journal.standing("b")).status is Status.SUCCEEDED, "what has ended is not stopped"

    asyncio.run(story())


@pytest.mark.parametrize("name", ["nobody", "ended"])
def test_what_is_not_there_or_has_ended_is_passed_over(journal, pen, name):
    async def story():
        await begin(journal, pen, "ended")
        await journal.append(*pen.ended("ended"))
        before = await journal.standing(name)
        assert await journal.append([], [Halt(name, 9, "stopped"), Release(name, 9)]) == Refused()
        assert await journal.standing(name) == before

    asyncio.run(story())


def test_a_stopped_run_is_claimed_only_to_be_cancelled_and_keeps_its_reason(journal, pen):
    async def story():
        await begin(journal, pen, "a")
        await journal.append([], [Halt("a", 9, "stopped")])
        await journal.append([], [pen.mail("a", "1"), pen.mail("a", "2", kind=Kind.ANSWERED)])
        assert await journal.claimable(99, limit=9) == []
        assert await journal.claim(["a"], "w") == []
        await journal.append([], [pen.mail("a", "3", kind=Kind.CANCEL)])
        assert await journal.claimable(99, limit=9) == ["a"]
        (claimed,) = await journal.claim(["a"], "w")
        assert claimed.standing.reason == "stopped"
        assert (await journal.standing("a")).reason == "stopped", "whoever dies now has not set it free"

    asyncio.run(story())


def test_a_released_run_is_claimed_at_once(journal, pen):
    async def story():
        await begin(journal, pen, "a")
        await journal.append([], [Halt("a", 9, "stopped")])
        await journal.append([], [Release("a", 50)])
        assert await journal.next_wake_us() == 50
        (claimed,) = await journal.claim(["a"], "w")
        assert (claimed.standing.epoch, claimed.standing.reason, claimed.standing.crashes) == (3, "", 0)
        await journal.append([], [Release("a", 60)])
        assert (await journal.standing("a")).status is Status.RUNNING, "it is not stopped any more"

    asyncio.run(story())


def test_only_the_question_why_it_stood_still_is_closed(journal, pen):
    async def story():
        await begin(journal, pen, "a")
        stuck = Question("s", "a", 1, 0, "stuck", "?", b"\xc0", b"", None, 20)
        await journal.append([], [pen.question("q", "a"), stuck])
        await journal.append([], [Halt("a", 9, "stopped")])
        assert [one.id for one in await journal.questions()] == ["q"]
        assert (await journal.question("s")).by == "closed"

    asyncio.run(story())


def test_the_tree_below_a_run_is_found_and_rows_are_made_where_they_change_something(journal, pen):
    async def story():
        await journal.join("w", lease_s=None)
        runs = {"a": "", "a/1": "a", "a/2": "a", "a/2/1": "a/2", "b": ""}
        for run, parent in runs.items():
            await journal.append([pen.event(run, Kind.STARTED)], [pen.new(run, parent=parent)])
        await journal.append(*pen.ended("a/1"))
        tree = await unfinished_tree(journal, ["a"])
        assert sorted(one.run for one in tree) == ["a", "a/2", "a/2/1"]
        assert releases(tree, 9) == []
        assert {row.reason for row in halts(tree, 9, " two\nlines ")} == {"stopped: two\nlines"}
        assert (
            {row.reason for row in halts(tree, 9)}
            == {row.reason for row in halts(tree, 9, "")}
            == {"stopped"}
        )
        await journal.append([], halts(tree, 9))
        after = await unfinished_tree(journal, ["a/2", "a"])
        assert all(is_stopped(one.status, one.reason) for one in after)
        assert halts(after, 9) == []
        assert sorted(row.run for row in releases(after, 9)) == ["a", "a/2", "a/2/1"]

    asyncio.run(story())


def test_what_a_worker_owns_is_told_with_its_epochs(journal, pen):
    async def story():
        await begin(journal, pen, "a", "b", "c")
        await journal.append(*pen.ended("c"))
        assert await journal.owned("w") == {"a": 1, "b": 1}
        await journal.append([], [Halt("a", 9, "stopped")])
        assert await journal.owned("w") == {"b": 1}
        await journal.append([], [Release("a", 9)])
        await journal.claim(["a"], "w")
        assert await journal.owned("w") == {"a": 3, "b": 1}
        assert await journal.owned("nobody") == {}

    asyncio.run(story())


def test_the_cancel_of_its_parent_ends_no_stopped_run(journal, pen):
    async def story():
        await journal.join("w", lease_s=None)
        await journal.append([pen.event("a/1", Kind.STARTED)], [pen.new("a/1", parent="a")])
        await journal.append(
            [], [Halt("a/1", 9, "stopped"), pen.mail("a/1", "cancel", kind=Kind.CANCEL, sender="a")]
        )
        assert await journal.claimable(99, limit=9) == []
        assert await journal.claim(["a/1"], "w") == []
        await journal.append([], [pen.mail("a/1", "cancel", kind=Kind.CANCEL, sender="founder")])
        assert await journal.claimable(99, limit=9) == ["a/1"]
        assert len(await journal.claim(["a/1"], "w")) == 1

    asyncio.run(story())
