"""The port through which a call to a model is admitted and paid (`firm.root` fills it).

One rule: a request that may cost something leaves only after the till has admitted it, and each admitted request is
settled, voided or given up as lost exactly once.
"""

from typing import Protocol

import msgspec

from firm.model.target import Model
from firm.units.amount import Amount


class Fare(msgspec.Struct, frozen=True):
    """What one request to one endpoint may take at most."""

    name: str
    """Name of the model in the firm."""
    model: Model
    most: Amount
    """The possible maximum: money, tokens, GPU time, one call."""
    operation: str = "chat"
    """'chat' or 'embed'."""
    price_date: str = ""
    """Since when the price that was used holds, ISO date; '' for own compute and where there is no price."""


class Ticket(Protocol):
    """An admitted request."""

    def settle(self, used: Amount, saved_usd_micro: int = 0) -> None:
        """It was answered and took so much; `saved_usd_micro`: what the provider's cache saved."""
        ...

    def void(self) -> None:
        """It surely took nothing: it never reached the server, or was refused there."""
        ...

    def lose(self, why: str) -> None:
        """Nobody knows what it took (time-out, lost connection): it stays reserved."""
        ...


class Till(Protocol):
    """Admits requests. Called inside the step (or outside any run) that makes the request."""

    async def admit(self, fare: Fare) -> Ticket:
        """Wait until it may be made.

        Raises:
            BudgetExceeded: a budget does not allow its maximum.
            PolicyDenied, NeedsApproval: rules or capabilities.
        """
        ...
