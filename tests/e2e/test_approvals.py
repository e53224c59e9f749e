"""Approvals with real processes: asked by one, answered by another, used by a third after `kill -9`."""

import json
import signal
from typing import Any

import pytest

from .conftest import Place

OFFICE = '''
"""Workflows that need the founder's word; what was done stands in the file `calls`."""

import asyncio
from pathlib import Path

from firm import Firm, tool, workflow
from firm.errors import ApprovalRejected, PolicyDenied


@tool(risk="spend", to="payee", amount="usd")
async def pay(payee: str, usd: float) -> str:
    with open("calls", "a") as file:
        file.write(f"pay {payee} {usd:g}\\n")
    return f"paid {payee} {usd:g}"


@tool(risk="write")
async def note(text: str) -> str:
    return f"noted {text}"


@workflow
async def settle(payee: str, usd: float) -> str:
    try:
        return await pay(payee, usd)
    except ApprovalRejected as error:
        return f"no: {error.words or error}"


@workflow
async def notes() -> str:
    return await note("tea")
'''
WORDS = "correct horse battery"


@pytest.fixture
def office(place: Place, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setenv("FIRM_PASSPHRASE", WORDS)
    (place.folder / "office.py").write_text(OFFICE)
    (place.folder / "firm.toml").write_text(
        '[engine]\nidle_s = 0.1\n[[rules]]\ntool = "note"\nthen = "ask"\n'
    )
    return place


def inbox(place: Place) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(place.firm("inbox", "--json"))
    return found


def begin(place: Place, run_id: str, what: str = "settle", *args: str) -> None:
    place.firm("run", f"office.py:{what}", *args, "--id", run_id, "--no-wait", code=3)


def result(place: Place, run_id: str, what: str = "settle", *args: str) -> str:
    return place.firm("run", f"office.py:{what}", *args, "--id", run_id, "--no-wait").strip().splitlines()[-1]


def test_asked_by_one_process_answered_by_another_and_used_by_a_third(office: Place) -> None:
    begin(office, "r-1", "settle", "ACME", "2.5")
    [question] = inbox(office)
    assert question["kind"] == "approval" and 'payee = "ACME"' in question["text"]
    refused = office.firm("answer", question["id"], "accept", code=None)
    assert "firm login" in refused and office.calls() == []
    office.firm("login")
    office.firm("answer", question["id"], "accept")
    assert result(office, "r-1", "settle", "ACME", "2.5") == '"paid ACME 2.5"'
    assert office.calls() == ["pay ACME 2.5"]
    shown = office.firm("show", "r-1")
    assert f"approved {question['id']}" in shown and "(by founder)" in shown
    again = office.firm("answer", question["id"], "accept", code=None)
    assert "was answered already" in again
    assert office.firm("spend", "--json").count("2500000") >= 1


def test_a_killed_firm_finds_question_and_answer_again(office: Place) -> None:
    office.firm("login")
    up = office.up()
    begin(office, "r-1", "settle", "ACME", "3")
    up.send_signal(signal.SIGKILL)
    up.wait(timeout=20)
    [question] = inbox(office)
    office.firm("answer", question["id"], "edit", '{"usd": 1.5}')
    second = office.up()
    # killed between the payment and its record it would rightly be in doubt
    office.until(lambda: '"paid ACME 1.5"' in office.firm("show", "r-1"), "the payment's record")
    second.send_signal(signal.SIGKILL)
    second.wait(timeout=20)
    assert result(office, "r-1", "settle", "ACME", "3") == '"paid ACME 1.5"'
    assert office.calls() == ["pay ACME 1.5"]


def test_words_and_a_refusal_need_no_session_and_wake_only_their_run(office: Place) -> None:
    for run_id in ("r-1", "r-2", "r-3"):
        begin(office, run_id, "settle", "ACME", "3")
    questions = {question["run"]: question["id"] for question in inbox(office)}
    assert "unverified" in office.firm("answer", questions["r-1"], "say", "ask Ana first")
    office.firm("answer", questions["r-2"], "refuse", "too dear")
    assert result(office, "r-1", "settle", "ACME", "3") == '"no: ask Ana first"'
    assert "too dear" in result(office, "r-2", "settle", "ACME", "3")
    assert [question["run"] for question in inbox(office)] == ["r-3"] and office.calls() == []


def test_what_can_be_undone_may_be_accepted_without_a_session(office: Place) -> None:
    begin(office, "r-1", "notes")
    [question] = inbox(office)
    wrong = office.firm("answer", question["id"], "yes", code=None)
    assert "accept, refuse, edit or say" in wrong
    office.firm("answer", question["id"], "accept")
    assert result(office, "r-1", "notes") == '"noted tea"'
    assert "unverified" in office.firm("show", "r-1")


def test_a_rule_that_was_changed_between_crash_and_resume_holds_and_does_not_diverge(office: Place) -> None:
    begin(office, "r-1", "settle", "ACME", "3")
    [question] = inbox(office)
    office.firm("login")
    office.firm("answer", question["id"], "accept")
    (office.folder / "firm.toml").write_text('[[rules]]\ntool = "pay"\nthen = "deny"\n')
    process = office.begin("run", "office.py:settle", "ACME", "3", "--id", "r-1", "--no-wait")
    out, err = process.communicate(timeout=20)
    assert process.returncode == 1 and "rule 1 denies" in out + err and "diverged" not in out + err
    assert office.calls() == []
