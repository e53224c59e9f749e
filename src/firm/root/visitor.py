"""A process on a home that it does not own: it reads the journal and puts requests into the spool.

One rule: a request counts from the moment its file is there; whoever owns the home by then, or next, carries it
out, and the outcome is read from the journal.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Sequence

from firm.errors import FirmError, JournalError, RunStuck, UsageError
from firm.ids import check_id, slug
from firm.kernel.carrier import Ended
from firm.kernel.claims import IN_DOUBT
from firm.kernel.definition import workflow_of
from firm.kernel.ports import SystemIds
from firm.kernel.status import TERMINAL, Status
from firm.ledger.line import Tags
from firm.policy.gate import Reservation
from firm.root import spool
from firm.root.config import Config
from firm.root.home import Home
from firm.root.lock import Lock, holder_of
from firm.root.owner import Owner, clerk, take_in_without_engine
from firm.root.paying import RemoteTicket, wanted
from firm.root.request import BOOK, Request, check_kept, error_in, find_standing, tried
from firm.store.sqlite import SqliteJournal
from firm.units.amount import Amount
from firm.units.purse import Purse

FIRST_LOOK_S = 0.004
LOOK_S = 0.1
"""How often a waiting visitor looks into the journal, at the longest."""
TAKE_OVER_S = 0.2
"""How often it tries whether the owner has gone."""
PATIENCE_S = 5.0
"""How long before it says that it waits for the owner."""

log = logging.getLogger("firm")
Become = Callable[[Lock], Awaitable[Owner]]


class Visitor:
    """Asks the owner; takes its place when it goes away.

    Args:
        home: The home.
        journal: Opened read-only.
        become: Makes this process the owner; None: it never carries runs, and only does what needs no engine.
        name: Name of this sender, see `spool.new_sender`.
        config: Settings of the firm, for what is done while nobody owns the home.
    """

    def __init__(
        self, home: Home, journal: SqliteJournal, become: Become | None, name: str, config: Config
    ) -> None:
        self.home = home
        self.journal = journal
        self.owner: Owner | None = None
        """Set when this process has taken over."""
        self._name = name
        self._config = config
        self._become = become
        self._failed: FirmError | None = None
        self._started = 0
        self._told = False
        """Whether what calls took lies in the spool."""
        self._watch = (
            asyncio.create_task(self._watch_lock(), name="firm-visitor") if become is not None else None
        )

    # --- what a desk does ---------------------------------------------------------------------------------------

    async def start(
        self, target: object, args: tuple[object, ...], id: str | None, charter: bytes = b""
    ) -> str:
        """Ask for a run to be started; its id, when the owner has started it."""
        definition = workflow_of(target)
        if "<locals>" in definition.reference:
            raise UsageError(
                f"workflow {definition.name!r} stands inside a function, where the owner of the home "
                f"({holder_of(self.home.lock)}) cannot find it; put it at the top of a file"
            )
        body = definition.signature.encode_args(args, {})
        run_id = f"{slug(definition.name)}-{SystemIds().draw()}" if id is None else check_id(id, "run id")
        if self._become is None:
            raise UsageError("nothing is started here: this firm was opened only to look and to answer")
        self._started += 1
        name = f"{self._name}s.{self._started:09d}"
        code = definition.code
        await self.do(Request(name, "start", run_id, definition.reference, body, code, charter))
        return run_id

    async def do(self, request: Request) -> None:
        """Ask for anything, durable on return.

        Raises:
            UsageError: it was refused.
        """
        spool.put(self.home, request)
        pause_s, since_s = FIRST_LOOK_S, time.monotonic()
        while True:
            rows = await self.journal.rows(BOOK, prefix=request.id)
            if rows and rows[0] != tried(request):
                error = error_in(rows[0])
                if error is not None:
                    raise error
                return
            await self._pause(pause_s)
            pause_s = min(LOOK_S, 1.5 * pause_s)
            if time.monotonic() - since_s > PATIENCE_S:
                since_s = float("inf")
                log.warning(
                    "waiting for %s to take in: %s %s",
                    holder_of(self.home.lock),
                    request.what,
                    request.target,
                )

    async def reserve(self, most: Amount, purses: Sequence[Purse], tags: Tags) -> Reservation:
        """Hold money for a call, in the owner's ledger.

        Raises:
            BudgetExceeded: there is no room for it.
        """
        if self.owner is not None:
            return await self.owner.reserve(most, purses, tags)
        self._started += 1
        request = Request(
            f"{self._name}m{self._started}.{1:09d}", "reserve", "money", value=wanted(most, purses, tags)
        )
        await self.do(request)
        return RemoteTicket(request.id, self._tell)

    def _tell(self, reserved_by: str, value: bytes) -> None:
        """What became of a call whose money the owner holds; taken in by whoever owns the home then, or next."""
        self._started += 1
        spool.put(
            self.home, Request(f"{self._name}m{self._started}.{1:09d}", "close", reserved_by, value=value)
        )
        self._told = True

    async def ended(self, run_id: str) -> Ended:
        """Wait until a run has ended; as `Worker.ended`."""
        pause_s = FIRST_LOOK_S
        while self.owner is None:
            standing = await find_standing(run_id, self.journal)
            if standing.status in TERMINAL:
                await check_kept(run_id, self.journal)
                last = (await self.journal.read(run_id))[-1]
                return Ended(standing.status, last.body, standing.workflow)
            if standing.status is Status.STUCK and standing.reason != IN_DOUBT:
                raise RunStuck(f"run {run_id!r} is stuck: {standing.reason}; see `firm inbox`")
            await self._pause(pause_s)
            pause_s = min(LOOK_S, 1.5 * pause_s)
        return await self.owner.ended(run_id)

    async def close(self, grace_s: float) -> None:
        """Stop asking."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        self._failed = self._failed or UsageError(
            "the firm was closed while something was awaited; open it again"
        )
        if self.owner is not None:
            await self.owner.close(grace_s)
        else:
            if self._told:
                await self._be_clerk()
            self.journal.close()

    @property
    def parked(self) -> list[str]:
        """Runs that this process has parked."""
        return self.owner.parked if self.owner is not None else []

    # --- when the owner goes away ---------------------------------------------------------------------------------

    async def _pause(self, pause_s: float) -> None:
        if self._failed is not None:
            raise self._failed
        if self._become is None:
            await self._be_clerk()
        await asyncio.sleep(pause_s)

    async def _be_clerk(self) -> None:
        async with clerk(self.home) as journal:
            if journal is not None:
                await take_in_without_engine(self.home, journal, self._config)

    async def _watch_lock(self) -> None:
        while self.owner is None:
            await asyncio.sleep(TAKE_OVER_S)
            try:
                lock = Lock.take(self.home.lock, "")
                if lock is not None:
                    await self._take_over(lock)
            except FirmError as error:
                self._failed = error
                log.error("the home cannot be taken over: %s", error)
                return

    async def _take_over(self, lock: Lock) -> None:
        assert self._become is not None
        reading = self.journal
        owner = await self._become(lock)
        self.journal = owner.journal
        self.owner = owner
        with contextlib.suppress(JournalError):
            reading.close()
        log.info("the owner of %s has gone; this process carries on", self.home.folder)
