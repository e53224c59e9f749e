"""A conversation with a model: what was said, what it cost, and the file in which it is kept.

One rule: a turn is added when it is over; what failed was never said.
"""

import contextlib
import os
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from firm.errors import UsageError
from firm.model.message import Message
from firm.model.reply import Reply
from firm.units import Usage

MODE = 0o600
"""What was said is the founder's alone."""


class Turn(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of the file: something that was said."""

    at: datetime
    message: Message
    model: str = ""
    """Which model said it, as the founder calls it; '': the founder did."""
    usage: Usage = Usage()
    cost_usd: float = 0.0
    priced: bool = False
    stopped: bool = False
    """The reply was stopped in the middle; what it used is not known."""


class Total(msgspec.Struct):
    """What the replies of one model came to."""

    replies: int = 0
    stopped: int = 0
    priced: int = 0
    """Replies of which a price is known."""
    usage: Usage = Usage()
    cost_usd: float = 0.0


class Conversation:
    """What was said so far.

    Args:
        folder: Where it is kept; None: nowhere.
        system: What the model is told before anything else.
    """

    def __init__(self, folder: Path | None = None, system: str = "") -> None:
        self.system = system
        self.path: Path | None = None
        """The file; None: nothing was said yet, or it is not kept."""
        self.turns: list[Turn] = []
        self.folder = folder

    def ask(self, message: Message) -> tuple[Message, ...]:
        """What is to be sent if the founder says this now."""
        first = (Message("system", self.system),) if self.system else ()
        return (*first, *(turn.message for turn in self.turns), message)

    def add(self, question: Message, reply: Reply | Message, model: str) -> None:
        """A question and its reply; a bare message as reply: it was stopped in the middle.

        Raises:
            OSError: it could not be written.
        """
        at = datetime.now(UTC)
        if isinstance(reply, Message):
            said = Turn(at, reply, model, stopped=True)
        else:
            said = Turn(at, reply.message, model, reply.usage, reply.cost_usd, reply.priced)
        turns = [Turn(at, question), said]
        if not self.turns and self.system:
            self._write([Turn(at, Message("system", self.system))])
        self.turns += turns
        self._write(turns)

    def _write(self, turns: list[Turn]) -> None:
        if self.folder is None:
            return
        if self.path is None:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.path = (
                self.folder
                / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}-{time.time_ns() % 1000:03}.jsonl"
            )
        lines = b"".join(msgspec.json.encode(turn) + b"\n" for turn in turns)
        handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, MODE)
        with open(handle, "ab") as file:
            file.write(lines)

    def totals(self) -> dict[str, Total]:
        """What the replies came to, by model."""
        found: dict[str, Total] = {}
        for turn in self.turns:
            if not turn.model:
                continue
            total = found.setdefault(turn.model, Total())
            total.replies += 1
            total.stopped += turn.stopped
            total.priced += turn.priced
            total.usage += turn.usage
            total.cost_usd += turn.cost_usd
        return found

    @classmethod
    def last(cls, folder: Path) -> "Conversation":
        """The conversation in which something was said last, to go on with it.

        Raises:
            UsageError: there is none, or its file cannot be read.
        """
        files = sorted(folder.glob("*.jsonl"), key=lambda path: (path.stat().st_mtime_ns, path.name))
        if not files:
            raise UsageError(f"there is no conversation in {str(folder)!r} to resume; leave out --resume")
        found = cls(folder)
        found.path = files[-1]
        found._read(found.path.read_bytes())
        return found

    def _read(self, raw: bytes) -> None:
        assert self.path is not None
        rows = raw.split(b"\n")
        torn = rows.pop()  # what follows the last line end: nothing, or a line that was not finished
        for number, row in enumerate(rows, 1):
            try:
                turn = _decoder.decode(row)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise UsageError(
                    f"{self.path}, line {number}: no turn of a conversation: {error}; take the line out, or begin anew"
                ) from None
            if turn.message.role == "system":
                self.system = turn.message.text
            else:
                self.turns.append(turn)
        if torn:
            with contextlib.suppress(OSError), self.path.open("r+b") as file:
                file.truncate(len(raw) - len(torn))
        if len(self.turns) % 2:  # a question whose reply was not written any more
            self.turns.pop()


_decoder = msgspec.json.Decoder(Turn)
