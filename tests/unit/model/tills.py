"""A till that keeps a list, for tests of what is admitted and paid."""

import asyncio
from dataclasses import dataclass, field

from firm.errors import BudgetExceeded
from firm.model.till import Fare
from firm.units.amount import Amount


@dataclass
class Paper:
    """A ticket, and what became of it."""

    fare: Fare
    ends: list[tuple[str, Amount | str | None]] = field(default_factory=list)
    saved_usd_micro: int = 0

    def settle(self, used: Amount, saved_usd_micro: int = 0) -> None:
        """It took so much."""
        self.ends.append(("settled", used))
        self.saved_usd_micro = saved_usd_micro

    def void(self) -> None:
        """It took nothing."""
        self.ends.append(("void", None))

    def lose(self, why: str) -> None:
        """Nobody knows."""
        self.ends.append(("lost", why))

    @property
    def end(self) -> str:
        """Its only end."""
        [(word, _)] = self.ends
        return word

    @property
    def used(self) -> Amount:
        """What it took."""
        [(_, used)] = self.ends
        assert isinstance(used, Amount)
        return used


class PaperTill:
    """Admits everything, or so many; `gate` makes who asks wait."""

    def __init__(self, places: int = 1_000_000) -> None:
        self.papers: list[Paper] = []
        self.places = places
        self.gate: asyncio.Event | None = None

    async def admit(self, fare: Fare) -> Paper:
        """One more ticket."""
        if self.gate is not None:
            await self.gate.wait()
        if len(self.papers) >= self.places:
            raise BudgetExceeded("the till is empty")
        paper = Paper(fare)
        self.papers.append(paper)
        return paper

    @property
    def ends(self) -> list[str]:
        """What became of each, in the order in which they were admitted; each has exactly one end."""
        return [paper.end for paper in self.papers]

    @property
    def only(self) -> Paper:
        """The only one."""
        [paper] = self.papers
        return paper
