"""Standing mandates, made ready to be held against many actions.

One rule: a mandate covers one payee, named exactly, and only an amount that is known.
"""

from collections.abc import Collection

from firm.errors import UsageError
from firm.policy.action import Action
from firm.policy.match import text_test
from firm.policy.rule import Mandate
from firm.policy.until import until_us
from firm.units.amount import usd_micro_of
from firm.units.purse import Limit, Purse

PERIODS = ("day", "week", "month")


def mandate_name(mandate: Mandate) -> str:
    """What it is called in verdicts and in the ledger."""
    return mandate.name or (mandate.payee if mandate.tool == "*" else f"{mandate.tool}:{mandate.payee}")


class Cover:
    """One mandate.

    Raises:
        UsageError: what no mandate can say.
    """

    __slots__ = ("_agent", "_most", "_tool", "_until_us", "name", "payee", "purse")

    def __init__(self, mandate: Mandate) -> None:
        for field in ("payee", "tool", "agent", "name", "until"):
            if type(getattr(mandate, field)) is not str:
                raise UsageError(f"Mandate({field}={getattr(mandate, field)!r:.80}): give text")
        if not mandate.payee:
            raise UsageError("Mandate(payee=''): name exactly one destination")
        if mandate.per not in PERIODS:
            raise UsageError(f"Mandate(per={mandate.per!r}): give 'day', 'week' or 'month'")
        self.name, self.payee = mandate_name(mandate), mandate.payee
        self._tool, self._agent = text_test(mandate.tool or "*"), text_test(mandate.agent or "*")
        self._until_us = until_us(mandate.until)
        self._most = usd_micro_of(mandate.usd, "Mandate usd")
        self.purse = Purse(f"mandate/{self.name}", (Limit("usd_micro", self._most, mandate.per),))  # type: ignore[arg-type]

    def covers(self, action: Action, now_us: int, used_up: Collection[str] = ()) -> bool:
        """Whether an action can be paid under it, as far as one can tell without the ledger."""
        return (
            action.destinations == (self.payee,)
            and 0 < action.usd_micro <= self._most
            and self.speaks_of(action.tool, action.agent, now_us)
            and self.purse.id not in used_up
        )

    def speaks_of(self, tool: str, agent: str, now_us: int) -> bool:
        """Whether it holds at all for this tool and agent, at this time."""
        return now_us < self._until_us and bool(self._tool(tool)) and bool(self._agent(agent))
