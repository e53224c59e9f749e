"""Workers, leases, claims and the count of crashes."""

import asyncio

from firm.kernel.journal import Stand
from firm.kernel.status import Status


def test_two_claims_get_different_runs(journal, pen):
    async def story():
        await journal.join("v", lease_s=10)
        await journal.join("w", lease_s=10)
        await pen.begin(journal, *"abcdef", owner="")
        got = await asyncio.gather(journal.claim([*"abcd"], "v"), journal.claim([*"cdef"], "w"))
        owned = [one.standing.run for claimed in got for one in claimed]
        assert sorted(owned) == [*"abcdef"]

    asyncio.run(story())


def test_worker_whose_lease_ran_out_is_fenced_off(journal, pen, clock):
    async def story():
        await journal.join("old", lease_s=10)
        await journal.join("new", lease_s=60)
        await pen.begin(journal, "a", owner="old")
        assert await journal.claim(["a"], "new") == []
        clock.us += 9_000_000
        assert await journal.renew("old")
        clock.us += 9_000_000
        assert await journal.claimable(0, limit=9) == []
        clock.us += 1_000_000
        assert not await journal.renew("old")
        assert await journal.claim(["a"], "old") == []
        assert await journal.claimable(0, limit=9) == ["a"]
        (claimed,) = await journal.claim(["a"], "new")
        assert (claimed.last_owner, claimed.standing.epoch, claimed.standing.crashes) == ("old", 2, 1)
        assert (await journal.append([pen.event("a", epoch=1)])).runs == {"a"}

    asyncio.run(story())


def test_worker_without_lease_declares_all_others_dead(journal, pen):
    async def story():
        await journal.join("old", lease_s=3600)
        await pen.begin(journal, "a", owner="old")
        await journal.join("new", lease_s=None)
        assert not await journal.renew("old")
        assert await journal.renew("new")
        assert await journal.claimable(0, limit=9) == ["a"]

    asyncio.run(story())


def test_worker_that_joins_again_under_its_name_does_not_own_what_it_owned(journal, pen):
    async def story():
        await journal.join("w", lease_s=None)
        await pen.begin(journal, "a")
        await journal.join("w", lease_s=None)
        (claimed,) = await journal.claim(["a"], "w")
        assert (claimed.last_owner, claimed.standing.crashes) == ("w", 1)

    asyncio.run(story())


def test_run_that_writes_nothing_between_crashes_counts_them(journal, pen):
    async def story():
        await journal.join("w", lease_s=None)
        await pen.begin(journal, "a")
        counts = []
        for epoch in range(2, 6):
            await journal.join(f"w{epoch}", lease_s=None)
            (claimed,) = await journal.claim(["a"], f"w{epoch}")
            counts.append(claimed.standing.crashes)
            if epoch == 4:
                await journal.append([pen.event("a", epoch=epoch)])
        assert counts == [1, 2, 3, 1]
        await journal.append([], [Stand("a", 5, Status.SUSPENDED, 9)])
        assert (await journal.standing("a")).crashes == 0

    asyncio.run(story())


def test_worker_that_left_counts_no_crash(journal, pen):
    async def story():
        await journal.join("v", lease_s=60)
        await pen.begin(journal, "a", owner="v")
        await journal.leave("v")
        await journal.join("w", lease_s=60)
        assert await journal.claim(["a"], "v") == []
        (claimed,) = await journal.claim(["a"], "w")
        assert (claimed.last_owner, claimed.standing.crashes) == ("v", 0)

    asyncio.run(story())


def test_stuck_run_that_is_resumed_starts_its_count_anew(journal, pen):
    async def story():
        await journal.join("w", lease_s=None)
        await pen.begin(journal, "a")
        await journal.join("w2", lease_s=None)
        await journal.claim(["a"], "w2")
        await journal.append([], [Stand("a", 2, Status.STUCK, 9, "quarantined")])
        standing = await journal.standing("a")
        assert (standing.crashes, standing.reason) == (1, "quarantined")
        (claimed,) = await journal.claim(["a"], "w2")
        assert (claimed.standing.crashes, claimed.last_owner) == (0, "")
        assert claimed.standing.reason == "quarantined", "a claim tells why the run stood still"
        assert (await journal.standing("a")).reason == ""

    asyncio.run(story())
