"""The checkers: what must hold of a history when it is over (reliability.md, section 2).

One rule: they look only at the journal, at the ledger of what really happened and at what clients were told;
never at what a worker believes.
"""

from collections import defaultdict
from collections.abc import Iterator
from random import Random

from firm.errors import JournalError
from firm.kernel.call import Posted
from firm.kernel.definition import workflow_of
from firm.kernel.failure import Failure
from firm.kernel.journal import Event, Kind, Question, Standing
from firm.kernel.status import TERMINAL, Status
from firm.kernel.value import BUILTIN
from firm.store.sqlite import SqliteJournal
from firm.testing.door import at_once
from firm.testing.history import History, Place, Recorded
from firm.testing.program import Job
from firm.testing.replay import check_replay

OUTCOMES = (Kind.DONE, Kind.FAILED)


class Evidence:
    """Everything the checkers look at."""

    def __init__(self, journal: SqliteJournal, history: History, jobs: tuple[Job, ...]) -> None:
        self.journal = journal
        self.history = history
        self.jobs = jobs
        self.standings: dict[str, Standing] = {
            one.run: one for one in at_once(journal.standings(limit=100_000))
        }
        self.events: dict[str, list[Event]] = {
            run: at_once(journal.read(run, whole=True)) for run in sorted(self.standings)
        }
        self.questions: list[Question] = at_once(journal.questions(open_only=False))
        self.at: dict[Place, list[Recorded]] = defaultdict(list)
        """Events about calls, by call."""
        for one in history.events:
            if one.event.place and one.event.kind != Kind.TIMER:
                self.at[one.event.run, one.generation, one.event.place].append(one)


def check_all(evidence: Evidence, *, cancel_grace_s: float, random: Random) -> Iterator[str]:
    """One sentence for each violation."""
    yield from check_store(evidence)
    yield from check_end(evidence)
    yield from check_effects(evidence)
    yield from check_known_results(evidence)
    yield from check_messages(evidence)
    yield from check_acknowledged(evidence)
    yield from check_families(evidence)
    yield from check_results(evidence)
    for run, events in evidence.events.items():
        if evidence.standings[run].status is not Status.STUCK:
            yield from check_replay(events, cancel_grace_s=cancel_grace_s, random=random)


def check_store(evidence: Evidence) -> Iterator[str]:
    """I2, I4, I6, I7 and I14: the store's own audit, and that nothing differs from what was seen committed."""
    try:
        evidence.journal.verify()
        yield from evidence.journal.audit()
    except JournalError as error:
        yield f"I14: {error}"
    seen: dict[str, list[Event]] = defaultdict(list)
    for one in evidence.history.events:
        seen[one.event.run].append(one.event)
    for run, events in evidence.events.items():
        if [event.seq for event in events] != list(range(len(events))):
            yield f"I7: run {run!r} has events {[event.seq for event in events]}"
        if events != seen.get(run, []):
            yield f"I2: run {run!r} does not hold the {len(seen.get(run, []))} events that were seen committed"


def check_end(evidence: Evidence) -> Iterator[str]:
    """I5 and I6: every run has ended, once, and nothing follows."""
    for standing in evidence.standings.values():
        if standing.status not in TERMINAL:
            yield (
                f"I5: run {standing.run!r} is {standing.status.value} {standing.reason!r}, owner {standing.owner!r}, "
                f"long after the faults stopped; last event {_last(evidence, standing.run)}"
            )
        elif evidence.events[standing.run][-1].name != standing.status.value:
            yield f"I6: run {standing.run!r} is {standing.status.value}, its journal ends otherwise"
    for question in evidence.questions:
        if question.kind == "stuck" and "the engine died" not in question.text:
            yield f"K3: run {question.run!r} was stuck: {question.text}"


def _last(evidence: Evidence, run: str) -> str:
    event = evidence.events[run][-1]
    return f"{Kind(event.kind).name} {event.name} @{event.place}"


def check_effects(evidence: Evidence) -> Iterator[str]:
    """I1 and I8: what must not happen twice did not, its intent came first, and keys stay the same."""
    once: dict[Place, list[int]] = defaultdict(list)
    keys: dict[Place, str] = {}
    for done in evidence.history.ledger:
        if keys.setdefault(done.where, done.key) != done.key:
            yield f"I1: {done.name} of run {done.run!r} was tried under two keys"
        if done.effect != "once":
            continue
        once[done.where].append(done.order)
        intents = [
            one
            for one in evidence.at[done.where]
            if one.event.kind == Kind.INTENT and one.order < done.order and one.event.epoch == done.epoch
        ]
        if not intents:
            yield f"I8: {done.name} of run {done.run!r} happened before its intent was on disk"
    for (run, _, place), orders in once.items():
        if len(orders) > 1:
            yield f"I1: call {place} of run {run!r} with effect 'once' happened {len(orders)} times"


def check_known_results(evidence: Evidence) -> Iterator[str]:
    """K2: no step is executed after its result was recorded, but by a worker that does not know it lost the run."""
    outcomes: dict[Place, tuple[int, int]] = {}
    for where, records in evidence.at.items():
        for one in records:
            if one.event.kind in OUTCOMES:
                outcomes[where] = (one.order, one.event.epoch)
    for done in evidence.history.ledger:
        order, epoch = outcomes.get(done.where, (0, 0))
        if order and done.order > order and done.epoch >= epoch:
            yield f"K2: {done.name} of run {done.run!r} @{done.place} was repeated though its result was recorded"


def check_messages(evidence: Evidence) -> Iterator[str]:
    """I13: each message is consumed once, in the order in which its sender sent."""
    for run, events in evidence.events.items():
        seen: set[tuple[str, str]] = set()
        last: dict[str, int] = {}
        for event in events:
            if event.kind != Kind.MESSAGE:
                continue
            posted = Posted.decode(event.body)
            if (posted.sender, posted.id) in seen:
                yield f"I13: run {run!r} took message {posted.id!r} of {posted.sender!r} twice"
            seen.add((posted.sender, posted.id))
            if posted.sender.startswith("client") and posted.id.startswith("m"):
                number = int(posted.id[1:])
                if number != last.get(posted.sender, -1) + 1:
                    yield f"I13: run {run!r} took message {posted.id!r} of {posted.sender!r} out of order"
                last[posted.sender] = number


def check_acknowledged(evidence: Evidence) -> Iterator[str]:
    """I7: what a client was told is so."""
    questions = {question.id: question for question in evidence.questions}
    answered: set[str] = set()
    for ack in evidence.history.acks:
        events = evidence.events.get(ack.run)
        if events is None:
            yield f"I7: {ack.what} of run {ack.run!r} was acknowledged, but there is no such run"
        elif ack.what == "send" and events[-1].kind != Kind.ENDED:
            posted = [Posted.decode(event.body) for event in events if event.kind == Kind.MESSAGE]
            if (ack.by, ack.id) not in [(one.sender, one.id) for one in posted]:
                yield f"I7: message {ack.id!r} to run {ack.run!r} was acknowledged and is lost"
        elif ack.what == "cancel" and not any(event.kind in (Kind.CANCEL, Kind.ENDED) for event in events):
            yield f"I7: the cancel of run {ack.run!r} was acknowledged and is lost"
        elif ack.what == "answer":
            question = questions[ack.id]
            if ack.id in answered:
                yield f"I6: question {ack.id!r} was answered by two who were both told so"
            answered.add(ack.id)
            if (question.by, BUILTIN.decode(question.answer)) != (ack.by, ack.value):
                yield f"I7: the answer {ack.value!r} by {ack.by} was acknowledged, {question.by}'s stands"
    for job in evidence.jobs:
        if job.id not in evidence.standings:
            yield f"I5: nobody could start run {job.id!r}"


def check_families(evidence: Evidence) -> Iterator[str]:
    """K8: children end before their parents, and a parent gets what its child ended with."""
    ended = {one.event.run: one for one in evidence.history.events if one.event.kind == Kind.ENDED}
    for standing in evidence.standings.values():
        parent = ended.get(standing.parent)
        child = ended.get(standing.run)
        if parent is None:
            continue
        if child is None or child.order > parent.order:
            yield f"K8: run {standing.parent!r} ended before its child {standing.run!r}"
            continue
        for event in evidence.events[standing.parent]:
            if event.kind in OUTCOMES and f"{standing.parent}/{event.place}" == standing.run:
                fine = (event.kind == Kind.DONE) == (child.event.name == Status.SUCCEEDED)
                if not fine or (event.kind == Kind.DONE and event.body != child.event.body):
                    yield f"K8: run {standing.parent!r} got another end of {standing.run!r} than it had"


def check_results(evidence: Evidence) -> Iterator[str]:
    """Each run came to what its program says, and what clients were told is what stands in the journal."""
    for job in evidence.jobs:
        standing = evidence.standings.get(job.id)
        if standing is None or standing.status not in TERMINAL:
            continue
        last = evidence.events[job.id][-1]
        value: object
        if standing.status is Status.SUCCEEDED:
            value = workflow_of(job.workflow).signature.result.decode(last.body)
        else:
            failure = Failure.decode(last.body)
            value = f"{failure.type_name}: {failure.message}"
        cancelled = any(event.kind == Kind.CANCEL for event in evidence.events[job.id])
        if job.obeys and cancelled and standing.status is not Status.CANCELLED:
            yield f"K8: run {job.id!r} was cancelled and {standing.status.value} all the same"
        wrong = job.expect(standing.status, value)
        if wrong is not None:
            yield f"result of run {job.id!r}: {wrong}"
