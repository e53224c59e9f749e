"""What an observer who sees everything writes down while a simulation runs.

One rule: it only watches. The checkers (`firm.testing.invariant`) read it when all is over; what can only be
seen at the moment it happens (a stale write that was let in) is noted as a violation at once.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from firm.kernel.journal import Also, Claimed, Event, Kind, NewRun, Refused, Standing, is_stopped

TRACE_LINES = 400
"""How much of a history a report shows at most."""

Place = tuple[str, int, int]
"""Run, generation, number of the call."""


@dataclass(frozen=True, slots=True)
class Execution:
    """One time that a step did something to the world."""

    order: int
    """Its place among all commits and executions."""
    began: int
    """That of the beginning of the attempt."""
    node: str
    run: str
    generation: int
    place: int
    epoch: int
    """The claim under which the worker believed to carry the run."""
    key: str
    attempt: int
    name: str
    effect: str
    value: object

    @property
    def where(self) -> Place:
        """The call it belongs to."""
        return self.run, self.generation, self.place


@dataclass(frozen=True, slots=True)
class Recorded:
    """One event, when it was committed, and the generation it belongs to."""

    order: int
    generation: int
    event: Event


@dataclass(frozen=True, slots=True)
class Ack:
    """Something that a client was told is done."""

    what: str
    """'start', 'send', 'answer', 'cancel', 'halt' or 'ask'."""
    run: str
    id: str = ""
    value: object = None
    by: str = ""
    order: int = 0
    """When, where that matters."""


@dataclass(slots=True)
class Held:
    """A time during which a run was stopped."""

    order: int
    """Of the commit that stopped it."""
    node: str
    epoch: int
    """That it has stood at since."""
    commit: int
    """Number of the commit that stopped it."""
    until: int | None = None
    """Order of the commit that released it; None: it never was."""
    freed: int = 0
    """Number of that commit."""

    def at(self, order: int) -> bool:
        """Whether it was stopped then."""
        return self.order < order and (self.until is None or order < self.until)


@dataclass(slots=True)
class History:
    """One simulated history, as far as it has come."""

    time_s: Callable[[], float]
    ledger: list[Execution] = field(default_factory=list)
    events: list[Recorded] = field(default_factory=list)
    acks: list[Ack] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    held: dict[str, list[Held]] = field(default_factory=dict)
    """Run -> when it was stopped."""
    commits: int = 0
    watch: Callable[[Sequence[Also], Refused], None] | None = None
    """Told of each transaction that took effect, with what it wrote besides events."""
    _order: int = 0
    _epochs: dict[str, int] = field(default_factory=dict)
    _generations: dict[str, int] = field(default_factory=dict)
    _trace: deque[tuple[float, str, tuple[object, ...]]] = field(
        default_factory=lambda: deque(maxlen=TRACE_LINES)
    )

    def next(self) -> int:
        """The next place in the order of everything."""
        self._order += 1
        return self._order

    def note(self, text: str, *values: object) -> None:
        """Remember a line for the report; `text` is filled in with `%` when it is shown."""
        self._trace.append((self.time_s(), text, values))

    def trace(self) -> list[str]:
        """The last lines, as text."""
        return [f"{at_s:10.4f}  {text % values if values else text}" for at_s, text, values in self._trace]

    def violated(self, text: str) -> None:
        """An invariant does not hold."""
        self.note("VIOLATION %s", text)
        if text not in self.violations:
            self.violations.append(text)

    def generation(self, run: str) -> int:
        """The newest generation of a run; 0 if it has not begun."""
        return self._generations.get(run, 0)

    def committed(self, node: str, events: Sequence[Event], also: Sequence[Also], refused: Refused) -> None:
        """A transaction took effect."""
        self.commits += 1
        for line in also:
            if type(line) is NewRun and line.run not in refused.runs:
                self._epochs[line.run] = 1 if line.owner else 0
        for event in events:
            if event.run in refused.runs:
                self.note("%s refused: %s #%d", node, event.run, event.seq)
                continue
            self._record(node, event)
        if self.watch is not None:
            self.watch(also, refused)

    def _record(self, node: str, event: Event) -> None:
        if event.epoch != self._epochs.get(event.run, 0):
            self.violated(
                f"I4: {node} wrote event {event.seq} of run {event.run!r} under epoch {event.epoch}, "
                f"the run stood at {self._epochs.get(event.run, 0)}"
            )
        if event.kind == Kind.STARTED:
            self._generations[event.run] = self._generations.get(event.run, 0) + 1
        self.events.append(Recorded(self.next(), self.generation(event.run), event))
        kind, run, epoch = Kind(event.kind).name, event.run, event.epoch
        self.note("%s wrote %s #%d e%d %s @%d %s", node, run, event.seq, epoch, kind, event.place, event.name)

    def claimed(self, node: str, claims: Sequence[Claimed]) -> None:
        """A worker became the owner of runs."""
        for claim in claims:
            run, epoch = claim.standing.run, claim.standing.epoch
            before = self._epochs.get(run, 0)
            if epoch != before + 1:
                self.violated(f"I4: a claim of run {run!r} went from epoch {before} to {epoch}")
            self._epochs[run] = epoch
            self.note(
                "%s claimed %s e%d (%d events, %d mail)", node, run, epoch, len(claim.events), len(claim.mail)
            )

    def claimed_unawares(self, standing: Standing) -> None:
        """A claim took effect, but the worker was told that it failed."""
        self._epochs[standing.run] = standing.epoch

    def halted_or_released(self, node: str, standing: Standing) -> None:
        """A commit wanted to stop or to release a run; this is how it stands now."""
        run, epoch, times = standing.run, standing.epoch, self.held.setdefault(standing.run, [])
        held = bool(times) and times[-1].until is None
        stopped = is_stopped(standing.status, standing.reason)
        if stopped and epoch != self._epochs.get(run, 0):
            if epoch != self._epochs.get(run, 0) + 1:
                self.violated(
                    f"I4: a stop of run {run!r} went from epoch {self._epochs.get(run, 0)} to {epoch}"
                )
            self._epochs[run] = epoch
            times.append(Held(self.next(), node, epoch, self.commits))
            self.note("%s STOPPED %s e%d", node, run, epoch)
        elif held and not stopped:
            times[-1].until, times[-1].freed = self.next(), self.commits
            self.note("%s released %s e%d", node, run, epoch)

    def acknowledged(self, ack: Ack) -> None:
        """A client was told so."""
        self.acks.append(ack)
        self.note("ack: %s %s %s %r", ack.what, ack.run, ack.id, ack.value)
