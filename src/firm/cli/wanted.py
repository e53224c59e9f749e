"""What was asked of `firm lab`, and the names of the runs that answer it.

One rule: the same command means the same runs until all of them have ended; then it means new ones.
"""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from firm.lab.order import Source
from firm.lab.phenomenon import Phenomenon
from firm.lab.problem import Allowance, Problem
from firm.root.firm import Firm

START = tuple[tuple[bytes, tuple[int, ...]], ...]


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The command, read."""

    source: Source
    stated: Problem | Phenomenon
    allowance: Allowance | None
    """Of a problem."""
    experiments: int
    """Of a phenomenon; 0: its own number."""
    seeds: tuple[int, ...]
    workers: int
    until: float | None
    models: tuple[str, ...]
    against: str
    """An arm that searches alone afterwards, at equal cost; '': none."""
    extend: bool
    folder: Path | None
    """Of the report; None: in the firm's folder."""
    interactive: bool
    patient: bool
    as_json: bool
    start: START = ()

    @property
    def prefix(self) -> str:
        """What the names of all runs of this problem with these settings begin with."""
        stem = "".join(letter if letter.isalnum() else "-" for letter in Path(self.source.path).stem)[:40]
        return f"lab-{stem}-{digest(self.source)}"

    def name(self, part: str, round: int) -> str:
        """Id of one run of this command."""
        own = (
            self.allowance,
            self.experiments,
            self.workers,
            self.until,
            self.models,
            self.start,
            self.seeds,
            self.against,
        )
        return f"{self.prefix}-{digest(own)}-{round}-{part}"

    @property
    def parts(self) -> tuple[str, ...]:
        """One for each seed, and one for the search at equal cost."""
        return (*(f"seed{seed}" for seed in self.seeds), *([f"only-{self.against}"] if self.against else []))


def digest(value: Any) -> str:
    """8 hexadecimal digits of anything that has a JSON form."""
    return hashlib.sha256(msgspec.json.encode(value, order="deterministic")).hexdigest()[:8]


async def round_of(firm: Firm, wanted: Wanted) -> int:
    """The first round of which some run has not ended; a run that failed ends its round."""
    known = {view.id: view.status.value for view in await firm.runs(limit=100_000)}
    number = 1
    while True:
        states = [known.get(wanted.name(part, number), "") for part in wanted.parts]
        if not all(state == "succeeded" for state in states) and not {"failed", "cancelled"} & set(states):
            return number
        number += 1


async def extended(firm: Firm, wanted: Wanted) -> Wanted:
    """The same, which begins with what the last finished search of this problem kept.

    Raises:
        UsageError: none has finished here.
    """
    from firm.errors import UsageError

    for view in await firm.runs("succeeded", limit=100_000):
        if view.id.startswith(f"{wanted.prefix}-") and "-only-" not in view.id:
            finding = await firm.run(view.id).result()
            return replace(wanted, start=tuple((elite.artifact, ()) for elite in finding.elites))
    raise UsageError(
        f"no search of {Path(wanted.source.path).name!r} with these settings has finished here; "
        "start one without --extend"
    )
