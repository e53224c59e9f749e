"""Agents where everything fails: A1 to A5 of each history, besides all that must hold of any run and of money."""

from collections import Counter
from collections.abc import Iterator

import pytest
from tests.sim.agency import JOBS, of, play
from tests.sim.agency_watch import Messages, Watch, asked_in, turns_in

from firm.agent.compaction import BEGUN
from firm.kernel.failure import Failure
from firm.kernel.journal import Kind
from firm.kernel.mark import plain
from firm.model.message import ToolResult
from firm.testing import Options
from firm.testing.economy import answer_of
from firm.testing.invariant import Evidence

AIMED: dict[str, int] = {
    "clerk": 12,
    "wide": 20,
    "boss": 12,
    "asker": 14,
    "poor": 8,
    "wordy": 10,
    "babbler": 6,
    "crowded": 12,
    "narrow": 12,
}
"""Jobs -> how many histories of them alone."""
TOGETHER = 6


@pytest.mark.parametrize("jobs", AIMED)
def test_histories_of_agents_hold_every_invariant(jobs: str) -> None:
    history = of(jobs)
    for seed in range(AIMED[jobs]):
        report = history(seed)
        assert report.ok, report


def test_agents_beside_each_other_meet_all_that_these_histories_are_there_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    met: Counter[str] = Counter()
    check = Watch.check

    def counted(self: Watch, evidence: Evidence) -> Iterator[str]:
        met.update(what_happened(evidence))
        yield from check(self, evidence)

    monkeypatch.setattr(Watch, "check", counted)
    history = of()
    for seed in range(TOGETHER):
        report = history(seed)
        assert report.ok, report
    missing = [what for what in WANTED if not met[what]]
    assert not missing, f"no history met {missing}; met were {sorted(met)}"


WANTED = (
    *("look", "read", "glance", "put", "mail", "pay", "chat"),
    *("a reply is asked for in two lives", "a summary", "a second try at a summary", "a third generation"),
    "a generation without a summary",
    *("the last turn stays", "the last turn does not stay"),
    *("a failure is told", "not taken beside a failure", "no such tool", "more calls than are made"),
    *("another agent is called", "a question is answered", "a message comes", "accept", "refuse"),
    *("ContextTooLong", "BudgetExceeded", "LimitReached", "CANCEL", "ENDED cancelled"),
)


def what_happened(evidence: Evidence) -> Iterator[str]:
    """A check of what never happens checks nothing."""
    yield from (done.name for done in evidence.history.ledger)
    chats = [done for done in evidence.history.ledger if done.name == "chat"]
    if len({(done.where, done.node) for done in chats}) > len({done.where for done in chats}):
        yield "a reply is asked for in two lives"
    asked, _ = asked_in(evidence)
    for turns in turns_in(evidence, asked).values():
        yield from ("a summary" for turn in turns if turn.sums_up)
        yield from ("a second try at a summary" for turn in turns if "try 2" in turn.words[2])
        if turns[-1].place[1] > 2:
            yield "a third generation"
        later = [turn.asked for turn in turns if turn.place[1] > 1 and not turn.sums_up]
        yield from ("a generation without a summary" for said in later if not said[2].text.startswith(BEGUN))
    for messages in asked.values():
        yield from _told(messages)
    for question in evidence.questions:
        yield str(answer_of(question).get("do", "unanswered"))
        if question.kind == "ask" and question.answered_us:
            yield "a question is answered"
    yield from _events(evidence)


def _told(messages: Messages) -> Iterator[str]:
    if len(messages) > 2 and messages[2].text.startswith(BEGUN):
        yield "the last turn stays" if len(messages) == 5 else "the last turn does not stay"
    for message in messages:
        for part in message.parts:
            if isinstance(part, ToolResult) and part.error:
                yield "a failure is told"
                yield from (what for begin, what in TOLD.items() if part.text.startswith(begin))


TOLD = {
    "Not taken": "not taken beside a failure",
    "There is no tool": "no such tool",
    "Not done: at most": "more calls than are made",
}


def _events(evidence: Evidence) -> Iterator[str]:
    for run, events in evidence.events.items():
        if "/" in run and run.startswith("boss"):
            yield "another agent is called"
        for event in events:
            if event.kind == Kind.FAILED:
                yield Failure.decode(plain(event.body)).type_name.rpartition(":")[2]
            elif event.kind == Kind.MESSAGE:
                yield "a message comes"
            elif event.kind == Kind.ENDED:
                yield f"ENDED {event.name}"
            elif event.kind == Kind.CANCEL:
                yield "CANCEL"


def test_an_unbroken_run_comes_to_the_same_answers() -> None:
    for name in ("clerk", "boss", "wordy", "babbler", "poor", "crowded", "narrow"):
        calm = Options(workers=1, faults=frozenset(), harm_s=0.0)
        report = play(JOBS[name], 0, calm)
        assert report.ok, report


def test_the_same_seed_gives_the_same_history() -> None:
    history = of("clerk", "asker")
    assert [history(seed).fingerprint for seed in (1, 5)] == [history(seed).fingerprint for seed in (1, 5)]
