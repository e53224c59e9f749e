"""The model of a simulated firm: it answers by rule, takes its time, fails now and then, and is paid.

One rule: each time that it is asked is an effect on the world like any other, so the ledger of the history has every
question in the words in which it came, and what was said.
"""

from collections.abc import Callable

from firm.errors import RetryableError, TerminalError
from firm.model.models import label_of
from firm.model.reply import Reply
from firm.model.request import Request, Watch
from firm.model.target import Model
from firm.model.till import Fare
from firm.root.command import FirmTill, HasCommand
from firm.testing.world import act
from firm.units.amount import Amount

MODEL = Model("http://simulated.localhost", "simulated")
CALL_USD_MICRO = 10_000
"""What each answer costs, millionths of a dollar."""
COST = Amount(CALL_USD_MICRO, calls=1)
Answers = Callable[[Request], Reply]
"""What the model says; may raise a `TerminalError`, which costs nothing."""


class SimModels:
    """In place of `firm.model.Models`: there is one model, whatever its name."""

    storms = None

    def __init__(self, answers: Answers, firm: HasCommand) -> None:
        self._answers = answers
        self._till = FirmTill(firm)

    def add(self, model: Model) -> str:
        """Its name."""
        return label_of(model)

    async def call(self, request: Request, watch: Watch | None = None) -> Reply:
        """One reply, in a step.

        Raises:
            RetryableError, ConnectionError: it was busy, or the reply was lost.
            BudgetExceeded, PolicyDenied, NeedsApproval: as the till says.
        """
        ticket = await self._till.admit(Fare(request.model, MODEL, COST))
        try:
            reply = self._answers(request)
            value = {"risk": "read", "usd_micro": CALL_USD_MICRO, "asked": request, "said": reply}
            await act("repeatable", value)
        except (RetryableError, TerminalError):  # refused before anything was said
            ticket.void()
            raise
        except BaseException as error:
            ticket.lose(type(error).__name__)
            raise
        ticket.settle(COST)
        return reply
