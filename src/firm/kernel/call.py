"""One call that a workflow made: a step, a child run, a question or a message sent."""

import asyncio
from contextvars import Context
from typing import Any

import msgspec

from firm.kernel.context import StepInfo, narrowed
from firm.kernel.definition import Done, StepDef, WorkflowDef
from firm.kernel.journal import Event, Kind
from firm.kernel.mark import plain
from firm.kernel.value import show_input


class Ask(msgspec.Struct, frozen=True):
    """What `ask` or `put_question` was given."""

    text: str
    options: list[Any] | None
    default: bytes
    """Encoded; b'' where there is none."""
    deadline_us: int | None
    kind: str = "ask"
    detail: bytes = b""
    """What stands in book "question" beside it."""


class Send(msgspec.Struct, frozen=True):
    """What `send` was given."""

    to: str
    topic: str
    value: bytes
    id: str


What = StepDef | WorkflowDef | Ask | Send


class Call:
    """A call that waits for its outcome."""

    __slots__ = (
        "args",
        "at_work",
        "attempt",
        "charter",
        "cleared",
        "context",
        "doubted",
        "dropped",
        "future",
        "held",
        "hold",
        "input",
        "intent",
        "intent_by",
        "kwargs",
        "late",
        "name",
        "place",
        "question",
        "retry_at_us",
        "task",
        "what",
    )

    def __init__(
        self,
        place: int,
        what: What,
        name: str,
        arguments: tuple[tuple[Any, ...], dict[str, Any]],
        input: bytes,
    ) -> None:
        self.place = place
        self.what = what
        self.name = name
        self.args, self.kwargs = arguments
        self.input = input
        self.future: asyncio.Future[Any] | None = None
        self.context: Context | None = None
        self.charter = narrowed.get()
        """Of the block in which it was made; None: the run's."""
        self.task: asyncio.Task[None] | None = None
        """The attempt in progress, on the real loop."""
        self.attempt = 0
        """Attempts that were begun and ended in this or earlier lives."""
        self.intent = False
        """An intent stands in the journal without an end: the effect may have happened."""
        self.intent_by = ""
        """The worker of an earlier life that wrote the intent: it must surely be dead before anything is decided."""
        self.retry_at_us = 0
        self.question = ""
        """Id of the open question about it."""
        self.cleared = False
        """Somebody has said since the restoration of a backup that it did not happen."""
        self.doubted = False
        """It is being found out, by its reconciler or the founder, whether this attempt happened."""
        self.held = False
        """It was made while older history was replayed: it may have been begun in an earlier life."""
        self.hold = ""
        """Key of the brake that holds it back; '': none does."""
        self.at_work = False
        """A thread carries it out right now, wanted or not."""
        self.late: tuple[Done, StepInfo] | None = None
        """What a thread came to, for the case that nobody waited for it any more."""
        self.dropped = False
        """The workflow gave up on it."""

    def show(self) -> str:
        """As a person reads it."""
        return f"{self.name}{show_input(self.input)}"


class Known:
    """What the journal says of one call, gathered before a replay."""

    __slots__ = ("attempt", "cleared", "first", "intent", "intent_by", "outcome", "question", "retry_at_us")

    def __init__(self, first: Event) -> None:
        self.first = first
        self.outcome = False
        self.intent = False
        self.intent_by = ""
        self.attempt = 0
        self.retry_at_us = 0
        self.question = ""
        self.cleared = False

    def add(self, event: Event, *, restored: bool) -> None:
        """Take in one more event of the call; `restored`: it came after the restoration of a backup."""
        match event.kind:
            case Kind.DONE | Kind.FAILED:
                self.outcome = True
            case Kind.INTENT:
                self.intent, self.intent_by = True, event.body.decode()
            case Kind.ATTEMPT:
                self.intent, self.cleared = False, restored
                attempt = Attempt.decode(event.body)
                self.attempt, self.retry_at_us = attempt.number, attempt.next_at_us
            case Kind.ASKED:
                self.question = event.body.decode()
            case Kind.ANSWERED:
                self.outcome = self.first.kind == Kind.ASKED and not self.intent
                self.question = ""

    def fits(self, call: Call) -> bool:
        """Whether the code makes the call that the journal has."""
        return self.first.name == call.name and self.first.input == call.input

    def show(self) -> str:
        """As a person reads it."""
        return f"{self.first.name}{show_input(self.first.input)}"


class Attempt(msgspec.Struct, array_like=True, frozen=True):
    """Body of an ATTEMPT event: it failed and will be made again."""

    number: int
    """1 for the first."""
    failure: bytes
    next_at_us: int
    """Not before this time."""

    def encode(self) -> bytes:
        """Bytes for the event."""
        return msgspec.msgpack.encode(self)

    @staticmethod
    def decode(body: bytes) -> "Attempt":
        """From the event."""
        return _attempt.decode(plain(body))


_attempt = msgspec.msgpack.Decoder(Attempt)


class Start(msgspec.Struct, array_like=True, frozen=True):
    """Body of a STARTED event."""

    workflow: str
    code: str
    version: str
    args: bytes
    generation: int = 1
    parent: str = ""
    parent_place: int = 0
    by: str = ""
    """Who asked for it."""
    messages: tuple[tuple[str, bytes], ...] = ()
    """Unread messages of the generation before: topic and encoded value."""
    restored: bool = False
    """It descends from a run of a restored backup: what it does may have been done in the gap already."""
    marks: tuple[str, ...] = ()
    """What its parent, or the generation before, had when it began; sorted."""
    charter: bytes = b""
    """In whose name it acts and what it may do; opaque to the kernel."""
    pace: bytes = b""
    """Of a later generation: what was counted of the one before (`firm.kernel.pace`)."""

    def encode(self) -> bytes:
        """Bytes for the event."""
        return msgspec.msgpack.encode(self)

    @staticmethod
    def decode(body: bytes) -> "Start":
        """From the event."""
        return _start.decode(body)


_start = msgspec.msgpack.Decoder(Start)


class Posted(msgspec.Struct, array_like=True, frozen=True):
    """Body of a MESSAGE or ANSWERED event: what came, and from whom."""

    sender: str
    id: str
    value: bytes

    def encode(self) -> bytes:
        """Bytes for the event."""
        return msgspec.msgpack.encode(self)

    @staticmethod
    def decode(body: bytes) -> "Posted":
        """From the event."""
        return _posted.decode(body)


_posted = msgspec.msgpack.Decoder(Posted)
