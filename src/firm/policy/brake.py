"""Brakes: what goes on without end is held, with one line in the inbox, until the founder says that it may go on.

One rule: what is held has not begun; nothing of it stands in the journal, so a replay, a restart and a changed limit
find it where it was. What is counted is not decided here: `firm.policy.runaway` and `firm.model.storm` shut a brake.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from firm.errors import FirmError, LoopDetected
from firm.ids import digest
from firm.kernel.hold import HELD
from firm.kernel.journal import Question
from firm.kernel.value import BUILTIN
from firm.policy.approval import GO_ON

BRAKE = "brake"
"""Kind of the firm's own questions that brakes put."""
CLOSED = "closed"
"""Who answered a line that became moot."""
CHOICE = "'go on', or 'stop' it?"

Word = Callable[[bool | None], None]
"""Told what the founder said: go on, or stop; None: nobody had asked."""

log = logging.getLogger("firm")


def asks_about(question: str, reason: str) -> bool:
    """Whether the question of this id is the line of the brake that holds a run whose standing has this reason."""
    key = reason.removeprefix(HELD)
    return key != reason and question.startswith(_line_of(key))


def _line_of(key: str) -> str:
    return f"{BRAKE}-{digest(key)[:10]}-"


class Desk(Protocol):
    """Where runs are held and lines are put: the worker."""

    async def find(self, id: str) -> Question | None:
        """A question of the journal."""
        ...

    async def ask(self, id: str, text: str) -> None:
        """Put a line into the inbox, durable on return."""
        ...

    async def close(self, id: str) -> None:
        """Close a line that is moot."""
        ...

    def free(self, key: str, count: int | None = None) -> int:
        """Let what is held begin; see `Worker.free`."""
        ...

    def held(self, key: str) -> int:
        """Runs that are held."""
        ...

    async def cost(self, run: str) -> str:
        """What a run has cost so far, in words; '' where nobody knows."""
        ...


class Brake:
    """One brake that was shut at some time."""

    __slots__ = ("go_ons", "key", "number", "shut", "stopped", "text", "word")

    def __init__(self, key: str) -> None:
        self.key = key
        self.number = 1
        """Of its latest line."""
        self.go_ons = 0
        """How often the founder has let it go on."""
        self.shut = False
        """What comes is held."""
        self.stopped = False
        """What comes fails: the founder has stopped it."""
        self.text = ""
        self.word: Word | None = None
        """None: what is held goes on, or fails, as was said."""

    @property
    def line(self) -> str:
        """Id of its latest line."""
        return f"{_line_of(self.key)}{self.number}"

    def error(self) -> LoopDetected:
        """What those get that come after the founder has stopped it."""
        return LoopDetected(f"{self.text or self.key}; the founder has stopped it")


class Brakes:
    """All brakes of a firm; shared by all its commands."""

    def __init__(self) -> None:
        self.desk: Desk | None = None
        """None: nothing can be held here, since no runs are carried."""
        self.brakes: dict[str, Brake] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    def state(self, key: str) -> str | Exception:
        """What becomes of a call that this brake is for: '' goes on, its key: held, an error: fails."""
        brake = self.brakes.get(key)
        if brake is None or not (brake.shut or brake.stopped):
            return ""
        return key if brake.shut else brake.error()

    def go_ons(self, key: str) -> int:
        """How often the founder has let it go on."""
        brake = self.brakes.get(key)
        return 0 if brake is None else brake.go_ons

    def shut(self, key: str, text: str, *, run: str = "", word: Word | None = None) -> str | Exception:
        """Hold what comes from now on, and put one line into the inbox; what `state` says then.

        Args:
            key: Names the brake.
            text: What goes on without end: what, how often, since when.
            run: Whose cost is told with it; '': none.
            word: Told of the founder's word instead of letting go on, or fail, what is held.
        """
        if self.desk is None:
            return ""
        brake = self.brakes.get(key)
        if brake is None:
            brake = self.brakes[key] = Brake(key)
        if brake.stopped and word is None:
            return brake.error()
        if not brake.shut:
            brake.shut, brake.stopped, brake.text, brake.word = True, False, text, word
            self._spawn(self._ask(brake, run))
        return key

    def over(self, key: str) -> None:
        """It has ended by itself: its line is closed; what is held is for the caller to free."""
        brake = self.brakes.get(key)
        if brake is not None and brake.shut:
            brake.shut = False
            self._spawn(self._close(brake))

    def answered(self, question: Question) -> None:
        """The founder has answered a question of the firm."""
        if question.kind != BRAKE:
            return
        for brake in self.brakes.values():
            if brake.shut and brake.line == question.id:
                brake.number += 1
                brake.go_ons += _goes_on(question)
                self._go_by(brake, question)
                return

    def restore(self, key: str, word: Word | None = None) -> None:
        """Runs are held by this brake since an earlier life: it is shut, unless it was answered or closed since."""
        brake = self.brakes[key] = Brake(key)
        brake.shut, brake.word = True, word
        self._spawn(self._ask(brake, "", restored=True))

    def tidy(self, key: str) -> None:
        """Close the line of a brake that is not shut, if one is open."""
        brake = self.brakes.setdefault(key, Brake(key))
        self._spawn(self._tidy(brake))

    async def _tidy(self, brake: Brake) -> None:
        assert self.desk is not None
        while not brake.shut and (found := await self.desk.find(brake.line)) is not None:
            if not found.answered_us:
                await self.desk.close(brake.line)
            brake.number += 1

    def _go_by(self, brake: Brake, question: Question) -> None:
        go_on = _goes_on(question)
        brake.shut, brake.stopped = False, not go_on
        brake.text = brake.text or _said(question)
        if brake.word is not None:
            brake.word(go_on)
        elif self.desk is not None:
            self.desk.free(brake.key)

    async def _ask(self, brake: Brake, run: str, *, restored: bool = False) -> None:
        """Put its line, unless that was done, and perhaps answered, in an earlier life."""
        desk, last = self.desk, None
        assert desk is not None
        while (found := await desk.find(brake.line)) is not None and found.answered_us:
            last = found
            brake.number += 1
            brake.go_ons += found.by != CLOSED and _goes_on(found)
        if not brake.shut:
            return
        if found is not None:
            brake.text = brake.text or _said(found)
        elif last is not None and (restored or brake.word is None):
            self._go_by(brake, last)
        elif restored:  # nobody was asked: it is judged anew
            brake.shut = False
            if brake.word is not None:
                brake.word(None)
            else:
                desk.free(brake.key)
        else:
            cost = await desk.cost(run) if run else ""
            await desk.ask(brake.line, f"{brake.text}{cost}. {CHOICE}")
            if _is_open(brake):  # it was over meanwhile
                await desk.close(brake.line)

    async def _close(self, brake: Brake) -> None:
        assert self.desk is not None
        await self.desk.close(brake.line)

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.get_running_loop().create_task(_logged(work), name="firm-brake")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _logged(work: Coroutine[Any, Any, Any]) -> None:
    try:
        await work
    except FirmError as error:  # the firm is being closed, or its disk is full: asked again at the next look
        log.warning("a line of a brake could not be written: %s", error)


def _is_open(brake: Brake) -> bool:
    return not brake.shut


def _goes_on(question: Question) -> bool:
    """Whether the answer lets it go on."""
    return question.by == CLOSED or BUILTIN.decode(question.answer) == GO_ON


def _said(question: Question) -> str:
    """What a line says, without the choice."""
    return question.text.removesuffix(f". {CHOICE}")
