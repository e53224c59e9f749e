"""What a search has come to so far, for its report: counts, marks of progress, what arms and candidates came to.

One rule: it is bounded, whatever the number of candidates; what does not fit is counted.
"""

import hashlib
from collections.abc import Sequence

import msgspec

from firm.lab.candidate import Elite
from firm.lab.order import Report

MOST_MARKS = 1_000
"""Beyond it every second mark is left out, the first and the last few kept."""
MOST_WHYS = 40


class Counts(msgspec.Struct):
    """What was spent."""

    evaluations: int = 0
    valid: int = 0
    cpu_s: float = 0.0
    wall_s: float = 0.0
    """Of all workers together."""
    gpu_s: float = 0.0
    tokens: int = 0
    usd: float = 0.0
    block_bytes: int = 0


class Mark(msgspec.Struct, array_like=True):
    """A new best."""

    cpu_s: float
    evaluations: int
    value: float
    arm: str
    id: int


class Arm(msgspec.Struct):
    """What one proposer got and gave."""

    arm: str
    model: str = ""
    effort: str = ""
    bursts: int = 0
    candidates: int = 0
    valid: int = 0
    cpu_s: float = 0.0
    tokens: int = 0
    usd: float = 0.0
    gain: float = 0.0
    best: float | None = None

    def take_best(self, elites: Sequence[Elite], sign: float) -> None:
        """The best it ever gave."""
        values = [elite.value for elite in elites] + ([] if self.best is None else [self.best])
        self.best = max(values, key=lambda value: sign * value, default=None)


class Record(msgspec.Struct):
    """All of it."""

    spent: Counts = msgspec.field(default_factory=Counts)
    marks: list[Mark] = []
    arms: list[Arm] = []
    statuses: list[int] = []
    whys: dict[str, int] = {}
    nearest: tuple[str, float] = ("", 0.0)
    root: str = ""
    """Hash over (the root before + a block's hash), from block to block in the order in which they came."""
    blocks: int = 0

    def arm(self, arm: str, model: str, effort: str) -> Arm:
        """The line of an arm."""
        for one in self.arms:
            if (one.arm, one.model, one.effort) == (arm, model, effort):
                return one
        self.arms.append(Arm(arm, model, effort))
        return self.arms[-1]

    def add(self, report: Report, valid: int) -> None:
        """Count a burst."""
        spent = self.spent
        spent.evaluations += report.made
        spent.valid += valid
        spent.cpu_s += report.cpu_s
        spent.wall_s += report.wall_s
        spent.block_bytes += report.length
        self.root = hashlib.sha256((self.root + report.block).encode()).hexdigest()[:32]
        self.blocks += 1
        self.statuses = [
            (self.statuses[place] if place < len(self.statuses) else 0) + count
            for place, count in enumerate(report.statuses)
        ]
        for why, count in report.whys.items():
            if why in self.whys or len(self.whys) < MOST_WHYS:
                self.whys[why] = self.whys.get(why, 0) + count
        if report.nearest[0] and (not self.nearest[0] or report.nearest[1] > self.nearest[1]):
            self.nearest = report.nearest

    def mark(self, best: Elite | None, arm: str) -> None:
        """A new best."""
        if best is None:
            return
        self.marks.append(Mark(self.spent.cpu_s, self.spent.evaluations, best.value, arm, best.id))
        if len(self.marks) > MOST_MARKS:
            self.marks = [*self.marks[:-10:2], *self.marks[-10:]]
