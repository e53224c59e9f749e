"""How a search goes, as it is seen from outside: what it costs, how far it is, what its best is.

One rule: it only reads what is recorded, each block once; a search that nobody watches goes the same way.
"""

import math
import sys
import time

import msgspec

from firm.cli.command import note
from firm.cli.text import line
from firm.kernel.journal import own_key
from firm.lab.candidate import BOOK, Block, Status
from firm.lab.phenomenon import Phenomenon
from firm.lab.problem import Allowance, Problem
from firm.lab.report.figures import number, seconds
from firm.lab.survey import Survey
from firm.root.firm import Firm
from firm.root.handle import Run

EVERY_S = 15.0
"""Between two lines where nobody sits at a terminal."""
AT_ONCE = 64
"""Blocks that are read at one look."""
EARLY = 400
"""Events of a run after which its first look is no longer searched for."""


class Watch:
    """The view of one run."""

    def __init__(
        self, firm: Firm, run: Run, allowance: Allowance | None, stated: Problem | Phenomenon
    ) -> None:
        self._firm, self._run, self._allowance, self._stated = firm, run, allowance, stated
        self._after = ""
        self._surveyed = not isinstance(stated, Problem)
        self._told_s = self._began_s = time.monotonic()
        self.made = 0
        self.cpu_s = 0.0
        self.best: float | None = None

    async def look(self) -> None:
        """Read what is new, and show it."""
        if not self._surveyed:
            await self._preflight()
        if isinstance(self._stated, Problem):
            await self._read(self._stated.objective.sign)
        self._show()

    def clear(self) -> None:
        """Leave a clean line."""
        if sys.stderr.isatty():
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    async def _preflight(self) -> None:
        events = await self._run.events()
        self._surveyed = len(events) > EARLY
        for event in events:
            if event.kind == "done" and event.name.endswith("look"):
                self._surveyed = True
                survey = msgspec.convert(event.value, Survey, strict=False)
                self.clear()
                note(preflight(survey.each_s, self._allowance or survey.allowance))
                return

    async def _read(self, sign: float) -> None:
        prefix = own_key(self._run.id, "block.")
        rows = await self._firm.rows(BOOK, prefix=prefix, after=self._after, limit=AT_ONCE)
        for row in rows:
            self._after = row.key
            block = Block.decode(row.value)
            self.made += len(block.candidates)
            self.cpu_s += block.cpu_us / 1e6
            for one in block.candidates:
                value = one.stages[-1].value if one.status is Status.VALID and one.stages else None
                if value is not None and (self.best is None or sign * value > sign * self.best):
                    self.best = value

    def _show(self) -> None:
        now_s = time.monotonic()
        if sys.stderr.isatty():
            sys.stderr.write(f"\r\x1b[K{line(self.line(), 100)}")
            sys.stderr.flush()
        elif now_s - self._told_s >= EVERY_S:
            self._told_s = now_s
            note(self.line())

    def line(self) -> str:
        """One line: how far, the best, what was made and spent."""
        passed_s = time.monotonic() - self._began_s
        if not isinstance(self._stated, Problem):
            return f"experimenting  {seconds(round(passed_s))}"
        share = self.share(passed_s)
        best = f"best {number(self.best, 9)}" if self.best is not None else "nothing valid yet"
        bar = f"[{'#' * round(share * 20):·<20}] {share:4.0%}  " if share is not None else ""
        return f"{bar}{best}  {self.made:,} candidates  {seconds(self.cpu_s)} of processor time"

    def share(self, passed_s: float) -> float | None:
        """Of the budget, by the limit that is nearest to its end, as far as it can be seen here."""
        if self._allowance is None:
            return None
        limits = (
            (self.made, self._allowance.evaluations),
            (self.cpu_s, self._allowance.cpu_s),
            (passed_s, self._allowance.wall_s),
        )
        shares = [spent / most for spent, most in limits if most]
        return min(1.0, max(shares)) if shares else None


def preflight(each_s: float, allowance: Allowance) -> str:
    """What the budget buys."""
    cost = (
        f"to score a candidate of pure chance costs about {seconds(each_s)}"
        if each_s > 0
        else "to score a candidate of pure chance costs next to nothing"
    )
    if allowance.cpu_s is None:
        if allowance.evaluations is not None:
            return f"{cost}; {allowance.evaluations:,} of them take at least {seconds(each_s * allowance.evaluations)}"
        return cost
    if each_s <= 0:
        return cost
    buys = allowance.cpu_s / each_s
    rough = round(buys, 1 - math.floor(math.log10(buys))) if buys >= 1 else 0
    buys_it = f"{seconds(allowance.cpu_s)} of processor time buy at most {int(rough):,} of those"
    return f"{cost}; {buys_it}, fewer where making them takes long"
