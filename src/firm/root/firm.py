"""`Firm`: a folder in which runs live, opened by this process.

One rule: it behaves alike whether this process owns the home or another one does; what differs is behind the
desk (`Owner`, `Visitor`).
"""

import asyncio
import contextlib
import itertools
import os
import sys
import time
from collections.abc import Mapping
from contextvars import Token
from types import TracebackType
from typing import Any, Self, cast

from firm.errors import JournalCorrupt, JournalError, JournalNewer, UsageError
from firm.ids import check_id
from firm.kernel.context import opened
from firm.kernel.definition import WorkflowDef, workflow_of
from firm.kernel.status import Status
from firm.kernel.value import BUILTIN
from firm.model.models import Given, Models
from firm.root import spool
from firm.root.config import Config, read_config
from firm.root.handle import Run
from firm.root.home import Home, find_home
from firm.root.lock import Lock, holder_of
from firm.root.models import models_of
from firm.root.owner import Owner, own, unfinished
from firm.root.request import FOUNDER, Request, What, find_standing
from firm.root.view import (
    EventView,
    QuestionView,
    RunView,
    SpanView,
    arguments_of,
    event_view,
    question_view,
    run_view,
    span_view,
)
from firm.root.visitor import Visitor
from firm.store.sqlite import SqliteJournal
from firm.trace import spans_of

CLOSE_GRACE_S = 2.0
"""How long steps under way may take to end when the block is left; after that they are cancelled."""
OPEN_S = 10.0
"""How long a new owner may take to make the journal before a visitor gives up."""


class Firm:
    """A firm that is open in this process; made by `Firm.open`."""

    def __init__(
        self,
        home: Home,
        *,
        models: Mapping[str, Given] | None = None,
        resume: bool = True,
        engine: bool = True,
    ) -> None:
        self.home = home
        self.config = Config()
        self.grace_s = CLOSE_GRACE_S
        """How long leaving the block waits for steps under way."""
        self.parked: list[str] = []
        """After the block: the runs that this process has parked (without children), the newest first."""
        self._given = models
        self._models: Models | None = None
        self._token: Token[object | None] | None = None
        self._resume = resume
        self._engine = engine
        self._name = ""
        self._numbers = itertools.count(1)
        self._opened: Owner | Visitor | None = None

    @classmethod
    def open(
        cls,
        home: str | os.PathLike[str] | None = None,
        *,
        models: Mapping[str, Given] | None = None,
        resume: bool = True,
    ) -> "Firm":
        """A firm in a folder, for `async with Firm.open("my-firm") as firm:`.

        The first process on a home carries its runs; others ask it, and one of them takes over when it goes away.
        While a firm is open here that carries runs, the threshold of Python's cyclic collector is raised (see
        `firm.root.collector`). Leaving the block parks what is unfinished; it does not wait for it.

        Args:
            home: Folder, made if it is not there; None: $FIRM_HOME, else the nearest folder upward with
                `firm.toml` or `.firm/`, else the current folder.
            models: Models by name, `{"default": Model(url=…, name=…)}`; they go before those in `firm.toml`.
            resume: Whether unfinished runs go on at once; otherwise each does when something reaches it.

        Raises:
            UsageError: a home that is no folder or cannot be written, `firm.toml` with a wrong key.
            JournalError: the journal cannot be read or written (on entering the block).
        """
        return cls(find_home(home), models=models, resume=resume)

    @classmethod
    def visit(cls, home: str | os.PathLike[str] | None = None) -> "Firm":
        """As `open`, but to look, answer, send and cancel only: this process never carries runs."""
        return cls(find_home(home), engine=False)

    # --- the block --------------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        if self._opened is not None:
            raise UsageError("this firm is open already; make another with Firm.open()")
        self.home.make()
        self.config = read_config(self.home.config)
        self._models = models_of(self.config, self.home, self._given)
        self._name = spool.new_sender()
        deadline = time.monotonic() + OPEN_S
        while self._opened is None:
            self._opened = await self._try_to_open(last=time.monotonic() > deadline)
            if self._opened is None:
                await asyncio.sleep(0.02)
        self._token = opened.set(self)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        desk = self._desk
        if self._token is not None:
            with contextlib.suppress(ValueError):  # the block is left in another task than it was entered in
                opened.reset(self._token)
        try:
            await desk.close(self.grace_s)
        finally:
            self._opened = None
            if self._models is not None:
                await self._models.close()
        self.parked = desk.parked

    async def _try_to_open(self, *, last: bool) -> Owner | Visitor | None:
        if self._engine and (lock := Lock.take(self.home.lock, _command(), tries=4)) is not None:
            return await self._become_owner(lock)
        if not self._engine and not self.home.journal.exists():
            _make_journal(self.home)
        try:
            journal = SqliteJournal.open(self.home.state, read_only=True)
        except (JournalCorrupt, JournalNewer):
            raise
        except JournalError:
            if last or (holder_of(self.home.lock) is None and not self._engine):
                raise
            return None  # its owner is just making it
        return Visitor(self.home, journal, self._become_owner if self._engine else None, self._name)

    async def _become_owner(self, lock: Lock) -> Owner:
        return await own(self.home, lock, self.config, resume=self._resume, firm=self)

    @property
    def _desk(self) -> Owner | Visitor:
        if self._opened is None:
            raise UsageError("the firm is not open; use `async with Firm.open(...) as firm:`")
        return self._opened

    @property
    def models(self) -> Models:
        """The models of this firm; `chat` finds them here."""
        if self._models is None:
            raise UsageError("the firm is not open; use `async with Firm.open(...) as firm:`")
        return self._models

    @property
    def is_owner(self) -> bool:
        """Whether this process carries the runs."""
        desk = self._desk
        return isinstance(desk, Owner) or desk.owner is not None

    @property
    def fatal(self) -> BaseException | None:
        """Why the engine in this process has stopped; None while it works, or where there is none."""
        desk = self._desk
        owner = desk if isinstance(desk, Owner) else desk.owner
        return owner.worker.fatal if owner is not None else None

    # --- runs -------------------------------------------------------------------------------------------------------

    async def start(
        self, target: object, *args: Any, id: str | None = None, budget: object = None, effort: object = None
    ) -> Run:
        """Start a workflow, durable on return. The same id with the same work joins the run that is there.

        Args:
            target: A `@workflow` function.
            args: Its arguments, of the declared types.
            id: 1..200 printable characters; None: one is drawn.
            budget: For later parts; None for now.
            effort: For later parts; None for now.

        Raises:
            UsageError: not a workflow, arguments that do not fit or cannot be stored, an id that stands for
                other work, or code that the owner of the home has in another version.
        """
        for name, value in (("budget", budget), ("effort", effort)):
            if value is not None:
                raise UsageError(
                    f"{name}={value!r}: this version of firm does not account for it; leave it out"
                )
        definition = workflow_of(target)
        if id == FOUNDER:
            raise UsageError(f"run id {id!r} is the name under which you send messages; take another id")
        run_id = await self._desk.start(target, args, id)
        return Run(self, run_id, definition)

    def run(self, run_id: str) -> Run:
        """The handle of a run by its id; whether there is one shows when it is used."""
        return Run(self, check_id(run_id, "run id"))

    async def runs(
        self, status: Status | str | None = None, *, parent: str | None = None, limit: int = 1000
    ) -> list[RunView]:
        """How runs stand, the newest first.

        Args:
            status: Only those; a `Status` or its word.
            parent: Only the children of this run; '': only runs that are no children; None: all.
            limit: At most so many, at least 1.
        """
        try:
            wanted = None if status is None else Status(status)
        except ValueError:
            raise UsageError(f"status={status!r}; give one of {', '.join(Status)}") from None
        if limit < 1:
            raise UsageError(f"limit={limit!r}; give at least 1")
        found = await self._desk.journal.standings(status=wanted, parent=parent, limit=limit)
        return [run_view(standing) for standing in found]

    async def unfinished(self) -> list[RunView]:
        """Runs that have not ended, without children, the newest first."""
        return [run_view(standing) for standing in await unfinished(self._desk.journal)]

    async def resume(self, run_id: str) -> None:
        """Take up a run that is stuck or waits for its code, after that was put right.

        Raises:
            UsageError: there is no such run, it has ended, or it waits for an answer about an effect in doubt.
        """
        await self._ask("resume", run_id)

    async def find_unfinished(self, target: object, args: tuple[Any, ...]) -> Run | None:
        """The newest unfinished run of the same workflow with the same arguments, if there is one."""
        definition: WorkflowDef = workflow_of(target)
        wanted = arguments_of(definition.signature.encode_args(args, {}))
        journal = self._desk.journal
        for standing in await unfinished(journal):
            if standing.workflow == definition.reference:
                history = await journal.read(standing.run, whole=True)
                if history and event_view(history[0]).value == wanted:
                    return Run(self, standing.run, definition)
        return None

    # --- messages and questions -------------------------------------------------------------------------------------

    async def send(self, run_id: str, topic: str, value: Any, *, id: str | None = None) -> None:
        """Send a message to a run, durable on return, delivered once, in the order sent.

        Args:
            run_id: Of the receiver.
            topic: 1..200 characters.
            value: Builtins.
            id: Two sends with the same id are one.

        Raises:
            UsageError: there is no such run, it has ended, or the value cannot be stored.
        """
        key = "" if id is None else check_id(id, "message id")
        await self._ask("send", run_id, check_id(topic, "topic"), BUILTIN.encode(value), key)

    async def inbox(self) -> list[QuestionView]:
        """What waits for a person, the oldest first: questions, effects in doubt, runs that are stuck."""
        return [question_view(question) for question in await self._desk.journal.questions()]

    async def answer(self, question_id: str, value: Any) -> None:
        """Answer a question, durable on return.

        Raises:
            UsageError: there is no such question, it is closed, or the value is none of its options.
        """
        await self._ask("answer", question_id, value=BUILTIN.encode(value))

    # --- behind the handles -----------------------------------------------------------------------------------------

    async def _ask(self, what: What, target: str, name: str = "", value: bytes = b"", key: str = "") -> None:
        number = next(self._numbers)
        target = check_id(target, "question id" if what == "answer" else "run id")
        await self._desk.do(Request(f"{self._name}.{number:09d}", what, target, name, value, key))

    async def _view(self, run_id: str) -> RunView:
        return run_view(await find_standing(run_id, self._desk.journal))

    async def _events(self, run_id: str) -> list[EventView]:
        journal = self._desk.journal
        await find_standing(run_id, journal)
        return [event_view(event) for event in await journal.read(run_id, whole=True)]

    async def _spans(self, run_id: str) -> list[SpanView]:
        journal = self._desk.journal
        await find_standing(run_id, journal)
        return [span_view(kept) for kept in await spans_of(journal, run_id)]


def _make_journal(home: Home) -> None:
    """An empty journal, so that there is something to read."""
    lock = Lock.take(home.lock, _command())
    if lock is not None:
        try:
            SqliteJournal.open(home.state).close()
        finally:
            lock.release()


def _command() -> str:
    """How this process was called, for messages to others."""
    words = cast("list[str]", getattr(sys, "orig_argv", None) or sys.argv)
    return " ".join(words)[:200].encode("utf-8", "replace").decode()
