"""The ledger of a firm that is open here: made from the journal and firm.toml, its breakers asked about.

One rule: whatever a breaker has stopped stays so over a restart, until the founder has answered.
"""

import asyncio
import time
from typing import TYPE_CHECKING, Literal

from firm.kernel.journal import Also, Journal, Question, Row
from firm.kernel.value import BUILTIN
from firm.kernel.worker import Worker
from firm.ledger.books import BREAKER_BOOK, Books
from firm.ledger.forward import books_of
from firm.ledger.ledger import Ledger
from firm.ledger.view import PurseView
from firm.policy.approval import APPROVAL
from firm.root.config import Config
from firm.root.paying import Counter
from firm.root.request import asked_of
from firm.root.stopping import stopped_in
from firm.store.sqlite import SqliteJournal

if TYPE_CHECKING:
    from collections.abc import Callable

    from firm.ledger.pen import Keeper

FORWARD_EVERY = 5_000
"""Lines after which the books are brought forward when the firm is closed, so that opening stays quick."""
BREAKER = "breaker"
"""Kind of the firm's own question about a purse that spent too fast."""
GO_ON, STOP = "go on", "stop"
HOUR_US = 3_600_000_000


class WorkerKeeper:
    """Writes the ledger's rows with the commits of a worker."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def put(self, *rows: Row) -> None:
        """Write rows with the next commit."""
        self._worker.write_rows(*rows)

    async def commit(self, *rows: Row) -> object:
        """Write rows, durable on return."""
        return await self._worker.commit(*rows)


class DirectKeeper:
    """Gathers the ledger's rows where no engine runs."""

    def __init__(self) -> None:
        self.rows: list[Also] = []

    def put(self, *rows: Row) -> None:
        """Keep rows for whoever writes them."""
        self.rows += rows

    async def commit(self, *rows: Row) -> object:
        """Keep rows; nothing that waits for them goes on before they are written."""
        self.rows += rows
        return None


async def open_ledger(journal: SqliteJournal, worker: Worker, config: Config) -> Ledger:
    """The ledger of the worker that is about to start; it closes together with it."""
    asking: set[asyncio.Task[None]] = set()  # a task that nobody holds may vanish

    def trip(purse: str, text: str) -> None:
        task = asyncio.get_running_loop().create_task(_ask(worker, purse, text), name="firm-breaker")
        asking.add(task)
        task.add_done_callback(asking.discard)

    ledger = await _ledger(journal, WorkerKeeper(worker), config, worker.clock.now_us, trip)
    first = ledger.last

    async def close() -> None:
        await ledger.close()
        if ledger.last // FORWARD_EVERY != first // FORWARD_EVERY:
            await ledger.bring_forward(journal)

    worker.before_leaving = close
    return ledger


async def _ledger(
    journal: Journal,
    keeper: "Keeper",
    config: Config,
    now_us: "Callable[[], int]",
    on_trip: "Callable[[str, str], None] | None" = None,
) -> Ledger:
    return _ledger_over(await books_of(journal, days=False), keeper, config, now_us, on_trip)


def _ledger_over(
    books: Books,
    keeper: "Keeper",
    config: Config,
    now_us: "Callable[[], int]",
    on_trip: "Callable[[str, str], None] | None" = None,
) -> Ledger:
    budget = config.budget
    return Ledger(
        keeper,
        books,
        firm=budget.firm,
        purses=budget.purses,
        now_us=now_us,
        lost_after_s=budget.lost_after_s,
        lost=budget.lost,
        usd_per_minute={"firm": budget.usd_per_minute},
        on_trip=on_trip,
    )


def standing_of(books: Books, config: Config) -> list[PurseView]:
    """How the purses of firm.toml stand by these books; call it on a running loop. Nothing is written."""
    return _ledger_over(books, DirectKeeper(), config, lambda: time.time_ns() // 1000).view()


async def pay_without_engine(
    what: Literal["reserve", "close"], id: str, value: bytes, journal: SqliteJournal, config: Config
) -> list[Also]:
    """Reserve or close for a visitor while nobody owns the home; what is to be written for that.

    Raises:
        BudgetExceeded: there is no room for it.
    """
    keeper = DirectKeeper()
    ledger = await _ledger(journal, keeper, config, lambda: time.time_ns() // 1000)
    counter = Counter(ledger, journal)
    if what == "reserve":
        stopped = await stopped_in(journal)
        keeper.rows.append(await counter.reserve(id, value, lambda: stopped))
    else:
        await counter.close(id, value)
    await ledger.close()
    return keeper.rows


# --- breakers ------------------------------------------------------------------------------------------------------


async def _ask(worker: Worker, purse: str, text: str) -> None:
    id = f"{BREAKER}:{purse}:{worker.clock.now_us() // 1_000_000}"
    told = f"{text}. Shall they go on? What spent it: `firm spend`"
    await worker.ask_firm(id, BREAKER, told, [GO_ON, STOP])


def answered(question: Question, ledger: Ledger) -> None:
    """The founder has answered a question of the firm itself."""
    if question.kind == BREAKER:
        _, _, rest = question.id.partition(":")
        ledger.clear(rest.rpartition(":")[0], go_on=BUILTIN.decode(question.answer) == GO_ON)


def open_breakers(ledger: Ledger) -> None:
    """Let every purse go on that a breaker has stopped."""
    for view in ledger.view():
        if view.closed:
            ledger.clear(view.id, go_on=True)


async def settle_breakers(journal: SqliteJournal, worker: Worker, ledger: Ledger) -> None:
    """After a restart: heed what was answered meanwhile, and ask what a crash kept from being asked."""
    tripped = {row.key for row in await journal.rows(BREAKER_BOOK) if row.value}
    if not tripped:
        return
    newest: dict[str, Question] = {}
    for question in await journal.questions(open_only=False):
        if question.kind == BREAKER:
            newest[question.id.partition(":")[2].rpartition(":")[0]] = question
    for view in ledger.view():
        if view.id not in tripped or not view.closed:
            continue
        found = newest.get(view.id)
        if found is None:
            await _ask(worker, view.id, view.closed)
        elif found.answered_us:
            answered(found, ledger)


async def asked_lately(journal: Journal) -> list[tuple[str, int]]:
    """Approvals that were asked for within the last hour: by which agent or run, and when; the oldest first."""
    since_us = time.time_ns() // 1000 - HOUR_US
    lately = await journal.questions(open_only=False, since_us=since_us)
    found = []
    for question in lately:
        if question.kind == APPROVAL:
            asked = await asked_of(question, journal)
            who = "" if asked is None else asked.action.agent
            found.append((who or question.run.partition("/")[0], question.asked_us))
    return found
