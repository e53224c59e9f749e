"""Who does what next: the state of a search, moved only by what was reported.

One rule: it is pure. The same survey, seed and reports in the same order give the same orders, so that a search that
was killed goes on as if nothing had been. It looks at no clock and opens no file.
"""

import hashlib
import math
import random
from collections.abc import Sequence

import msgspec

from firm.lab.archive import Archive
from firm.lab.author import Written
from firm.lab.bandit import Bandit
from firm.lab.candidate import Elite, Status
from firm.lab.cascade import Watch
from firm.lab.lesson import Lesson
from firm.lab.novelty import normal_form
from firm.lab.order import Order, Report, Source
from firm.lab.problem import Allowance
from firm.lab.record import Arm, Counts, Record
from firm.lab.survey import Survey

DRAWN = 6
"""So many elites go with an order."""
MOST_IN_BURST = 4_096
LARGEST_BATCH = 256
GIVEN_UP = 3
SHARES = 32
"""Of a budget of candidates one burst takes at most this part, so that each arm has its turn."""
DEAR_S = 1.0
"""Without a limit of time a burst is as large as the problem says; of 1 where a candidate takes so long."""


class Island(msgspec.Struct):
    """One line of work of an arm."""

    arm: str
    number: int
    counter: int = 0
    state: bytes = b""
    busy: bool = False


class Plan(msgspec.Struct, frozen=True):
    """What the founder wants of this search."""

    source: Source
    run: str
    seed: int
    allowance: Allowance
    workers: int
    until: float | None = None
    """It ends when the last stage says so much."""
    arms: tuple[str, ...] = ()
    """Empty: those of the survey."""
    written: tuple[str, ...] = ()
    """Arms that a model drives."""


class Engine:
    """The state.

    Args:
        plan: What is wanted.
        survey: What was found out about the problem.
        first: Number of the first block it gives out.
    """

    def __init__(self, plan: Plan, survey: Survey, *, first: int = 1) -> None:
        self.plan = plan
        self.survey = survey
        self.sign = survey.objective.sign
        self.arms = (plan.arms or survey.arms) + plan.written
        self.bandit = Bandit(self.arms)
        self.archive = Archive(survey.axes, sign=self.sign, kind=survey.form.to_kind())
        self.record = Record(spent=Counts(survey.tried, survey.valid, survey.cpu_s))
        self.watches = [Watch(stage.keep, self.sign) for stage in survey.stages]
        self.number = first
        self.islands: list[Island] = []
        self.under_way: dict[int, Order] = {}
        self.given: list[tuple[bytes, tuple[int, ...]]] = []
        """Artifacts that have to be scored before anything else."""
        self.changed = ""
        """Hash of another evaluator that a worker found; the search has to look again."""
        self.trouble = ""
        self.reserve_s = 0.0
        """Processor seconds that are kept back for verification."""
        self.recalled: list[Lesson] = []
        """What earlier searches of the problem have learnt; models are told."""
        self.forms: set[bytes] = set()
        """Hashes of the normal forms of all texts so far: what differs in form alone is not paid for again."""
        self.idle: dict[str, int] = {}
        """How often an arm has made nothing, one time after the other; it is given up after `GIVEN_UP`."""
        self.steps = 0
        """Bursts, and calls of models, since this engine was made or loaded."""

    # --- what is left -------------------------------------------------------------------------------------------

    @property
    def timed(self) -> bool:
        """Whether processor time decides how long a burst is."""
        return self.plan.allowance.cpu_s is not None or self.plan.allowance.wall_s is not None

    def bounded(self) -> bool:
        """Whether some limit must be reached in the end."""
        allowance = self.plan.allowance
        if any(limit is not None for limit in (allowance.evaluations, allowance.cpu_s, allowance.wall_s)):
            return True
        return bool(self.plan.written) or self.survey.form.kind == "Prompt"

    def ended_by(self) -> str:
        """The limit that is used up, 'target', or 'bound' where nothing can be better; '': none."""
        best = self.archive.best()
        if (
            best is not None
            and self.plan.until is not None
            and self.sign * (best.value - self.plan.until) >= 0
        ):
            return "target"
        bound = self.survey.bound
        if (
            best is not None
            and bound is not None
            and math.isclose(best.value, bound, rel_tol=1e-12, abs_tol=1e-15)
        ):
            return "bound"
        return next((name for name, used in self._used().items() if used >= 1 - 1e-9), "")

    def share_used(self) -> float:
        """Of the budget, by the limit that is nearest to its end; 0..1."""
        return min(1.0, max(self._used().values()))

    def _used(self) -> dict[str, float]:
        allowance, spent = self.plan.allowance, self.record.spent
        much = {
            "evaluations": spent.evaluations,
            "cpu_s": spent.cpu_s + self.reserve_s,
            "gpu_s": spent.gpu_s,
            "tokens": spent.tokens,
            "usd": spent.usd,
            "wall_s": spent.wall_s / self.plan.workers,
        }
        return {name: much[name] / most for name in much if (most := getattr(allowance, name)) is not None}

    def _left(self) -> tuple[int, float]:
        """Candidates and processor seconds that nobody has been promised."""
        allowance, spent = self.plan.allowance, self.record.spent
        size, seconds = MOST_IN_BURST, self.survey.burst_s if self.timed else 0.0
        if allowance.evaluations is not None:
            promised = sum(order.size for order in self.under_way.values())
            size = min(size, max(1, allowance.evaluations // SHARES))
            left = allowance.evaluations - spent.evaluations - promised
            size = min(size, left, self._fair(left))
        if allowance.cpu_s is not None:
            promised_s = sum(order.seconds for order in self.under_way.values())
            seconds = min(seconds, allowance.cpu_s - self.reserve_s - spent.cpu_s - promised_s)
        if not self.timed:
            size = min(size, self.survey.burst if self.survey.each_s < DEAR_S else 1)
        return size, seconds

    def _fair(self, left: int) -> int:
        """Half of a worker's share of what is left, so that the last bursts end at about one time."""
        return max(1, left // (2 * self.plan.workers)) if self.plan.workers > 1 else left

    # --- out ----------------------------------------------------------------------------------------------------

    def ask(self) -> Order | None:
        """The next burst; None where nothing may be begun now."""
        size, seconds = self._left()
        if not self.given and all(self.idle.get(arm, 0) >= GIVEN_UP for arm in self.arms):
            return None
        if self.changed or self.trouble or size < 1 or (self.timed and seconds <= 0) or self.ended_by():
            return None
        chance = random.Random(f"{self.plan.seed}:{self.number}")
        if self.given:
            island, given = Island("given", 0), tuple(self.given[: min(64, size)])
            size = len(given)
            del self.given[:size]
        else:
            island, given = self._island(chance), ()
        order = Order(
            self.plan.run,
            self.number,
            self.plan.source,
            self.survey.evaluator,
            island.arm,
            island.number,
            island.counter,
            _seed(self.plan.seed, self.number),
            size,
            self._batch(),
            seconds,
            island.state,
            self._elites(chance),
            tuple(watch.gate() for watch in self.watches[:-1]),
            max((watch.audit() for watch in self.watches[:-1]), default=0.0),
            given,
            keeps=tuple(watch.share() for watch in self.watches),
        )
        island.busy = True
        self.under_way[self.number] = order
        self.number += 1
        return order

    def _island(self, chance: random.Random) -> Island:
        """One of the chosen arm's that nobody works on, the one that has waited longest; else a new one."""
        busy: dict[str, int] = {}
        for order in self.under_way.values():
            busy[order.arm] = busy.get(order.arm, 0) + 1
        arm = self.bandit.pick(chance, busy)
        if self.idle.get(arm, 0) >= GIVEN_UP:
            arm = chance.choice([one for one in self.arms if self.idle.get(one, 0) < GIVEN_UP])
        own = [island for island in self.islands if island.arm == arm]
        free = [island for island in own if not island.busy]
        if free:
            return min(free, key=lambda island: (island.counter, island.number))
        island = Island(arm, len(own))
        self.islands.append(island)
        return island

    def _batch(self) -> int:
        """So many together that a batch takes about half a burst."""
        if not self.timed:
            return 64
        each_s = max(self.survey.each_s, 1e-6)
        return max(1, min(LARGEST_BATCH, int(0.5 * self.survey.burst_s / each_s)))

    def _elites(self, chance: random.Random) -> tuple[Elite, ...]:
        best = self.archive.best()
        drawn = self.archive.draw(chance, DRAWN - 1) if best is not None else ()
        return () if best is None else (best, *(elite for elite in drawn if elite.id != best.id))

    # --- in -----------------------------------------------------------------------------------------------------

    def tell(self, order: Order, report: Report) -> None:
        """What came of an order."""
        del self.under_way[order.number]
        self.steps += 1
        if report.evaluator != order.evaluator:
            self.changed, self.trouble = report.evaluator, report.trouble if report.evaluator == "?" else ""
            self.given.extend(order.given)
            self._go_on(order, order.state)
            return
        self._go_on(order, report.state)
        self.idle[order.arm] = 0 if report.made else self.idle.get(order.arm, 0) + 1
        arm = self.record.arm(order.arm, "", "")
        self._count(arm, report)
        before = self.archive.best()
        beaten = self._share_beaten(report.elites)
        for elite in report.elites:
            self.archive.add(elite)
        gain, by = self._gain(before)
        if gain:
            arm.gain += by
            self.record.mark(self.archive.best(), order.arm)
        arm.take_best(report.elites, self.sign)
        for watch, tally in zip(self.watches, report.tallies, strict=True):
            watch.tell(tally)
        if order.arm in self.arms:
            cost = report.cpu_s if self.timed else float(max(1, report.made))
            self.bandit.tell(order.arm, gain=2.0 if gain else beaten, cost=max(cost, 1e-6))

    def pay(self, arm: str, written: Written, *, waited_s: float) -> None:
        """What a model's writing or answering took, beside the burst that scores it."""
        self.steps += written.calls
        spent, line = self.record.spent, self.record.arm(arm, "", "")
        spent.tokens, line.tokens = spent.tokens + written.tokens, line.tokens + written.tokens
        spent.usd, line.usd = spent.usd + written.cost_usd, line.usd + written.cost_usd
        spent.cpu_s, line.cpu_s = spent.cpu_s + written.box_s, line.cpu_s + written.box_s
        spent.gpu_s += written.gpu_s
        spent.wall_s += waited_s

    def new_of(
        self, given: Sequence[tuple[bytes, tuple[int, ...]]]
    ) -> tuple[tuple[bytes, tuple[int, ...]], ...]:
        """Those of some texts that are not an earlier one in another form; they count as earlier ones from now on."""
        kind = self.survey.form.to_kind()
        found = []
        for packed, parents in given:
            form = hashlib.sha256(normal_form(kind, packed)).digest()[:16]
            if form not in self.forms:
                self.forms.add(form)
                found.append((packed, parents))
        return tuple(found)

    def _go_on(self, order: Order, state: bytes) -> None:
        for island in self.islands:
            if (island.arm, island.number) == (order.arm, order.island):
                island.state, island.busy = state, False
                island.counter += 1

    def _count(self, arm: Arm, report: Report) -> None:
        valid = report.statuses[Status.VALID] if report.statuses else 0
        self.record.add(report, valid)
        arm.bursts += 1
        arm.candidates += report.made
        arm.valid += valid
        arm.cpu_s += report.cpu_s

    def _share_beaten(self, elites: Sequence[Elite]) -> float:
        """How much of what is kept the best of a burst beats, 0..0.5: credit where the very best did not move."""
        kept = self.archive.elites()
        if not elites or not kept:
            return 0.0
        best = max(self.sign * elite.value for elite in elites)
        return 0.5 * sum(best > self.sign * elite.value for elite in kept) / len(kept)

    def _gain(self, before: Elite | None) -> tuple[bool, float]:
        """Whether there is a new best, and by how much."""
        after = self.archive.best()
        if after is None or (before is not None and after.id == before.id):
            return False, 0.0
        by = 0.0 if before is None else abs(after.value - before.value)
        return True, by if math.isfinite(by) else 0.0

    def drop(self, id: int) -> None:
        """A candidate did not hold: nothing starts from it any more."""
        self.archive.drop(id)

    # --- kept ---------------------------------------------------------------------------------------------------

    def save(self) -> bytes:
        """All of it, while nothing is under way."""
        return msgspec.msgpack.encode(
            (
                self.number,
                self.bandit.save(),
                self.archive.save(),
                self.record,
                [watch.save() for watch in self.watches],
                self.islands,
                self.given,
                self.idle,
                self.reserve_s,
                sorted(self.forms),
            )
        )

    @classmethod
    def load(cls, plan: Plan, survey: Survey, saved: bytes) -> "Engine":
        """From `save`."""
        decoded = msgspec.msgpack.decode(saved)
        number, bandit, archive, record, watches, islands, given, idle, reserve_s, forms = decoded
        engine = cls(plan, survey)
        engine.number = number
        engine.bandit = Bandit.load(bandit)
        engine.archive.load(archive)
        engine.record = msgspec.convert(record, Record)
        engine.watches = [Watch.load(one) for one in watches]
        engine.islands = msgspec.convert(islands, list[Island])
        engine.given = [(bytes(packed), tuple(parents)) for packed, parents in given]
        engine.idle, engine.forms = idle, set(forms)
        engine.reserve_s = reserve_s
        return engine


def _seed(seed: int, number: int) -> int:
    """Of one burst: 62 bits that follow from the search's seed and the block's number."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{number}".encode()).digest()[:8], "little") >> 2
