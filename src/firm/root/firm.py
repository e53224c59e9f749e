"""`Firm`: a folder in which runs live, opened by this process.

One rule: it behaves alike whether this process owns the home or another one does; what differs is behind the
desk (`Owner`, `Visitor`).
"""

import asyncio
import contextlib
import difflib
import itertools
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextvars import Token
from dataclasses import replace
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, cast

from firm.agent.agent import Agent, level_of
from firm.agent.context import window_of
from firm.agent.notes import notes_of
from firm.agent.report import Report
from firm.agent.window import Window
from firm.errors import JournalCorrupt, JournalError, JournalNewer, UsageError
from firm.ids import check_id
from firm.kernel.context import opened
from firm.kernel.definition import WorkflowDef, workflow_of
from firm.kernel.journal import Row, is_stopped
from firm.kernel.ports import SystemIds
from firm.kernel.status import Status
from firm.kernel.value import BUILTIN
from firm.ledger.books import Books
from firm.ledger.forward import books_of
from firm.ledger.ledger import Ledger
from firm.ledger.view import PurseView
from firm.model.models import Given, Models
from firm.org.program import find_neighbours
from firm.policy.approval import FOUNDER, CheckProof
from firm.policy.broker import Broker
from firm.policy.capability import Capability
from firm.policy.gate import Command, TakeUp
from firm.policy.redact import Redactor, guard_logs
from firm.policy.rulebook import EVERYTHING
from firm.policy.secret import Secrets
from firm.root import spool
from firm.root.charters import acting_as, charter_of, limited, named
from firm.root.command import FirmTill, ReserveAtDesk, TakeBack, command_of, rulebook_of
from firm.root.config import Config, Egress, read_config
from firm.root.handle import Run
from firm.root.home import Home, find_home
from firm.root.inbox import Details, NotesView, ReportView, detail_of, notes_view, reports_in
from firm.root.lock import Lock, holder_of
from firm.root.models import models_of
from firm.root.owner import Owner, own, unfinished
from firm.root.request import Request, What, asked_of, find_question, find_standing
from firm.root.stopping import Scope, agents_at_work, agents_in, stopped_in
from firm.root.treasury import standing_of
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
from firm.units import Budget, budget_of

if TYPE_CHECKING:
    from firm.policy.identity import Session

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
        self._command: Command | None = None
        self._broker = Broker(Secrets(home.state), Redactor())
        self._end_guard: Callable[[], None] | None = None
        self._token: Token[object | None] | None = None
        self._resume = resume
        self._engine = engine
        self._name = ""
        self._numbers = itertools.count(1)
        self._opened: Owner | Visitor | None = None
        self._details = Details()

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
        find_neighbours(self.home.folder)
        self._end_guard = guard_logs(self._broker.redactor)
        self._models = models_of(
            self.config,
            self.home,
            self._given,
            till=FirmTill(self),
            secrets=self._broker.get,
            redact=self._broker.redactor.clean,
        )
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
        if self._command is not None:
            self._command.holds.close()
        try:
            await desk.close(self.grace_s)
        finally:
            self._opened = None
            if self._models is not None:
                await self._models.close()
            if self._end_guard is not None:
                self._end_guard()
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
        visitor = Visitor(
            self.home, journal, self._become_owner if self._engine else None, self._name, self.config
        )
        self._furnish(visitor.reserve, None, await stopped_in(journal))
        return visitor

    async def _become_owner(self, lock: Lock) -> Owner:
        return await own(self.home, lock, self.config, resume=self._resume, firm=self)

    # --- the command (for whoever owns the home) --------------------------------------------------------------------

    def furnish(self, ledger: Ledger, stopped: frozenset[str], asked: Iterable[tuple[str, int]]) -> None:
        """Make the command that the gate goes by, when this process becomes the owner."""
        self._furnish(ledger.reserve, ledger.reopen, stopped, ledger.reopen_at)
        for who, at_us in asked:
            self.command.flood.note(who, at_us)

    def _furnish(
        self,
        reserve: ReserveAtDesk,
        take_up: TakeUp | None,
        stopped: frozenset[str],
        take_back: TakeBack | None = None,
    ) -> None:
        self._command = command_of(
            self.config,
            self.home,
            reserve=reserve,
            take_up=take_up,
            take_back=take_back,
            stopped=stopped,
            broker=self._broker,
        )

    @property
    def command(self) -> Command:
        """What the gate goes by: rules, money, secrets, the founder's key."""
        if self._command is None:
            raise UsageError("the firm is not open; use `async with Firm.open(...) as firm:`")
        return self._command

    @property
    def egress(self) -> tuple[Egress, ...]:
        """Which hosts each agent may reach, from firm.toml; `firm.agent.fetch.allowed` finds it here."""
        return self.config.egress

    @property
    def check_proof(self) -> CheckProof:
        """Says whether an answer is the founder's."""
        return self.command.check_proof

    @property
    def stopped(self) -> frozenset[str]:
        """Agents that were stopped; with '*' the whole firm is."""
        return self.command.rulebook.stopped

    def set_stopped(self, stopped: frozenset[str]) -> None:
        """From now on the gate lets nothing of these through."""
        self._command = replace(self.command, rulebook=rulebook_of(self.config, stopped))

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
        self,
        target: object,
        *args: Any,
        id: str | None = None,
        budget: Budget | float | None = None,
        capabilities: Sequence[Capability] | None = None,
        agent: str = "",
        effort: object = None,
    ) -> Run:
        """Start a workflow, durable on return. The same id with the same work joins the run that is there.

        Args:
            target: A `@workflow` function, or an `Agent` (then the arguments are its task).
            args: Its arguments, of the declared types.
            id: 1..200 printable characters; None: one is drawn.
            budget: What it and everything that it begins may spend at most; a number is US dollars. None: only
                the firm's own limits hold.
            capabilities: What it may call; None: what the rules allow.
            agent: In whose name it acts: budgets, rules and capabilities of that agent in firm.toml hold.
            effort: For an agent: a level instead of its own. Workflows take none.

        Raises:
            UsageError: not a workflow, arguments that do not fit or cannot be stored, an id that stands for
                other work, a budget that cannot be, or code that the owner of the home has in another version.
        """
        definition = workflow_of(target)
        acting = target if isinstance(target, Agent) else None
        if effort is not None:
            args = _with_effort(target, args, effort)
        if id == FOUNDER:
            raise UsageError(f"run id {id!r} is the name under which you send messages; take another id")
        charter = b""
        if budget is not None or capabilities is not None or agent or limited(acting):
            id = id or f"{definition.slug}-{SystemIds().draw()}"
            granted = charter_of(id, agent, budget_of(budget), capabilities)
            charter = (granted if acting is None else acting_as(acting, granted, id)).encode()
        elif acting is not None:
            charter = named(acting.name)
        run_id = await self._desk.start(target, args, id, charter)
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
        standing = await find_standing(check_id(run_id, "run id"), self._desk.journal)
        if is_stopped(standing.status, standing.reason):
            await self._ask("release", run_id, "run")
        else:
            await self._ask("resume", run_id)

    async def stop(self, target: str | None = None) -> None:
        """Stop an agent, a run with all that it began, or (None) the whole firm: at once, durable on return.

        After that nothing of it begins or takes effect, until `release`. What was under way with effect 'once' is
        in doubt.

        Args:
            target: Id of a run, else name of an agent.

        Raises:
            UsageError: the run has ended.
        """
        await self._ask("stop", *await self._scope(target))

    async def release(self, target: str | None = None) -> None:
        """Let go on what `stop` has stopped.

        Raises:
            UsageError: the run has ended.
        """
        await self._ask("release", *await self._scope(target))

    async def is_agent(self, name: str) -> bool:
        """Whether this is the name of an agent that is known here, and no run's id.

        Raises:
            UsageError: it is neither.
        """
        return (await self._scope(name))[1] == "agent"

    async def _scope(self, target: str | None) -> tuple[str, Scope]:
        if target is None:
            return EVERYTHING, "all"
        journal = self._desk.journal
        if await journal.standing(check_id(target, "run or agent")) is not None:
            return target, "run"
        known = {*agents_in(self.config), *await stopped_in(journal), *await agents_at_work(journal)}
        if target not in known:
            near = difflib.get_close_matches(target, sorted(known), n=1)
            hint = f"did you mean {near[0]!r}?" if near else "`firm ps` lists runs"
            raise UsageError(f"there is no run {target!r}, and no agent of that name; {hint}")
        return target, "agent"

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

    # --- money ------------------------------------------------------------------------------------------------------

    async def books(self) -> tuple[Books, list[PurseView]]:
        """What was spent, as the journal has it, and how the purses of firm.toml stand."""
        books = await books_of(self._desk.journal)
        return books, standing_of(books, self.config)

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
        journal = self._desk.journal
        return await self._details.views(await journal.questions(), journal)

    async def question(self, question_id: str) -> QuestionView:
        """One question that waits for a person.

        Raises:
            UsageError: there is none, or it was answered; it says when, and by whom.
        """
        journal = self._desk.journal
        question = await find_question(question_id, journal)
        return question_view(question, await detail_of(question, journal))

    async def reports(self, run_id: str | None = None, *, since: datetime | None = None) -> list[ReportView]:
        """What the founder was told with `report`, the newest first.

        Args:
            run_id: Only by this run and what it began; None: by all, and outside of runs.
            since: Only then or later; a datetime with a time zone.
        """
        return await reports_in(self._desk.journal, self.home, run_id, since)

    async def notes(self, run_id: str) -> NotesView | None:
        """What the agent of a run has noted, with its to-do list; None where there is nothing."""
        return notes_view(await notes_of(self._desk.journal, check_id(run_id, "run id")))

    async def rows(
        self, book: str, *, prefix: str = "", after: str = "", limit: int | None = None
    ) -> list[Row]:
        """Rows of a book by key, in order; what a part keeps beside its runs, as the lab its candidates.

        Args:
            book: Its name.
            prefix: Only keys that begin so.
            after: Only keys behind this one.
            limit: At most so many.
        """
        return await self._desk.journal.rows(book, prefix=prefix, after=after, limit=limit)

    async def keep_report(self, report: Report) -> None:
        """Keep what was told outside of any run, durable on return; `firm.report` finds it here."""
        await self._ask("report", f"{report.at_us:016d}.{SystemIds().draw()}", value=report.encode())

    async def answer(self, question_id: str, value: Any, *, session: "Session | None" = None) -> None:
        """Answer a question, durable on return.

        An approval takes `{"do": "accept"}`, `{"do": "edit", "args": {…}}`, `{"do": "say", "words": …}` or
        `{"do": "refuse", "reason": …}`.

        Args:
            question_id: From `inbox`.
            value: One of its options, or builtins.
            session: The founder's, from `firm.policy.identity.open_session`; without it the answer is recorded as
                unverified, and lets nothing through that sends or spends.

        Raises:
            UsageError: there is no such question, it is closed, the value is none of its options, or the answer
                needs a session.
        """
        proof = b""
        if session is not None:
            value, proof = await self._signed(question_id, value, session)
        await self._ask("answer", question_id, value=BUILTIN.encode(value), proof=proof)

    async def _signed(self, question_id: str, value: Any, session: "Session") -> tuple[Any, bytes]:
        from firm.policy.identity import sign_answer

        journal, now_us = self._desk.journal, time.time_ns() // 1000
        asked = await asked_of(await find_question(question_id, journal), journal)
        proof = sign_answer(session, question_id, asked.hash if asked is not None else "", value, now_us)
        if asked is not None and isinstance(value, dict):
            return {**value, "proof": proof}, b""
        return value, BUILTIN.encode(proof)

    async def window(self, run_id: str) -> Window:
        """The context window of an agent's run, as it stands.

        Raises:
            UsageError: there is no such run, it is no agent's, or its code is not there or has changed.
        """
        return await window_of(self._desk.journal, check_id(run_id, "run id"))

    # --- behind the handles -----------------------------------------------------------------------------------------

    async def _ask(
        self,
        what: What,
        target: str,
        name: str = "",
        value: bytes = b"",
        key: str = "",
        proof: bytes = b"",
    ) -> None:
        number = next(self._numbers)
        target = check_id(target, "question id" if what == "answer" else "run id")
        await self._desk.do(
            Request(f"{self._name}.{number:09d}", what, target, name, value, key, proof=proof)
        )

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


def _with_effort(target: object, args: tuple[Any, ...], effort: object) -> tuple[Any, ...]:
    """The arguments of an agent with this effort."""
    if not isinstance(target, Agent):
        raise UsageError(f"effort={effort!r}: a workflow takes none; give it to the agents that it runs")
    if len(args) != 1:
        raise UsageError(f"effort={effort!r}: give the agent its task, and nothing else; got {args!r:.200}")
    return (*args, "", level_of(cast("Any", effort), f"agent {target.name!r}"))


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
