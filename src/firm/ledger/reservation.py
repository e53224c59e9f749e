"""A reservation: what one call may take at most, held until it is known what it took.

One rule: it is closed exactly once, by `settle`, `void` or `lose`.
"""

import asyncio
from typing import TYPE_CHECKING

from firm.errors import InternalError
from firm.ledger.line import RESERVED, Measures, Tags, measures_of
from firm.units.amount import Amount

if TYPE_CHECKING:
    from firm.ledger.ledger import Ledger
    from firm.ledger.pocket import Pocket, Queue

NEW = "new"
WAITING = "waiting"
HELD = "held"
IS_LOST = "lost"
SETTLED = "settled"
VOIDED = "voided"
WRITTEN_OFF = "written off"
REFUSED = "refused"


class Reservation:
    """Money and tokens that one call holds. Made by `Ledger.reserve`."""

    __slots__ = (
        "_ledger",
        "account",
        "future",
        "given_back",
        "made_us",
        "measures",
        "most",
        "number",
        "passed",
        "place",
        "pockets",
        "purses",
        "state",
        "tags",
    )

    def __init__(self, ledger: "Ledger", most: Amount, tags: Tags, purses: tuple[str, ...]) -> None:
        self._ledger = ledger
        self.most = most
        """What it may take at most."""
        self.tags = tags
        self.purses = purses
        """Ids of the caller's purses."""
        self.account = RESERVED
        """Where it stands: `reserved`, or `lost`."""
        self.number = 0
        """Of its line in the ledger; 0: no limit concerns it, so nothing was written."""
        self.given_back: Amount | None = None
        """Minus the maximum, once it was needed."""
        self.made_us = 0
        """When it was made, by the ledger's clock."""
        self.state = NEW
        self.measures: Measures = measures_of(most)
        self.pockets: tuple[Pocket, ...] = ()
        self.place: Queue | None = None
        """The line in which it waits."""
        self.passed = 0
        """How often another that came later was let through before it."""
        self.future: asyncio.Future[None] | None = None

    def settle(self, used: Amount, saved_usd_micro: int = 0) -> None:
        """It took `used`; inside a step that is written with what comes of the attempt.

        More than was reserved is booked as it is, and said.

        Args:
            used: Each field at least 0.
            saved_usd_micro: What the provider's cache saved, millionths of a US dollar.

        Raises:
            InternalError: it was closed before.
        """
        self._ledger.settle(self, used, saved_usd_micro)

    def void(self) -> None:
        """It surely took nothing.

        Raises:
            InternalError: it was closed before.
        """
        self._ledger.void(self)

    def lose(self, why: str) -> None:
        """Nobody knows what it took: it stays reserved until it is written off by the ledger's rule.

        Raises:
            InternalError: it was closed before.
        """
        self._ledger.lose(self, why)

    def check_open(self, what: str) -> None:
        """Whether it can still be closed; `what` names the act in errors.

        Raises:
            InternalError: it was closed before.
        """
        if self.state != HELD:
            raise InternalError(
                f"reservation {self.number} ({self.tags.name!r}): {what}, but it is {self.state}"
            )
