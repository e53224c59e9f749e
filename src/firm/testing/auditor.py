"""The checkers of money and command: what must hold of a simulated firm at each commit, and when all is over.

One rule: it looks at what was committed, at what really happened and at the founder's words, and does its own sums;
never at what the ledger or the gate believe.
"""

import base64
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from random import Random

import msgspec

from firm.kernel.journal import Also, Event, Kind, Question, Refused, Row
from firm.kernel.mark import unmarked
from firm.kernel.value import BUILTIN
from firm.ledger import line as ledger_line
from firm.ledger.forward import books_of
from firm.ledger.line import Line
from firm.policy.action import GRAVE, UNTRUSTED
from firm.policy.approval import Asked
from firm.store.sqlite import SqliteJournal
from firm.testing.door import at_once
from firm.testing.economy import CANARY, Economics, Founder, SimFirm, answer_of, asked_of, sign
from firm.testing.history import Execution, History, Recorded
from firm.testing.invariant import Evidence
from firm.testing.node import Node

_APPROVED = re.compile(r"approved (\S+) ([0-9a-f]+)")
_ALLOWED = re.compile(r"allowed by (rule|mandate|capability|default)(?: ([^,]*))?")
_RESERVED = re.compile(r"reserved as ([0-9]+)")
_lines = msgspec.msgpack.Decoder(list[Line]).decode
_FORMS = (
    CANARY.encode(),
    CANARY.encode().hex().encode(),
    *(base64.b64encode(b" " * shift + CANARY.encode())[4:-4] for shift in range(3)),
)


@dataclass(slots=True)
class Held:
    """A reservation, as its lines have it."""

    order: int
    usd_micro: int
    run: str
    purses: tuple[str, ...]
    until: int | None = None
    """Order of the commit that closed it."""
    how: int = 0
    """Kind of the line that did."""


class Auditor:
    """Watches one history."""

    def __init__(self, economics: Economics, history: History, journal: SqliteJournal) -> None:
        self._economics, self._history, self._journal = economics, history, journal
        self._seen: dict[int, Line] = {}
        self._held: dict[int, Held] = {}
        self._spent: dict[str, int] = defaultdict(int)
        self._settled: dict[str, int] = defaultdict(int)
        self._written_off: dict[str, int] = defaultdict(int)
        history.watch = self._watch

    def firm(self, node: Node) -> SimFirm:
        """For one life of a node."""
        return SimFirm(self._economics, node)

    def founder(self, random: Random) -> Founder:
        """Who answers approvals."""
        return Founder(random)

    def settled(self) -> bool:
        """Whether no reservation is open."""
        return all(held.until is not None for held in self._held.values())

    # --- at each commit -------------------------------------------------------------------------------------------

    def _watch(self, also: Sequence[Also], refused: Refused) -> None:
        order = self._history.next()
        for one in also:
            if leaked(msgspec.msgpack.encode(one)):
                self._history.violated(f"I12: the secret stands in a {type(one).__name__}")
            if type(one) is Row and one.book == ledger_line.BOOK:
                for line in _lines(one.value):
                    self._take(line, order)
        self._check_caps()

    def _take(self, line: Line, order: int) -> None:
        before = self._seen.setdefault(line.number, line)
        if before is not line:
            if before != line:
                self._history.violated(f"I9: line {line.number} was written twice, and differs")
            return
        if any(
            sum(entry) for entry in zip(*(msgspec.structs.astuple(a) for _, a in line.entries), strict=True)
        ):
            self._history.violated(f"I9: line {line.number} does not sum to zero")
        if line.kind == ledger_line.Kind.RESERVE:
            run = line.tags.run if line.tags is not None else ""
            self._held[line.number] = Held(order, _into(line, "reserved"), run, line.purses)
        elif line.kind != ledger_line.Kind.LOSE:
            self._close(line, order)

    def _close(self, line: Line, order: int) -> None:
        used, off = _into(line, ledger_line.USED), _into(line, ledger_line.WRITTEN_OFF)
        run, purses = (line.tags.run if line.tags is not None else ""), line.purses
        if line.of:
            held = self._held.get(line.of)
            if held is None or held.until is not None:
                self._history.violated(
                    f"I9: line {line.number} closes reservation {line.of}, which is not open"
                )
                return
            held.until, held.how, run, purses = order, line.kind, held.run, held.purses
        self._settled[run] += used
        self._written_off[run] += off
        for purse in ("firm", *purses):
            self._spent[purse] += used + off

    def _check_caps(self) -> None:
        taken = dict(self._spent)
        for held in self._held.values():
            if held.until is None:
                for purse in ("firm", *held.purses):
                    taken[purse] = taken.get(purse, 0) + held.usd_micro
        for purse, usd_micro in taken.items():
            for pattern, cap in self._economics.caps.items():
                if fnmatchcase(purse, pattern) and usd_micro > cap:
                    self._history.violated(
                        f"I9: spent and reserved of {purse!r} are {usd_micro}, its cap is {cap}"
                    )

    # --- when all is over -----------------------------------------------------------------------------------------

    def check(self, evidence: Evidence) -> Iterator[str]:
        """One sentence for each violation."""
        yield from self._check_sums(evidence)
        yield from self._check_reserved(evidence)
        yield from self._check_grave(evidence)
        yield from check_read(evidence)
        for run, events in evidence.events.items():
            if any(leaked(event.body + event.input) for event in events):
                yield f"I12: the secret stands in an event of run {run!r}"

    def _check_sums(self, evidence: Evidence) -> Iterator[str]:
        """I9: what happened is charged, and nothing else; nothing stays open."""
        happened: dict[str, int] = defaultdict(int)
        for done in evidence.history.ledger:
            happened[done.run] += cost(done)
        for run in sorted({*happened, *self._settled}):
            settled, off = self._settled[run], self._written_off[run]
            if settled > happened[run]:
                yield f"I9: run {run!r} was charged {settled}, what it did cost {happened[run]}"
            if settled + off < happened[run] and self.settled():
                yield f"I9: run {run!r} did what cost {happened[run]}, charged were {settled + off}"
        for number, held in self._held.items():
            if held.until is None:
                yield f"I9: reservation {number} of run {held.run!r} is open long after everything has ended"
        books = at_once(books_of(self._journal))
        found = sum(a.usd_micro for name, a in books.balances.items() if name.startswith(ledger_line.USED))
        if found != sum(self._settled.values()):
            yield f"I9: by the books {found} were used, by the lines {sum(self._settled.values())}"

    def _check_reserved(self, evidence: Evidence) -> Iterator[str]:
        """I8: what costs was reserved, durably, when it happened."""
        for done in evidence.history.ledger:
            if cost(done) and self._reservation(done) is None:
                yield f"I8: {done.name} of run {done.run!r} happened with nothing reserved for it"

    def _reservation(self, done: Execution) -> Held | None:
        for held in self._held.values():
            open = held.order < done.order and (held.until is None or held.until > done.order)
            if open and held.run == done.run and held.usd_micro >= cost(done):
                return held
        return None

    def _check_grave(self, evidence: Evidence) -> Iterator[str]:
        """I10: each grave effect was approved by the founder, as it happened and once, or permitted."""
        used: dict[str, Execution] = {}
        questions = {question.id: question for question in evidence.questions}
        for done in evidence.history.ledger:
            if not isinstance(done.value, dict) or done.value["risk"] not in GRAVE:
                continue
            intent = _intent(evidence, done)
            words = _words(intent.event) if intent is not None else ""
            if cost(done) and not self._names_money(done, words):
                yield f"I8: the intent of {done.name} of run {done.run!r} names no money of its own: {words!r}"
            if approved := _APPROVED.match(words):
                id, hash = approved.groups()
                first = used.setdefault(id, done)
                if first.where != done.where:
                    yield f"I10: {id!r} approved {done.name} of run {done.run!r} twice"
                yield from self._check_word(done, questions.get(id), hash)
            elif allowed := _ALLOWED.match(words):
                assert intent is not None
                yield from self._check_permission(evidence, done, intent, *allowed.groups())
            else:
                yield f"I10: {done.name} of run {done.run!r} happened, allowed by nobody: {words!r}"

    def _names_money(self, done: Execution, words: str) -> bool:
        found = _RESERVED.search(words)
        held = self._held.get(int(found[1])) if found else None
        return held is not None and (held.run, held.usd_micro) == (done.run, cost(done))

    def _check_word(self, done: Execution, question: Question | None, hash: str) -> Iterator[str]:
        what = f"{done.name} of run {done.run!r}"
        answer = answer_of(question) if question is not None else {}
        if question is None or answer.get("do") not in ("accept", "edit"):
            yield f"I10: {what} happened, and the founder answered {answer!r}"
            return
        asked: Asked = at_once(asked_of(self._journal, question))
        if not asked.hash.startswith(hash) or question.run != done.run:
            yield f"I10: {what} names an approval of something else"
        if answer.get("proof") != sign(question.id, asked.hash, answer):
            yield f"I10: {what} happened on a forged answer"
        assert isinstance(done.value, dict)
        wanted = {**asked.action.args, **answer.get("args", {})}
        if (asked.action.tool, wanted) != (done.name, done.value["args"]):
            yield f"I10: {what} happened with {done.value['args']!r}, approved was {wanted!r}"

    def _check_permission(
        self, evidence: Evidence, done: Execution, intent: Recorded, kind: str, name: str
    ) -> Iterator[str]:
        what = f"{done.name} of run {done.run!r}"
        assert isinstance(done.value, dict)
        if kind in ("mandate", "capability"):
            held = self._reservation(done)
            if held is not None and f"{kind}/{name}" not in held.purses:
                yield f"I10: {what} was allowed by {kind} {name!r}, but not counted against it"
            if done.value["to"] != name:
                yield f"I10: {what} went to {done.value['to']!r}, which {kind} {name!r} does not name"
            return
        rules = self._economics.rulebook.rules
        if not any(one.then == "allow" and one.tool == done.name for one in rules):
            yield f"I10: {what} happened, and no rule allows it"
        if _read_before(evidence, done.run, intent.order):
            yield f"I11: {what} happened unasked, after the run had read what strangers wrote"


def cost(done: Execution) -> int:
    """What an effect really cost, millionths of a dollar."""
    found = done.value["usd_micro"] if isinstance(done.value, dict) else 0
    return int(found)


def leaked(body: bytes) -> bool:
    """Whether the canary stands in there, in one of its forms."""
    return any(form in body for form in _FORMS)


def check_read(evidence: Evidence) -> Iterator[str]:
    """I11: the result of what reads strangers' words carries the mark."""
    for done in evidence.history.ledger:
        if isinstance(done.value, dict) and done.value.get("untrusted"):
            for one in evidence.at[done.where]:
                if one.event.kind == Kind.DONE and UNTRUSTED not in unmarked(one.event.body)[1]:
                    yield f"I11: {done.name} of run {done.run!r} came without the mark {UNTRUSTED!r}"


def _read_before(evidence: Evidence, run: str, order: int) -> bool:
    return any(
        one.event.kind == Kind.DONE and one.order < order
        for done in evidence.history.ledger
        if done.run == run and isinstance(done.value, dict) and done.value.get("untrusted")
        for one in evidence.at[done.where]
    )


def _intent(evidence: Evidence, done: Execution) -> Recorded | None:
    found = [
        one for one in evidence.at[done.where] if one.event.kind == Kind.INTENT and one.order < done.order
    ]
    return found[-1] if found else None


def _words(event: Event) -> str:
    """What an intent says of its permit: the first of its arguments."""
    args = BUILTIN.decode(event.input)
    if isinstance(args, list) and args and isinstance(args[0], list):
        args = args[0]
    return args[0] if isinstance(args, list) and args and isinstance(args[0], str) else ""


def _into(line: Line, account: str) -> int:
    return sum(amount.usd_micro for name, amount in line.entries if name.startswith(account))
