"""The checkers: what must hold of a history when it is over (reliability.md, section 2).

One rule: they look only at the journal, at the ledger of what really happened and at what clients were told;
never at what a worker believes.
"""

from collections import defaultdict
from collections.abc import Iterator
from random import Random

from firm.errors import JournalError
from firm.ids import child_id
from firm.kernel.call import Posted, Start
from firm.kernel.definition import workflow_of
from firm.kernel.failure import Failure
from firm.kernel.journal import Event, Kind, Question, Standing
from firm.kernel.mark import unmarked
from firm.kernel.status import TERMINAL, Status
from firm.kernel.value import BUILTIN
from firm.store.sqlite import SqliteJournal
from firm.testing.door import at_once
from firm.testing.history import Ack, History, Place, Recorded
from firm.testing.program import Job
from firm.testing.replay import check_replay, given_up

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
    yield from check_stops(evidence)
    yield from check_marks(evidence)
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
        if ack.what == "ask":
            if ack.id not in questions:
                yield f"I7: question {ack.id!r} of the firm was acknowledged and is lost"
        elif events is None and (ack.run or ack.what != "answer"):
            yield f"I7: {ack.what} of run {ack.run!r} was acknowledged, but there is no such run"
        elif ack.what == "send" and events and events[-1].kind != Kind.ENDED:
            posted = [Posted.decode(event.body) for event in events if event.kind == Kind.MESSAGE]
            if (ack.by, ack.id) not in [(one.sender, one.id) for one in posted]:
                yield f"I7: message {ack.id!r} to run {ack.run!r} was acknowledged and is lost"
        elif ack.what == "cancel" and not any(
            event.kind in (Kind.CANCEL, Kind.ENDED) for event in events or ()
        ):
            yield f"I7: the cancel of run {ack.run!r} was acknowledged and is lost"
        elif ack.what == "answer":
            question = questions[ack.id]
            if ack.id in answered:
                yield f"I6: question {ack.id!r} was answered by two who were both told so"
            answered.add(ack.id)
            if (question.by, question.answer) != (ack.by, BUILTIN.encode(ack.value)):
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
        if given_up(parent.event):
            continue  # its code did not run to that end: its children were asked to stop, and end when they do
        if child is None or child.order > parent.order:
            yield f"K8: run {standing.parent!r} ended before its child {standing.run!r}"
            continue
        generation = 0
        for event in evidence.events[standing.parent]:
            generation += event.kind == Kind.STARTED
            if event.kind in OUTCOMES and child_id(parent.event.run, generation, event.place) == standing.run:
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


def check_stops(evidence: Evidence) -> Iterator[str]:
    """Stop: after the commit of a stop nothing of the run begins until it is released.

    Another worker that carries it learns of it only when it writes next; what it begins until then is not fenced,
    but comes from an earlier claim.
    """
    history = evidence.history
    for done in history.ledger:
        for held in history.held.get(done.run, ()):
            known = done.node == held.node or done.epoch >= held.epoch
            if known and held.at(done.began):
                yield f"Stop: {done.name} of run {done.run!r} @{done.place} began on {done.node} though it was stopped"
    for one in history.events:
        run, kind = one.event.run, one.event.kind
        parent = evidence.standings[run].parent if kind == Kind.STARTED and one.generation == 1 else ""
        for name in (run, parent):
            if kind != Kind.ENDED and any(held.at(one.order) for held in history.held.get(name, ())):
                yield f"Stop: run {run!r} wrote event {one.event.seq} though {name!r} was stopped"
    for ack in history.acks:
        if ack.what == "halt":
            yield from _check_halt(evidence, ack)
    yield from _check_releases(evidence)


def _check_releases(evidence: Evidence) -> Iterator[str]:
    """What was stopped with a run is released with it."""
    held = [(run, time) for run, times in evidence.history.held.items() for time in times]
    for run, time in held:
        for other, with_it in held:
            late = with_it.until is not None and with_it.freed > time.freed
            if time.until and late and with_it.commit == time.commit and _descends(evidence, other, run):
                yield f"Stop: run {other!r} was not released with {run!r}, though it was stopped with it"


def _check_halt(evidence: Evidence, ack: Ack) -> Iterator[str]:
    """What was begun before has come to its end there, and nothing of the whole tree goes on anywhere."""
    held = evidence.history.held
    root = [time for time in held.get(ack.run, ()) if time.at(ack.order)]
    until = root[0].until if root else ack.order
    for done in evidence.history.ledger:
        if not _descends(evidence, done.run, ack.run) or (until is not None and done.began > until):
            continue
        times = [time for time in held.get(done.run, ()) if time.at(ack.order)]
        fenced = any(done.epoch < time.epoch and done.node != time.node for time in times)
        if done.order > ack.order and not fenced and (not times or done.epoch < times[0].epoch):
            yield f"Stop: {done.name} of run {done.run!r} happened on {done.node} after {ack.run!r} had been stopped"


def _descends(evidence: Evidence, run: str, ancestor: str) -> bool:
    while run and run != ancestor:
        run = evidence.standings[run].parent if run in evidence.standings else ""
    return run == ancestor


def check_marks(evidence: Evidence) -> Iterator[str]:
    """I11: what came to a run marked stays with it, and goes with its children, messages, generations and end."""
    for run, events in evidence.events.items():
        marks = frozenset[str]()
        for event in events:
            if event.kind == Kind.STARTED:
                begins = frozenset(Start.decode(event.body).marks)
                if lost := marks - begins:
                    yield f"I11: a generation of run {run!r} began without {sorted(lost)}"
                marks = begins
            elif event.kind != Kind.MESSAGE and not (event.kind == Kind.ENDED and given_up(event)):
                carried = unmarked(event.body)[1]
                if event.kind == Kind.ENDED and (lost := marks - carried):
                    yield f"I11: run {run!r} ended without {sorted(lost)}"
                marks |= carried
            elif event.kind == Kind.MESSAGE:
                yield from _check_message(evidence, event)
        parent = evidence.events.get(evidence.standings[run].parent)
        if parent is not None:
            lost = _first_marks(parent) - _first_marks(events)
            if lost:
                yield f"I11: run {run!r} began without the marks {sorted(lost)} of its parent"


def _check_message(evidence: Evidence, event: Event) -> Iterator[str]:
    posted = Posted.decode(event.body)
    sender = evidence.events.get(posted.sender)
    if sender is not None and (lost := _first_marks(sender) - unmarked(posted.value)[1]):
        yield f"I11: a message of run {posted.sender!r} came without {sorted(lost)}"


def _first_marks(events: list[Event]) -> frozenset[str]:
    return frozenset(Start.decode(events[0].body).marks)
