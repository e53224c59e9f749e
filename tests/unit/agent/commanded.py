"""A firm with a gate and nothing else, for tests of tools: a ledger that only counts, proofs that are easily given."""

import dataclasses
from typing import Any

from firm.errors import BudgetExceeded, PolicyDenied
from firm.policy.action import Action
from firm.policy.approval import Asked
from firm.policy.capability import Charter
from firm.policy.gate import Command, Limits
from firm.policy.rule import Mandate, Rule
from firm.policy.rulebook import Rulebook
from firm.store.sqlite import SqliteJournal
from firm.units.amount import Amount
from firm.units.purse import Purse


class Held:
    """A reservation that remembers how it was closed."""

    def __init__(self, ledger: "Ledger", number: int, most: Amount) -> None:
        self.ledger, self.number, self.most = ledger, number, most
        self.how = "open"

    def _close(self, how: str) -> None:
        assert self.how == "open", f"reservation {self.number} was {self.how}, and now {how}"
        self.how = how

    def settle(self, used: Amount, saved_usd_micro: int = 0) -> None:
        self._close("settled")
        self.ledger.spent += used.usd_micro

    def void(self) -> None:
        self._close("voided")

    def lose(self, why: str) -> None:
        self._close("lost")


class Ledger:
    """Counts; refuses above `cap` micro-dollars, and for purses in `empty`."""

    def __init__(self, cap: int = 10**12) -> None:
        self.cap, self.spent = cap, 0
        self.made: list[Held] = []
        self.purses: list[list[str]] = []
        self.empty: set[str] = set()

    @property
    def how(self) -> list[str]:
        return [held.how for held in self.made]

    async def reserve(
        self, most: Amount, purses: tuple[Purse, ...], action: Action, charter: Charter
    ) -> Held:
        self.purses.append([purse.id for purse in purses])
        for purse in purses:
            if purse.id in self.empty:
                raise BudgetExceeded(f"the budget of {purse.id!r} does not allow this call", purse.id)
        reserved = sum(held.most.usd_micro for held in self.made if held.how in ("open", "lost"))
        if self.spent + reserved + most.usd_micro > self.cap:
            raise BudgetExceeded("the budget of 'firm' does not allow this call", "firm")
        held = Held(self, len(self.made) + 1, most)
        self.made.append(held)
        return held


def prove(question: str, action_hash: str, answer: object, proof: object, now_us: int) -> object:
    if proof != f"{question} {action_hash}":
        raise PolicyDenied("the answer does not count as the founder's: its proof is of something else")
    return proof


class FakeFirm:
    """What code finds as `current_firm()`."""

    def __init__(self, *rules: Rule, mandates: tuple[Mandate, ...] = (), **limits: Any) -> None:
        self.ledger = Ledger()
        self.command = Command(
            Rulebook(rules, mandates), Limits(**limits), reserve=self.ledger.reserve, check_proof=prove
        )

    def change(self, **fields: Any) -> None:
        self.command = dataclasses.replace(self.command, **fields)

    def rule(self, *rules: Rule, **fields: Any) -> None:
        self.change(rulebook=Rulebook(rules, **fields))


async def asked(journal: SqliteJournal, question: Any) -> Asked:
    [row] = await journal.rows("question", prefix=f"{question.run}\t{question.id}")
    return Asked.decode(row.value)


async def answer(engine: Any, question: Any, do: str, *, proved: bool = True, **more: Any) -> None:
    """Answer an approval, with a proof unless told otherwise."""
    found = await asked(engine.journal, question)
    given: dict[str, Any] = {"do": do, **more}
    if proved:
        given["proof"] = f"{question.id} {found.hash}"
    await engine.worker.answer(question.id, given, by="founder" if proved else "unverified")
