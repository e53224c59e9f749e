"""Calls that a brake holds back: put back as if they had not begun, until they are let go.

One rule: nothing of a hold stands in the journal but the reason of the suspended run, so a replay makes the call anew
and a hold that nobody knows of any more is a call that begins.
"""

from typing import Protocol

from firm.kernel.call import Call
from firm.kernel.journal import Journal
from firm.kernel.pace import Brake
from firm.kernel.run import Run
from firm.kernel.status import Status

HELD = "held: "
"""Beginning of the reason of a suspended run that is held back; the brake's key follows."""
MAX_HELD = 1_000_000
"""Suspended runs that are looked at for that."""


class Holder(Protocol):
    """What this part needs of the worker."""

    journal: Journal
    active: dict[str, Run]
    brake: Brake | None

    def start_call(self, run: Run, call: Call) -> None:
        """Carry a call out, unless it is held again."""

    def quiet(self, run: Run) -> None:
        """Something happened to a run."""


class Claimer(Protocol):
    """What this part needs of the claims."""

    def want(self, run_ids: list[str]) -> None:
        """Claim these as soon as may be."""


class Holds:
    """The runs of a worker that are held back, by the brake's key."""

    def __init__(self, holder: Holder, claims: Claimer) -> None:
        self._holder = holder
        self._claims = claims
        self._runs: dict[str, dict[str, None]] = {}
        """Those that came first first."""

    def count(self, key: str) -> int:
        """Runs that this brake holds back."""
        return len(self._runs.get(key, ()))

    def hold(self, run: Run, call: Call, key: str) -> None:
        """Put a call back as if it had not begun."""
        if not call.dropped:
            call.hold, call.held = key, True  # an earlier life may have begun it, for all that is known later
            self._runs.setdefault(key, {})[run.id] = None

    def hold_back(self, run: Run, key: str) -> None:
        """Keep a run from its next generation; '': let it."""
        run.hold = key
        if key:
            self._runs.setdefault(key, {})[run.id] = None

    def reason(self, run: Run) -> str:
        """Why a run stands still; '' where nothing holds it back."""
        key = run.hold or next((call.hold for call in run.calls.values() if call.hold), "")
        return f"{HELD}{key}" if key else ""

    def free(self, key: str, count: int | None) -> int:
        """See `Worker.free`."""
        freed = 0
        for run_id in list(self._runs.get(key, ())):
            if count is not None and freed >= count:
                break
            run = self._holder.active.get(run_id)
            if run is None or run.over:
                self._forget(key, run_id)
                self._claims.want([run_id])
                freed += run is None
            else:
                freed += self._free(run, key, None if count is None else count - freed)
        return freed

    def _free(self, run: Run, key: str, count: int | None) -> int:
        """Of a run in memory."""
        calls = [call for call in run.calls.values() if call.hold == key]
        some = calls[:count]
        if len(some) == len(calls):
            self._forget(key, run.id)
        for call in some:
            call.hold = ""
            self._holder.start_call(run, call)
        freed = len(some)
        if run.hold == key:
            run.hold, freed = "", freed + 1
        self._holder.quiet(run)
        return freed

    def given_up(self, run: Run, call: Call) -> None:
        """The workflow gave up on a call that is held."""
        key, call.hold = call.hold, ""
        if run.id not in self._runs.get(key, ()) or any(one.hold == key for one in run.calls.values()):
            return
        self._forget(key, run.id)
        if key not in self._runs and self._holder.brake is not None:
            self._holder.brake.left(key)

    def _forget(self, key: str, run_id: str) -> None:
        runs = self._runs.get(key, {})
        runs.pop(run_id, None)
        if not runs:
            self._runs.pop(key, None)

    async def find(self) -> list[str]:
        """See `Worker.find_held`."""
        for standing in await self._holder.journal.standings(status=Status.SUSPENDED, limit=MAX_HELD):
            if standing.reason.startswith(HELD):
                self._runs.setdefault(standing.reason.removeprefix(HELD), {})[standing.run] = None
        return list(self._runs)
