"""What a simulated firm has besides the kernel: a gate with the founder's rules, a ledger, a secret, a founder.

One rule: gate and ledger are the real ones; simulated are the time they see, the founder's signature, and the answers
of whoever gets at the inbox without it. The ledger of a node dies with it, and the next one opens the books anew; so
nodes beside each other on one journal cannot have a ledger, as in life: one process owns a home.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from random import Random
from typing import Any, cast

import msgspec

from firm.errors import PolicyDenied, UsageError
from firm.kernel.journal import Journal, Question, Row
from firm.kernel.worker import Worker
from firm.ledger.forward import books_of
from firm.ledger.ledger import Ledger
from firm.policy.action import Action
from firm.policy.approval import FOUNDER, Asked, check_answer
from firm.policy.broker import Broker
from firm.policy.canonical import canonical
from firm.policy.capability import Charter
from firm.policy.gate import Command, Limits, Reservation
from firm.policy.redact import Redactor
from firm.policy.rulebook import Rulebook
from firm.policy.secret import Secrets
from firm.root.command import in_gate, tags_of
from firm.root.treasury import WorkerKeeper
from firm.testing.answering import Answers, SimModels
from firm.testing.clock import START_US
from firm.testing.node import Node, here
from firm.units.amount import Amount
from firm.units.purse import Limit, Purse

CANARY = "canary-7f3a91d2c4"
"""The value of the only secret, `secret:canary`."""


@dataclass(frozen=True, slots=True)
class Economics:
    """What the founder has laid down."""

    rulebook: Rulebook = field(default_factory=Rulebook)
    most: tuple[Limit, ...] = ()
    """Limits of the purse of the firm."""
    caps: Mapping[str, int] = field(default_factory=dict)
    """Pattern of purse ids -> millionths of a dollar that each of them may have taken at most; for the checkers."""
    lost_after_s: float = 30.0
    answers: Answers | None = None
    """What its model says; None: it has no model."""


class SimFirm:
    """The firm of one life of one node; runs carry it as `run.firm`."""

    def __init__(self, economics: Economics, node: Node) -> None:
        self._economics, self._node = economics, node
        self.ledger: Ledger | None = None
        self.command = Command(economics.rulebook, now_us=node.now_us)
        self.models = None if economics.answers is None else SimModels(economics.answers, self)

    async def open(self, worker: Worker, journal: Journal) -> None:
        """Open the books, before the worker takes anything up.

        Raises:
            JournalError: they cannot be read just now.
        """
        node = self._node
        economics = self._economics
        ledger = Ledger(
            WorkerKeeper(worker),
            await books_of(journal),
            firm=Purse("firm", economics.most),
            now_us=node.now_us,
            boot_us=lambda: START_US + round(node.loop.time() * 1e6),
            lost_after_s=economics.lost_after_s,
        )
        for context in (ledger._pen.context, ledger._turnstile._context):
            context.run(here.set, node)  # what it does later dies with the node too
        worker.before_leaving = ledger.close
        self.ledger = ledger
        self.command = Command(
            economics.rulebook,
            Limits(questions_per_hour=1000),
            reserve=self._reserve,
            take_up=ledger.reopen,
            broker=Broker(cast(Secrets, OneSecret()), Redactor()),
            check_proof=check_proof,
            now_us=node.now_us,
        )

    async def _reserve(
        self, most: Amount, purses: tuple[Purse, ...], action: Action, charter: Charter
    ) -> Reservation:
        assert self.ledger is not None
        tags = tags_of(action, charter)
        found = self.ledger.reopen_at(most, purses, tags) if in_gate() else None
        return found if found is not None else await self.ledger.reserve(most, purses, tags)


class OneSecret:
    """In place of the sealed file."""

    def get(self, name: str, host: str) -> str:
        """The canary, for one host."""
        if (name, host) != ("canary", "bank.example"):
            raise PolicyDenied(f"secret {name!r} is not bound to {host!r}")
        return CANARY


# --- the founder --------------------------------------------------------------------------------------------------


def sign(question: str, action_hash: str, answer: Mapping[str, object]) -> str:
    """The founder's signature; whoever forges answers cannot make it."""
    plain = {name: value for name, value in answer.items() if name != "proof"}
    return sha256(f"founder {question} {action_hash} ".encode() + canonical(plain)).hexdigest()


def check_proof(question: str, action_hash: str, answer: object, proof: object, now_us: int) -> object:
    """See `firm.policy.approval.CheckProof`."""
    if proof != sign(question, action_hash, cast("dict[str, object]", answer)):
        raise PolicyDenied("the answer does not count as the founder's: its proof is of something else")
    return proof


class Founder:
    """Answers approvals; and so does somebody who has got at the inbox, but not at the key."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._signed: list[dict[str, Any]] = []

    async def answer(self, worker: Worker, question: Question) -> dict[str, Any]:
        """What is written down as the answer.

        Raises:
            JournalError: the question cannot be read just now.
        """
        asked = await asked_of(worker.journal, question)
        if self._random.random() < 0.2:
            return self._forge(asked)
        answer = self._decide(asked)
        answer["proof"] = sign(question.id, asked.hash, answer)
        if check_answer(question.id, asked, answer, check_proof, worker.clock.now_us()) != FOUNDER:
            raise UsageError("the founder's own answer was not taken for the founder's")
        self._signed.append(answer)
        return answer

    def _decide(self, asked: Asked) -> dict[str, Any]:
        chance = self._random.random()
        if chance < 0.12:
            return {"do": "refuse", "reason": "no"}
        if chance < 0.2:
            return {"do": "say", "words": "later"}
        if chance < 0.45 and "note" in asked.action.args:
            return {"do": "edit", "args": {"note": f"edited {self._random.randrange(100)}"}}
        return {"do": "accept"}

    def _forge(self, asked: Asked) -> dict[str, Any]:
        """A yes without a proof, or with the proof of another answer."""
        if self._signed and self._random.random() < 0.5:
            return self._random.choice(self._signed)
        if "note" in asked.action.args and self._random.random() < 0.5:
            return {"do": "edit", "args": {"note": "forged"}, "proof": "0" * 64}
        return {"do": "accept", "proof": "0" * 64}


async def asked_of(journal: Journal, question: Question) -> Asked:
    """What stands beside a question."""
    rows: list[Row] = list(await journal.rows("question", prefix=f"{question.run}\t{question.id}"))
    if not rows:
        raise UsageError(f"nothing stands beside question {question.id!r}")
    return Asked.decode(rows[0].value)


def answer_of(question: Question) -> dict[str, Any]:
    """As it stands in the journal; empty where there is none."""
    if not question.answered_us or not question.answer:
        return {}
    found = msgspec.msgpack.decode(question.answer)
    return found if isinstance(found, dict) else {}
