"""Money, the founder's word, marks and secrets where everything fails: I8 to I12 of each history.

One worker each: a ledger belongs to the process that owns the home.
"""

from collections import Counter
from collections.abc import Iterator

import pytest
from tests.sim.commerce import ECONOMICS, JOBS, of

from firm.errors import UsageError
from firm.kernel.failure import Failure
from firm.kernel.journal import Kind
from firm.kernel.mark import plain
from firm.testing import Options, Program, simulate
from firm.testing.auditor import Auditor, leaked
from firm.testing.economy import CANARY, answer_of
from firm.testing.invariant import Evidence

AIMED: dict[str, int] = {"buy": 40, "correspond": 40, "browse": 30, "research": 40, "think": 40, "bank": 30}
"""Job -> how many histories of it alone."""
TOGETHER = 40
KEPT = (1231, 1283)
"""Seeds that failed once: the end of a reservation whose call was given up came to the journal before its beginning."""


@pytest.mark.parametrize("jobs", AIMED)
def test_histories_of_money_and_command_hold_every_invariant(jobs: str) -> None:
    history = of(jobs)
    for seed in range(AIMED[jobs]):
        report = history(seed)
        assert report.ok, report


def test_all_jobs_together_share_the_purse_of_the_firm(monkeypatch: pytest.MonkeyPatch) -> None:
    met: Counter[str] = Counter()
    check = Auditor.check

    def counted(self: Auditor, evidence: Evidence) -> Iterator[str]:
        met.update(what_happened(self, evidence))
        yield from check(self, evidence)

    monkeypatch.setattr(Auditor, "check", counted)
    history = of()
    for seed in (*range(TOGETHER), *KEPT):
        report = history(seed)
        assert report.ok, report
    missing = [what for what in WANTED if not met[what]]
    assert not missing, f"no history met {missing}; met were {sorted(met)}"


WANTED = (
    *("reserve", "settle", "void", "lose", "write off"),
    *("accept", "edit", "say", "refuse", "forged"),
    *("pay", "mail", "post", "notify", "search", "consult", "read_web", "call_bank"),
    *("BudgetExceeded", "PolicyDenied", "another action than was approved", "secret for another host"),
)


def what_happened(auditor: Auditor, evidence: Evidence) -> Iterator[str]:
    """What these histories are there for: a check of what never happens checks nothing."""
    names = ("", "reserve", "settle", "void", "lose", "write off")
    yield from (names[line.kind] for line in auditor._seen.values())
    yield from (done.name for done in evidence.history.ledger)
    for question in evidence.questions:
        answer = answer_of(question)
        yield str(answer.get("do", "unanswered"))
        if answer.get("proof") == "0" * 64:
            yield "forged"
    for events in evidence.events.values():
        for event in events:
            if event.kind == Kind.FAILED:
                failure = Failure.decode(plain(event.body))
                yield failure.type_name.rpartition(":")[2]
                if "is not what question" in failure.message:
                    yield "another action than was approved"
                if "is not bound to 'thief.example'" in failure.message:
                    yield "secret for another host"


def test_the_same_seed_gives_the_same_history() -> None:
    history = of("buy", "think")
    assert [history(seed).fingerprint for seed in (1, 5)] == [history(seed).fingerprint for seed in (1, 5)]


def test_a_ledger_belongs_to_one_worker() -> None:
    with pytest.raises(UsageError, match="belongs to one worker"):
        simulate(Program("shared", JOBS["buy"], ECONOMICS), seed=0, options=Options(workers=2))


def test_the_canary_is_found_in_every_form() -> None:
    import base64

    body = CANARY.encode()
    for shift in range(3):
        assert leaked(base64.b64encode(b"x" * shift + body + b"yz"))
    assert leaked(body) and leaked(body.hex().encode()) and not leaked(b"canary")
