"""What fills an agent's context window: instructions, the work, what was said and done.

One rule: messages are only ever added at the end, so that what a provider has cached of the beginning stays good; the
one exception is a compaction, which begins a new window from a summary (`firm.agent.compaction`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

import msgspec

from firm.agent.notes import EMPTY, Notes
from firm.model.message import Message, ToolCall, ToolResult
from firm.model.reply import Reply
from firm.model.transcript import Transcript

BYTES_PER_TOKEN = 3
"""For what no reply has counted yet: few texts have more tokens than bytes / 3."""
STATE = "agent.window"
"""Where a run keeps it (`Run.state`), for those who look at a run from outside."""


class Carried(msgspec.Struct, frozen=True):
    """What goes along when a run goes on as a new generation, with an empty history."""

    turns: int
    """Turns so far."""
    tail: tuple[Message, ...] = ()
    """Messages after the task, the oldest first."""
    notes: Notes = EMPTY
    compactions: int = 0
    results: int = 0
    """Results that were put into files."""
    guide: str = ""
    """What AGENTS.md says."""
    failures: int = 0
    """Turns at the end, one after the other, that brought nothing."""
    wanted: str = "progress"
    """What they lacked: 'progress' or 'output'."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of what fills the window, for showing."""

    what: str
    """'instructions', 'tools', 'task', 'summary', 'said', 'calls', 'results'."""
    count: int
    tokens: int
    """About; exact counts are the provider's."""


class Window:
    """The context of one agent's run."""

    __slots__ = (
        "_hash",
        "begun",
        "compactions",
        "counted",
        "guide",
        "messages",
        "notes",
        "results",
        "room",
        "since",
        "tokens",
        "tools",
        "turns",
    )

    def __init__(self, system: str, task: str, seed: str, carried: Carried | None = None) -> None:
        self._hash = sha256(seed.encode("utf-8", "surrogatepass"))
        self.messages = Transcript()
        self.tokens = 0
        """About as many as the next request will hold."""
        self.room = 0
        """At so many it is compacted."""
        self.tools = 0
        """Bytes of the tools, which go along with every request."""
        self.turns = self.compactions = self.results = 0
        self.notes = EMPTY
        self.guide = ""
        self.add(*([Message("system", system)] if system else []), Message("user", task))
        self.begun = len(self.messages)
        """Messages before the work itself."""
        if carried is not None:
            self.turns, self.compactions, self.results = carried.turns, carried.compactions, carried.results
            self.notes, self.guide = carried.notes, carried.guide
            self.add(*carried.tail)
        self.since = self.turns
        """Turns when it began."""

    def add(self, *messages: Message) -> None:
        """Put messages at the end."""
        self.messages = self.messages.plus(*messages)
        body = _encoded(messages)
        self._hash.update(body)
        self.tokens += len(body) // BYTES_PER_TOKEN

    def answered(self, reply: Reply) -> None:
        """Put a reply at the end; what it says of its tokens is better than any guess."""
        self.turns += 1
        self.add(reply.message)
        if reply.usage.total:
            self.tokens = reply.usage.total

    @property
    def mark(self) -> str:
        """16 hexadecimal digits that stand for all that was said so far."""
        return self._hash.hexdigest()[:16]

    @property
    def is_fresh(self) -> bool:
        """Whether the model has said nothing since it began."""
        return self.turns == self.since

    def carried(self, tail: Sequence[Message] | None = None) -> Carried:
        """What a new generation needs; `tail`: instead of the messages after the task."""
        kept = self.messages[self.begun :] if tail is None else tuple(tail)
        return Carried(self.turns, tuple(kept), self.notes, self.compactions, self.results, self.guide)

    def last_words(self) -> str:
        """What the model said last in words."""
        return next((one.text for one in reversed(self.messages) if one.role == "assistant" and one.text), "")

    def pieces(self) -> list[Piece]:
        """What fills it, by kind."""
        found: dict[str, list[int]] = {"tools": [self.tools]} if self.tools else {}
        for place, message in enumerate(self.messages):
            for what, size in _kinds(message, place, self.begun):
                found.setdefault(what, []).append(size)
        return [Piece(what, len(sizes), sum(sizes) // BYTES_PER_TOKEN) for what, sizes in found.items()]


def _kinds(message: Message, place: int, begun: int) -> list[tuple[str, int]]:
    if place < begun:
        what = "instructions" if message.role == "system" else "task"
        return [(what, len(_encoded(message)))]
    kinds = []
    for part in message.parts:
        what = "calls" if type(part) is ToolCall else "results" if type(part) is ToolResult else "said"
        kinds.append((what, len(_encoded(part))))
    return kinds


def _encoded(value: object) -> bytes:
    try:
        return msgspec.msgpack.encode(value)
    except UnicodeEncodeError:  # half a surrogate pair
        return repr(value).encode("utf-8", "surrogatepass")
