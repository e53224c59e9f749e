"""The journal against a model made of dicts: any order of operations, crashes and failing commits."""

import asyncio
import shutil
import sqlite3
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from firm.errors import JournalError
from firm.kernel.journal import (
    Answer,
    Event,
    Halt,
    Kind,
    Mail,
    NewRun,
    Question,
    Refused,
    Release,
    Row,
    Stand,
    Taken,
)
from firm.kernel.status import TERMINAL, Status
from firm.store.sqlite import SqliteJournal

RUNS = st.sampled_from(["a", "b", "c", "a/1"])


@dataclass
class ModelRun:
    status: Status
    epoch: int
    owner: str
    events: list = field(default_factory=list)
    mail: list = field(default_factory=list)
    seen: set = field(default_factory=set)
    wake_us: int | None = None
    crashes: int = 0
    stopped: bool = False
    cancelled: set = field(default_factory=set)
    """Numbers of those in `mail` that ask it to stop."""

    def may_be_claimed(self):
        return self.status not in TERMINAL and (
            not self.stopped or bool(self.cancelled.intersection(self.mail))
        )


class JournalMachine(RuleBasedStateMachine):
    questions = Bundle("questions")

    @initialize()
    def open(self):
        self.folder = Path(tempfile.mkdtemp(prefix="firm-model-"))
        self.journal = SqliteJournal.open(self.folder, threaded=False, now_us=lambda: 1000)
        self.runs: dict[str, ModelRun] = {}
        self.rows: dict[str, bytes] = {}
        self.asked: dict[str, str | None] = {}
        self.fault: bool | None = None
        self.worker, self.workers, self.alive = "w0", 0, True
        asyncio.run(self.journal.join(self.worker, lease_s=None))

    def teardown(self):
        self.journal.close()
        shutil.rmtree(self.folder)

    # --- one append, perhaps with a failing commit ---

    def append(self, events=(), also=()):
        """What the store refused, None if nothing took effect."""
        real = self.journal.writer.commit
        after, self.fault = self.fault, None

        def failing():
            if after:
                real()
            raise sqlite3.OperationalError("disk I/O error")

        async def story():
            if after is None:
                return await self.journal.append(events, also)
            self.journal.writer.commit = failing
            try:
                await self.journal.append(events, also)
            except JournalError:
                pass
            else:
                raise AssertionError("the fault was swallowed")
            finally:
                self.journal.writer.commit = real
            refused = await self.journal.landed(events, also)
            assert (refused is None) == (not after)
            return refused

        return asyncio.run(story())

    def event(self, name, kind, epoch, body=b""):
        run = self.runs.get(name)
        return Event(name, len(run.events) if run else 0, epoch, kind, 0, "step", 1, body)

    def stale(self, name, epoch):
        run = self.runs.get(name)
        return run is None or run.status in TERMINAL or run.epoch != epoch

    # --- rules ---

    @rule(after=st.booleans())
    def next_commit_fails(self, after):
        self.fault = after

    @rule(name=RUNS, pending=st.booleans(), body=st.binary(max_size=20))
    def start(self, name, pending, body):
        pending = pending or not self.alive
        status, owner, epoch = (Status.PENDING, "", 0) if pending else (Status.RUNNING, self.worker, 1)
        event = Event(name, 0, epoch, Kind.STARTED, 0, "work", 1, body)
        refused = self.append([event], [NewRun(name, "m:w", "", "", status, owner, 1)])
        if refused is None:
            return
        assert refused.runs == ({name} if name in self.runs else frozenset())
        if name not in self.runs:
            self.runs[name] = ModelRun(status, epoch, owner, [event])

    @rule(name=RUNS, late=st.integers(0, 2), body=st.binary(max_size=30), key=st.sampled_from("xyz"))
    def write(self, name, late, body, key):
        epoch = self.runs[name].epoch - late if name in self.runs else late
        event, row = self.event(name, Kind.DONE, epoch, body), Row("book", key, body, name, max(epoch, 1))
        refused = self.append([event], [row] if epoch > 0 else [])
        if refused is None:
            return
        assert refused == Refused(frozenset({name}) if self.stale(name, epoch) else frozenset())
        if not refused.runs:
            self.runs[name].events.append(event)
            if epoch > 0:
                self.rows[key] = body

    @rule(
        name=RUNS,
        status=st.sampled_from([Status.SUSPENDED, Status.STUCK]),
        wake=st.none() | st.integers(1, 99),
    )
    def set_down(self, name, status, wake):
        run = self.runs.get(name)
        if run is None or run.status is not Status.RUNNING:
            return
        if self.append([], [Stand(name, run.epoch, status, 9, "", wake)]) is not None:
            run.status, run.owner, run.stopped = status, "", False
            run.wake_us = wake
            run.crashes = 0 if status is Status.SUSPENDED else run.crashes

    @rule(name=RUNS)
    def halt(self, name):
        run = self.runs.get(name)
        done = self.append([], [Halt(name, 9, "stopped: why")])
        open_ = run is not None and run.status not in TERMINAL
        if done is None or not open_ or (run.stopped and run.status is Status.STUCK):
            return
        run.status, run.owner, run.epoch, run.stopped = Status.STUCK, "", run.epoch + 1, True
        run.wake_us, run.crashes = None, 0

    @rule(name=RUNS)
    def release(self, name):
        run = self.runs.get(name)
        done = self.append([], [Release(name, 40)])
        if done is not None and run is not None and run.stopped and run.status is Status.STUCK:
            run.status, run.stopped, run.wake_us = Status.SUSPENDED, False, 40

    @rule(name=RUNS, status=st.sampled_from(sorted(TERMINAL)))
    def end(self, name, status):
        run = self.runs.get(name)
        if run is None or run.status is not Status.RUNNING:
            return
        event = self.event(name, Kind.ENDED, run.epoch)
        if self.append([event], [Stand(name, run.epoch, status, 9)]) is not None:
            run.events.append(event)
            run.status, run.owner, run.mail = status, "", []
            self.asked.update({id: None for id, asker in self.asked.items() if asker == name})

    @rule(names=st.lists(RUNS, max_size=4))
    def claim(self, names):
        claimed = asyncio.run(self.journal.claim(names, self.worker))
        wanted = [name for name in dict.fromkeys(names) if self.alive and self.free(name)]
        assert [one.standing.run for one in claimed] == wanted
        for one in claimed:
            run = self.runs[one.standing.run]
            assert one.last_owner == run.owner and one.events == run.events
            assert [mail.number for mail in one.mail] == run.mail
            if run.status is Status.RUNNING and run.owner not in {*self.left, self.worker}:
                run.crashes = 1 if run.events[-1].epoch == run.epoch else run.crashes + 1
            elif run.status is Status.STUCK:
                run.crashes = 0
            run.status, run.owner, run.epoch, run.wake_us = Status.RUNNING, self.worker, run.epoch + 1, None

    left: frozenset = frozenset()

    def free(self, name):
        run = self.runs.get(name)
        # Its own too: a claim that raised may have taken effect.
        return run is not None and run.may_be_claimed()

    @rule(reopen=st.booleans(), cleanly=st.booleans())
    def next_worker(self, reopen, cleanly):
        if cleanly:
            asyncio.run(self.journal.leave(self.worker))
            self.left = self.left | {self.worker}
        if reopen:
            self.journal.close()
            self.journal = SqliteJournal.open(self.folder, threaded=False, now_us=lambda: 1000)
        self.workers += 1
        self.worker, self.alive = f"w{self.workers}", True
        asyncio.run(self.journal.join(self.worker, lease_s=None))

    @rule()
    def leave(self):
        asyncio.run(self.journal.leave(self.worker))
        self.left, self.alive = self.left | {self.worker}, False

    @rule(
        name=RUNS,
        sender=st.sampled_from(["anna", "bob"]),
        id=st.sampled_from("12"),
        kind=st.sampled_from([7, 8]),
    )
    def send(self, name, sender, id, kind):
        before = {one.number for one in asyncio.run(self.journal.mail_after(0))}
        if self.append([], [Mail(name, kind, sender, id)]) is None:
            return
        new = [one.number for one in asyncio.run(self.journal.mail_after(0)) if one.number not in before]
        run = self.runs.get(name)
        if run is None or run.status in TERMINAL or (sender, id) in run.seen:
            assert new == []
        else:
            (number,) = new
            assert number > max(before, default=0)
            run.seen.add((sender, id))
            run.mail.append(number)
            if kind == Kind.CANCEL:
                run.cancelled.add(number)

    @rule(name=RUNS)
    def take(self, name):
        run = self.runs.get(name)
        if run is None or run.status is not Status.RUNNING or not run.mail or run.stopped:
            return
        (mail,) = [one for one in asyncio.run(self.journal.mail_after(0)) if one.number == run.mail[0]]
        event = self.event(name, mail.kind, run.epoch)
        if self.append([event], [Taken(name, run.epoch, (mail.number,))]) is not None:
            run.events.append(event)
            run.mail.pop(0)
            if mail.kind != Kind.MESSAGE:
                run.seen.discard((mail.sender, mail.id))

    @rule(target=questions, name=RUNS)
    def ask(self, name):
        id = f"q{len(self.asked)}"
        run = self.runs.get(name)
        if run is not None and run.status is Status.RUNNING:
            done = self.append([], [Question(id, name, run.epoch, 1, "ask", "?", b"", b"", None, 1)])
            if done is not None:
                self.asked[id] = name
        return id

    @rule(id=questions)
    def answer(self, id):
        refused = self.append([], [Answer(id, b"yes", "sam", 5)])
        if refused is None:
            return
        assert refused == Refused(answers=frozenset() if self.asked.get(id) else frozenset({id}))
        if id in self.asked:
            self.asked[id] = None

    # --- what must always hold ---

    @invariant()
    def all_is_as_in_the_model(self):
        asyncio.run(self.compare())

    async def compare(self):
        journal = self.journal
        for name, run in self.runs.items():
            standing = await journal.standing(name)
            found = (standing.status, standing.epoch, standing.owner, standing.wake_at_us, standing.crashes)
            assert found == (run.status, run.epoch, run.owner, run.wake_us, run.crashes)
            assert await journal.read(name) == run.events
        assert {row.key: row.value for row in await journal.rows("book")} == self.rows
        assert [one.number for one in await journal.mail_after(0)] == sorted(
            number for run in self.runs.values() for number in run.mail
        )
        assert {one.id for one in await journal.questions()} == {
            id for id, name in self.asked.items() if name
        }
        assert set(await journal.claimable(50, limit=99)) == {
            name for name in self.runs if self.waits(name, 50)
        }
        assert journal.verify() == sum(len(run.events) for run in self.runs.values())
        assert journal.audit() == []

    def waits(self, name, now_us):
        run = self.runs[name]
        if run.status in (
            Status.SUSPENDED,
            Status.STUCK,
        ):  # stuck ones hear no messages, only a word of the founder
            due = run.wake_us is not None and run.wake_us <= now_us
            word = bool(run.cancelled.intersection(run.mail))
            return due or word or (bool(run.mail) and run.status is Status.SUSPENDED)
        carried = self.alive and run.owner == self.worker
        return run.status is Status.PENDING or (run.status is Status.RUNNING and not carried)


JournalMachine.TestCase.settings = settings(
    max_examples=40,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],  # a failing story is shown as it is: shrinking one takes minutes
)
test_journal_agrees_with_the_model = JournalMachine.TestCase
