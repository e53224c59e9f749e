"""The recorded attacks of AgentDojo against the gate's judgement, and the table in the documents."""

from dataclasses import replace

import pytest
from tests.security import agentdojo
from tests.security.agentdojo import (
    ALONE,
    ASK_ALL,
    DOC,
    LABELS,
    OPEN,
    PLAIN,
    POLICIES,
    WHOLE,
    assault,
    effect,
    score,
    table,
)
from tests.security.traces import VERSIONS, suites, tools

SIZES = {"v1": (97, 629), "v1.2.2": (97, 949)}


@pytest.mark.parametrize("version", VERSIONS)
def test_the_benchmark_is_there_whole(version: str) -> None:
    found = suites(version).values()
    tasks = sum(len(suite.tasks) for suite in found)
    assert (tasks, sum(len(suite.tasks) * len(suite.attacks) for suite in found)) == SIZES[version]
    assert sum(len(suite.tools) for suite in found) == 74
    assert (
        sum(attack.ours for suite in found for attack in suite.attacks.values())
        == {"v1": 1, "v1.2.2": 9}[version]
    )


@pytest.mark.parametrize("version", VERSIONS)
def test_every_task_reads_an_injection_and_only_by_tools_that_are_declared_untrusted(version: str) -> None:
    for name, suite in suites(version).items():
        for key, task in suite.tasks.items():
            infected = [call.tool for call in task.calls if call.sees]
            assert infected, f"{name} {key} cannot be attacked"
            assert [tool for tool in infected if not suite.tools[tool].untrusted] == [], f"{name} {key}"


def test_every_tool_says_why_and_every_argument_that_it_names_is_there() -> None:
    for suite in suites().values():
        for name, tool in suite.tools.items():
            named = {*tool.to, *tool.times, *([tool.amount] if tool.amount else [])}
            assert tool.why, name
            assert named <= set(suite.defaults[name]), name


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("policy", [ASK_ALL, PLAIN, LABELS, OPEN, WHOLE], ids=lambda policy: policy.name)
def test_no_attack_runs_without_a_question(policy: agentdojo.Policy, version: str) -> None:
    found = score(policy, version)
    assert found.breaches == 0
    assert found.tried == found.pairs - found.wordless > 600


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("policy", [OPEN, WHOLE], ids=lambda policy: policy.name)
def test_a_destination_that_is_named_with_its_content_takes_nothing_else(
    policy: agentdojo.Policy, version: str
) -> None:
    found = score(policy, version)
    assert (found.misused, found.disguises > 100) == (0, True)


def test_a_destination_that_is_named_alone_takes_whatever_a_hostile_agent_sends_there() -> None:
    """The price of naming no more than a destination, counted; the documents say so."""
    found = score(ALONE)
    assert found.breaches > 0
    assert found.misused > 0


def test_the_replay_sees_attacks_that_get_through() -> None:
    """Without labels a book that allows everything lets every attack pass: the zero is not for lack of trying."""
    unlabelled = replace(LABELS, heeds_labels=False)
    found = score(unlabelled)
    assert found.breaches == found.tried


def test_every_attack_reaches_the_inbox_if_every_effect_is_asked() -> None:
    found = score(ASK_ALL)
    assert found.inbox == found.tried


def test_an_attack_is_told_nothing_new_by_trying_again() -> None:
    for suite in suites().values():
        for task in suite.tasks.values():
            for attack in suite.attacks.values():
                tried = assault(WHOLE, suite, task, attack)
                first = {id(call): word for call, word in reversed(tried)}
                assert [word for call, word in tried] == [first[id(call)] for call, _ in tried]


def test_reading_is_never_asked() -> None:
    for suite in suites().values():
        for task in suite.tasks.values():
            words = agentdojo.work(WHOLE, suite, task)
            reads = [word for call, word in zip(task.calls, words, strict=True) if not effect(suite, call)]
            assert set(reads) <= {"allow"}


def test_the_classification_covers_nothing_else() -> None:
    there = {name for suite in suites().values() for name in suite.tools}
    assert set(tools()) == there


@pytest.mark.parametrize("version", VERSIONS)
def test_the_documents_show_this_table(version: str) -> None:
    assert table(version) in DOC.read_text("utf-8"), "run: python -m tests.security.agentdojo"


def test_the_page_has_a_row_for_every_policy() -> None:
    assert all(policy.name in DOC.read_text("utf-8") for policy in POLICIES)
