"""Many runs: what waits costs nothing, and no query reads more than it must."""

import asyncio
import time

import pytest

from firm.kernel.journal import Event, Kind, NewRun, Stand
from firm.kernel.status import Status
from firm.store import claim, reading

RUNS = 20_000


async def suspend_many(journal):
    await journal.join("w", lease_s=None)
    for start in range(0, RUNS, 2000):
        names = [f"dinner-{number}" for number in range(start, start + 2000)]
        events = [Event(name, 0, 1, Kind.STARTED, 0, "dinner", 1) for name in names]
        new = [NewRun(name, "dinner:dinner", "c" * 64, "", Status.RUNNING, "w", 1) for name in names]
        down = [Stand(name, 1, Status.SUSPENDED, 2, "", 1000 + start) for name in names]
        await journal.append(events, [*new, *down])


def test_home_with_many_suspended_runs_opens_at_once(open_, tmp_path):
    journal = open_()
    asyncio.run(suspend_many(journal))
    assert journal.writer.runs.kept() == 0, "runs that nobody owns take no memory"
    journal.close()
    size = (tmp_path / "home" / "journal.db").stat().st_size
    assert size / RUNS < 1500, "bytes per suspended run"
    began = time.perf_counter()
    journal = open_()

    async def story():
        assert await journal.next_wake_us() == 1000
        assert await journal.claimable(999, limit=500) == []
        assert len(await journal.claimable(1000, limit=500)) == 500
        assert await journal.mail_after(0) == [] and await journal.questions() == []

    asyncio.run(story())
    assert time.perf_counter() - began < 2, "seconds; 0.01 on an idle machine, with a million runs too"


def test_claim_of_many_runs_is_one_transaction(open_):
    journal = open_(threaded=False)

    async def story():
        await suspend_many(journal)
        commits = journal.sizes().commits
        names = [f"dinner-{number}" for number in range(500)]
        began = time.process_time()
        assert len(await journal.claim(names, "w")) == 500
        assert (time.process_time() - began) / 500 < 200e-6, "seconds per run; 25e-6 on an idle machine"
        assert journal.sizes().commits == commits + 1
        assert journal.writer.runs.kept() == 500

    asyncio.run(story())


def test_append_of_many_events_reads_nothing(open_, pen):
    journal = open_(threaded=False)

    async def story():
        await journal.join("w", lease_s=None)
        names = [f"run-{number}" for number in range(1000)]
        await pen.begin(journal, *names)
        said = []
        journal.writer.db.set_trace_callback(said.append)
        events = [pen.event(name) for name in names]
        began = time.process_time()
        await journal.append(events)
        spent_us = (time.process_time() - began) / len(events) * 1e6
        journal.writer.db.set_trace_callback(None)
        assert not [line for line in said if line.startswith("SELECT") and "FROM head" not in line]
        assert spent_us < 60, "microseconds per event; 5.5 on an idle machine without tracing"

    asyncio.run(story())


class Watch:
    """A connection that explains every query put to it."""

    def __init__(self, db):
        self.db, self.plans = db, {}

    def execute(self, query, values=()):
        plan = self.db.execute(f"EXPLAIN QUERY PLAN {query}", values).fetchall()
        self.plans[query] = [row[3] for row in plan]
        return self.db.execute(query, values)


QUERIES = {
    "claimable": lambda db: reading.claimable(db, 5, frozenset(), 9),
    "next wake": reading.next_wake_us,
    "mail": lambda db: reading.mail_after(db, 5),
    "mail of one run": lambda db: reading.mail_of(db, 5),
    "events": lambda db: reading.events_of(db, "", "dinner-5", whole=False),
    "all events": lambda db: reading.events_of(db, "", "dinner-5", whole=True),
    "standing": lambda db: reading.standing(db, "dinner-5"),
    "by status": lambda db: reading.standings(db, status=Status.STUCK, parent=None, limit=9),
    "children": lambda db: reading.standings(db, status=None, parent="dinner-5", limit=9),
    "inbox": lambda db: reading.questions(db, open_only=True),
    "question": lambda db: reading.question(db, "q"),
    "rows": lambda db: reading.rows(db, "book", "prefix"),
    "claim": lambda db: [db.execute(claim._SELECT, ("a",)), db.execute(claim._EVENTS, (1, 1))],
}


@pytest.mark.parametrize("name", QUERIES)
def test_query_uses_an_index(open_, name):
    journal = open_(None)
    watch = Watch(journal.reader)
    QUERIES[name](watch)
    for query, plan in watch.plans.items():
        scans = [step for step in plan if step.startswith("SCAN") and "USING" not in step]
        # What is scanned: undelivered mail, by its index; a subquery made of it.
        assert all(step in ("SCAN m", "SCAN (subquery-1)") for step in scans), (query, plan)
