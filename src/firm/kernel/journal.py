"""The journal's port: what a run writes down, and what a store must promise.

One rule: a call to `append` is one transaction; it takes effect whole or not at all, and nothing
that carries a stale epoch takes effect. How rows lie on disk is the store's business (`firm.store`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Protocol

import msgspec

from firm.kernel.status import Status

MAX_INLINE_BYTES = 1024 * 1024
"""Largest payload kept in an event; a larger one lies as a content-addressed blob beside the journal."""
MAX_RUN_EVENTS = 50_000
"""Events of one generation of a run; past it the run must `continue_as`."""
MAX_NAME_CHARS = 200
"""Length of a run id, a topic, a step's name."""


class Kind(IntEnum):
    """What an event says. Numbers are part of the file format and never change their meaning."""

    STARTED = 1
    """A generation begins; body: `Start`. The first event of every generation."""
    DONE = 2
    """A call's result; body: the encoded value."""
    FAILED = 3
    """A call's failure; body: `Failure`."""
    INTENT = 4
    """An effect of kind `once` is about to be tried; body: the worker that will."""
    ATTEMPT = 5
    """An attempt failed and will be made again; body: `Failed`."""
    TIMER = 6
    """A timer fired; place: the timer's number."""
    MESSAGE = 7
    """A message came in; name: topic."""
    CANCEL = 8
    """Somebody asked the run to stop."""
    ASKED = 9
    """A question was put; body: the question's id."""
    ANSWERED = 10
    """A question was answered; body: the encoded answer and who gave it."""
    PATCHED = 11
    """`patched(name)` was true here."""
    CONTINUED = 12
    """The generation ended with `continue_as`."""
    ENDED = 13
    """The run ended; name: the status; body: the value or `Failure`."""
    RESTORED = 14
    """The journal was put back from a backup here: effects after this point may have happened already."""


class Event(msgspec.Struct, array_like=True, gc=False, frozen=True):
    """One line of a run's history; never changed once written."""

    run: str
    seq: int
    """0, 1, 2 … without gaps, over all generations of the run."""
    epoch: int
    """The claim under which it was written."""
    kind: int
    place: int
    """The call it belongs to, counted in the order of calls; 0 where it belongs to none."""
    name: str
    """Step, workflow or topic."""
    at_us: int
    """Worker's clock, microseconds since 1970, never less than that of the event before it."""
    body: bytes = b""
    blob: str = ""
    """SHA-256 in hex of a body that lies beside the journal (`body` is then empty in the table)."""
    input: bytes = b""
    """The call's encoded arguments, or their hash where they are long: a replay must make the same call."""


# What may go into the same transaction as events. Each names the run (and epoch) that writes it, so that a
# stale writer's rows are refused together with its events; epoch 0 means: from outside, not fenced.


class Row(msgspec.Struct, frozen=True, gc=False):
    """A row of some later part's book (ledger, policy): replaced as a whole, by (book, key)."""

    book: str
    key: str
    value: bytes
    run: str = ""
    epoch: int = 0


OWN = "\t"
"""Ends the run's id in the key of a row that goes with its run; no id of a run contains it."""


def own_key(run: str, name: str = "") -> str:
    """Key of a row that belongs to one run: what forgets the run's history forgets the row with it."""
    return f"{run}{OWN}{name}"


class NewRun(msgspec.Struct, frozen=True, gc=False):
    """A run that begins. Refused if the id is taken."""

    run: str
    workflow: str
    """Reference to its code, see `firm.kernel.code`."""
    code: str
    """Hash of that code's file."""
    parent: str
    """Id of the run that called it, or ''."""
    status: Status
    """RUNNING (owned by the writer, at epoch 1) or PENDING (owned by nobody, at epoch 0)."""
    owner: str
    created_us: int
    epoch: int = 0
    """Always 0: there was no writer before it. If the parent is fenced off, `writer` refuses it too."""
    writer: tuple[str, int] = ("", 0)
    """The calling run and its epoch, or ('', 0)."""


class Stand(msgspec.Struct, frozen=True, gc=False):
    """A run's new state. SUSPENDED, STUCK, PENDING and ended runs have no owner."""

    run: str
    epoch: int
    status: Status
    at_us: int
    reason: str = ""
    wake_at_us: int | None = None
    """When it wants to be woken (SUSPENDED only); None: only by mail."""


class Mail(msgspec.Struct, frozen=True, gc=False):
    """Something for a run from outside it: a message, a cancel, a child's end, an answer.

    Kept until the run's owner has turned it into an event. `(to, sender, id)` is unique for ever while the
    run is open: a second one is dropped silently.
    """

    to: str
    kind: int
    """Kind.MESSAGE, CANCEL, DONE or FAILED (a child's end) or ANSWERED."""
    sender: str
    id: str
    place: int = 0
    name: str = ""
    body: bytes = b""
    blob: str = ""
    run: str = ""
    """The run that writes it, with `epoch`; '' and 0 from outside."""
    epoch: int = 0
    number: int = 0
    """Given by the store, ascending in the order of commits; 0 until then."""


class Taken(msgspec.Struct, frozen=True, gc=False):
    """Mail that became events in this transaction."""

    run: str
    epoch: int
    numbers: tuple[int, ...]


class Question(msgspec.Struct, frozen=True, gc=False):
    """A question that only a person can answer; answered once."""

    id: str
    run: str
    """'' where the firm itself asks."""
    epoch: int
    place: int
    kind: str
    """'ask', 'in doubt', 'stuck'; later parts add theirs."""
    text: str
    options: bytes
    """Encoded list of the values allowed, or an encoded None."""
    default: bytes
    """Encoded default, b'' where there is none."""
    deadline_us: int | None
    asked_us: int
    answered_us: int = 0
    """0 while it is open."""
    answer: bytes = b""
    by: str = ""
    """Who answered; 'deadline' where the default was taken; 'closed' where it became moot."""


class Answer(msgspec.Struct, frozen=True, gc=False):
    """Close an open question. Refused if it is closed already; otherwise `mail` is delivered with it."""

    question: str
    value: bytes
    by: str
    at_us: int
    mail: Mail | None = None
    run: str = ""
    epoch: int = 0


class Halt(msgspec.Struct, frozen=True, gc=False):
    """Stop a run from outside: epoch + 1, STUCK, nobody's. Without effect on one that has ended or is stopped.

    It stays so, whatever mail comes, until a `Release`; only a CANCEL from outside its family can still end it.
    """

    run: str
    at_us: int
    reason: str
    """'stopped', or 'stopped: ' and why; see `is_stopped`."""
    epoch: int = 0
    """Always 0: it is not fenced, and fences off the owner."""


class Release(msgspec.Struct, frozen=True, gc=False):
    """Let a stopped run go on: SUSPENDED, to be woken now. Without effect on one that is not stopped."""

    run: str
    at_us: int
    epoch: int = 0
    """Always 0: it is not fenced."""


STOPPED = "stopped"
"""First word of the reason of a run that a `Halt` stopped."""


def is_stopped(status: Status, reason: str) -> bool:
    """Whether a run with that status and reason was stopped by a `Halt`."""
    return status is Status.STUCK and reason.partition(":")[0] == STOPPED


Also = Row | NewRun | Stand | Mail | Taken | Question | Answer | Halt | Release


class Standing(msgspec.Struct, frozen=True, gc=False):
    """How a run stands, as read back from the store."""

    run: str
    workflow: str
    code: str
    parent: str
    status: Status
    reason: str
    epoch: int
    owner: str
    """Worker that owns it, '' if nobody does."""
    crashes: int
    """Claims in a row whose worker died before the run had written a single event."""
    wake_at_us: int | None
    created_us: int
    changed_us: int


@dataclass(frozen=True, slots=True)
class Refused:
    """What a transaction left out, because another worker or an earlier answer was first."""

    runs: frozenset[str] = frozenset()
    """Runs whose epoch was stale, or whose id was taken: none of their events and rows was written."""
    answers: frozenset[str] = frozenset()
    """Questions that were closed already."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """The runs that a worker got, with what it needs to go on."""

    standing: Standing
    """With the new epoch and owner."""
    last_owner: str
    """The worker that owned it before, '' if it was set down cleanly."""
    events: list[Event] = field(default_factory=list)
    """The current generation, in order."""
    mail: list[Mail] = field(default_factory=list)
    """Undelivered mail, in order."""
    mail_upto: int = 0
    """Number of the newest mail of all at that moment: what has a lower one and is not here was taken before."""


class Journal(Protocol):
    """What the kernel needs of a store. All methods may be called from one event loop only.

    Raises everywhere: `JournalError` with what happened and what to do; `DiskFull` where there is no room.
    """

    async def append(self, events: Sequence[Event], also: Sequence[Also] = ()) -> Refused:
        """Write all in one transaction, durable (fsync) on return; stale writers are left out.

        An exception says nothing about whether the transaction took effect: ask `landed`.
        """
        ...

    async def landed(self, events: Sequence[Event], also: Sequence[Also] = ()) -> Refused | None:
        """After `append` raised: what it refused if it took effect, None if it did not."""
        ...

    async def claim(self, runs: Sequence[str], worker: str) -> list[Claimed]:
        """Become the owner of those runs that no other living worker owns and that may run; epoch + 1 each.

        A compare-and-set: what another living worker owns is left out; what the claimer owns already it gets again,
        for a claim that raised may have taken effect. What the worker owns itself it gets
        again: it names only runs that it does not carry, and an earlier claim may have raised and yet have
        taken effect. A run that was RUNNING with a dead owner counts a crash, unless it wrote an event under
        that claim (then the count starts at 1).
        Runs with STUCK status are claimed only when named here (`firm resume`). One that was stopped by a
        `Halt` is claimed only if a CANCEL waits for it that is not its parent's, and keeps its reason meanwhile.
        """
        ...

    async def claimable(self, now_us: int, *, limit: int) -> list[str]:
        """Ids of runs that may be claimed now, the oldest wake first.

        These are: pending; running with a dead or expired owner; suspended with a wake before `now_us` or
        with undelivered mail.
        """
        ...

    async def next_wake_us(self) -> int | None:
        """The earliest wake of a suspended run."""
        ...

    async def owned(self, worker: str) -> dict[str, int]:
        """Epochs of the runs that a worker owns, by id: what it carries beyond them was taken from it."""
        ...

    async def mail_after(self, number: int) -> list[Mail]:
        """Undelivered mail with a higher number, ascending."""
        ...

    async def read(self, run: str, *, whole: bool = False) -> list[Event]:
        """Events of the current generation, or of all of them, in order; bodies in blobs are fetched."""
        ...

    async def standing(self, run: str) -> Standing | None:
        """How one run stands."""
        ...

    async def standings(
        self,
        *,
        status: Status | None = None,
        parent: str | None = None,
        workflow: str | None = None,
        limit: int = 1000,
    ) -> list[Standing]:
        """How runs stand, the newest first."""
        ...

    async def questions(self, *, open_only: bool = True, since_us: int = 0) -> list[Question]:
        """The inbox, the oldest first; only what was asked then or later."""
        ...

    async def question(self, id: str) -> Question | None:
        """One question."""
        ...

    async def rows(
        self, book: str, *, prefix: str = "", after: str = "", limit: int | None = None
    ) -> list[Row]:
        """Rows of a book by key: those with a key that begins so and is greater than `after`, the first `limit`."""
        ...

    async def join(self, worker: str, *, lease_s: float | None) -> None:
        """Announce a worker. `lease_s=None`: it is the only one (a lock outside proves it), all others are dead."""
        ...

    async def renew(self, worker: str) -> bool:
        """Prolong the lease from now on the store's own clock; False if it has run out (others may own its runs)."""
        ...

    async def leave(self, worker: str) -> None:
        """Say that the worker has stopped for good; what it still owns may be claimed."""
        ...
