"""All purses that are known: which of them a call counts against.

One rule: the firm's is always among them; those that the founder has set up are found by the call's tags, and what a
caller gives under their ids changes nothing about them.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

from firm.ledger.books import Books
from firm.ledger.line import Tags, purses_of
from firm.ledger.period import PERS
from firm.ledger.pocket import Meter, Pace, Pocket, Queue, weigh
from firm.ledger.reservation import Reservation
from firm.units.amount import usd_micro_of
from firm.units.purse import Limit, Purse


class Pockets:
    """Purses by id.

    Args:
        books: What was spent before.
        purses: The founder's.
        usd_per_minute: The breaker's limits by purse id; 'agent/' is for all agents without one of their own.
        wake: Told of each line before a limit that was changed.
    """

    def __init__(
        self,
        books: Books,
        purses: Iterable[Purse],
        *,
        usd_per_minute: Mapping[str, float],
        wake: Callable[[Queue], None],
    ) -> None:
        self.known: dict[str, Pocket] = {}
        self._wake = wake
        self._books = books
        self._pace = {
            id: usd_micro_of(usd, f"usd_per_minute of {id!r}") for id, usd in usd_per_minute.items()
        }
        self._fixed = {purse.id: purse for purse in purses}
        self._by_tags: dict[tuple[str, str, str], tuple[Pocket, ...]] = {}

    def route(
        self, tags: Tags, purses: Sequence[Purse], now_us: int, held: Iterable[Reservation]
    ) -> tuple[Pocket, ...]:
        """What a call counts against, each once.

        Args:
            held: All reservations that are open, asked where a purse comes back with other limits.
        """
        key = (tags.unit, tags.agent, tags.goal)
        pockets = self._by_tags.get(key)
        if pockets is None:
            wanted = [id for id in purses_of(tags) if self._wants(id)]
            pockets = self._by_tags[key] = tuple([self.at(id, now_us) for id in wanted])
        if not purses:
            return pockets
        found = list(pockets)
        for purse in purses if len(purses) == 1 else _each_once(purses):
            pocket = self.known.get(purse.id)
            if pocket is None:
                pocket = self._make(purse, now_us, fixed=False)
            elif pocket.given is not purse and not pocket.fixed and pocket.given != purse:
                self._change(pocket, purse, now_us, held)
            if pocket not in found:
                found.append(pocket)
        return tuple(found)

    def at(self, id: str, now_us: int) -> Pocket:
        """The purse of this id; without limits where none are known."""
        pocket = self.known.get(id)
        if pocket is None:
            pocket = self._make(self._fixed.get(id) or Purse(id), now_us, fixed=id in self._fixed)
        return pocket

    def named(self, tags: Tags, purses: Iterable[str], now_us: int) -> tuple[Pocket, ...]:
        """What a reservation of the books counts against: all its purses, with the limits that are known."""
        return tuple([self.at(id, now_us) for id in purses_of(tags, purses)])

    def _wants(self, id: str) -> bool:
        known = id in self.known or id in self._fixed or id in self._books.breakers
        return known or self._pace_of(id) is not None

    def _pace_of(self, id: str) -> int | None:
        return self._pace.get(id, self._pace.get(id.partition("/")[0] + "/"))

    def _make(self, purse: Purse, now_us: int, *, fixed: bool) -> Pocket:
        pocket = Pocket(purse, fixed=fixed, opening=self._books.purses.get(purse.id))
        self.known[purse.id] = pocket
        self._by_tags.clear()  # calls with its tags count against it from now on
        pocket.meters = [self._meter(pocket, limit, now_us) for limit in _strictest(purse.limits)]
        pace = self._pace_of(purse.id)
        pocket.pace = None if pace is None else Pace(pace)
        if purse.id in self._books.breakers:
            breaker = self._books.breakers[purse.id]
            pocket.gate, pocket.closed, pocket.stopped = Queue(), breaker.text, breaker.stopped
        return pocket

    def _change(self, pocket: Pocket, purse: Purse, now_us: int, held: Iterable[Reservation]) -> None:
        """A purse comes back with other limits: what it has spent stays spent."""
        before = {(meter.limit.measure, meter.limit.per): meter for meter in pocket.meters}
        meters = []
        for limit in _strictest(purse.limits):
            meter = before.pop((limit.measure, limit.per), None)
            if meter is None:
                meter = self._meter(pocket, limit, now_us)
                for one in held:
                    if pocket in one.pockets:
                        weigh(meter, one)
            meter.limit, meter.most = limit, limit.most
            meters.append(meter)
        pocket.meters, pocket.given = meters, purse
        for meter in (*meters, *before.values()):
            self._wake(meter)

    def _meter(self, pocket: Pocket, limit: Limit, now_us: int) -> Meter:
        """A meter that knows what was spent in its period.

        What was spent since the ledger was opened counts whole, in whatever period: rather too much than too little.
        """
        meter = Meter(pocket.id, limit, now_us)
        if pocket.opening is not None:
            start_us, *spent = pocket.opening[PERS.index(limit.per)]
            if start_us == meter.start_us:
                meter.spent = spent[meter.index]
        meter.spent += pocket.total[meter.index]
        return meter


def _each_once(purses: Sequence[Purse]) -> list[Purse]:
    """Purses by id; what stands twice holds with the limits of both."""
    found: dict[str, Purse] = {}
    for purse in purses:
        same = found.get(purse.id)
        found[purse.id] = (
            purse if same is None or same == purse else Purse(purse.id, same.limits + purse.limits)
        )
    return list(found.values())


def _strictest(limits: Iterable[Limit]) -> list[Limit]:
    """Of limits of the same measure and period the least."""
    found: dict[tuple[str, str], Limit] = {}
    for limit in limits:
        key = (limit.measure, limit.per)
        if key not in found or limit.most < found[key].most:
            found[key] = limit
    return list(found.values())
