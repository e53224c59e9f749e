"""What the founder reads of questions, reports and notes."""

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from firm.cli.asking import terms, text_lines
from firm.cli.telling import notes_lines, one_line, whole
from firm.root.home import find_home
from firm.root.inbox import FileView, NotesView, ReportView, last_look, since_of
from firm.root.view import QuestionView

from .conftest import Firm

TALKS = """
from pathlib import Path

from firm import ask, current_run, report, workflow
from firm.agent.kit.notes import note, todo
from firm.agent.notes import TodoItem


@workflow
async def ships() -> str:
    return await ask("Ship it?", options=["yes", "no"], one_way=True, waiting="a day of the yard")


@workflow
async def soon() -> str:
    return await ask("Which?", default="m", deadline=0.05)


@workflow
async def tells() -> None:
    current_run().mark("untrusted")
    await report("half \\x1b[31mway\\nfirm answer 000000000000 yes", [Path("wing.csv").absolute()])
    await note("remember \\x1b[2Jme")
    await todo([TodoItem("first", done=True), TodoItem("second")])


@workflow
async def lured() -> str:
    current_run().mark("untrusted")
    return await ask("Hello\\n  if nobody answers: nothing happens")
"""


@pytest.fixture
def talking(firm: Firm, tmp_path: Path) -> Firm:
    (tmp_path / "talks.py").write_text(TALKS)
    (tmp_path / "wing.csv").write_text("1,2")
    return firm


def test_a_question_says_what_hangs_on_it_wherever_it_is_shown(talking: Firm) -> None:
    waits = talking("run", "talks.py:ships", "--no-wait")
    lines = [
        "ONE-WAY: what is decided here cannot be taken back",
        "if nobody answers: it waits for ever",
        "waiting costs: a day of the yard",
    ]
    assert waits.code == 3 and all(f"  {line}\n" in waits.err for line in lines)
    [question] = json.loads(talking("inbox", "--json").out)
    assert (question["one_way"], question["if_unanswered"]) == (True, "waits")
    assert (question["waiting"], question["waiting_usd_per_day"]) == ("a day of the yard", None)
    alone = talking("answer", question["id"])
    assert alone.code == 0 and alone.out.splitlines()[1:] == talking("inbox").out.splitlines()[1:]
    assert all(f"  {line}\n" in alone.out for line in lines)
    assert json.loads(talking("answer", question["id"], "--json").out) == question
    assert talking("answer", question["id"], "yes").code == 0
    late = talking("answer", question["id"])
    assert late.code == 2 and "was answered already, by somebody who has not logged in at 20" in late.err


def test_an_answer_after_the_deadline_is_refused_although_nobody_carries_the_run(
    talking: Firm, monkeypatch: pytest.MonkeyPatch
) -> None:
    (Path("talks.py")).write_text(TALKS.replace("deadline=0.05", "deadline=600"))
    assert talking("run", "talks.py:soon", "--no-wait", "--id", "r").code == 3
    [question] = json.loads(talking("inbox", "--json").out)
    assert (question["if_unanswered"], question["default"]) == ("default", "m")
    assert 'if nobody answers: "m" is taken at ' in talking("inbox").out
    real = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real() + 601 * 10**9)
    late = talking("answer", question["id"], "x")
    assert late.code == 2 and "its time was over at" in late.err
    assert "the default 'm' is taken as soon as its run goes on" in late.err
    joined = talking("run", "talks.py:soon", "--id", "r")
    assert joined.out == '"m"\n'
    after = talking("answer", question["id"], "x")
    assert after.code == 2 and "and the default 'm' was taken" in after.err


def test_reports_and_notes_are_shown_escaped_and_with_a_warning(talking: Firm, tmp_path: Path) -> None:
    assert talking("run", "talks.py:tells", "--id", "r").code == 0
    inbox = talking("inbox").out
    assert inbox.startswith("nothing waits for you\n\ntold lately")
    assert "run r: (has read what strangers wrote) half way firm answer 000000000000 yes (1 file)" in inbox
    everything = talking("inbox", "--reports").out
    assert "run r (has read what strangers wrote)\n  | half way\n  | firm answer" in everything
    shown = talking("show", "r").out
    assert "\ntold\n" in shown and "notes (has read what strangers wrote)\n  remember me\n" in shown
    assert "to do (has read what strangers wrote)\n  [x] first\n  [ ] second\n" in shown
    assert "\x1b" not in inbox + everything + shown
    found = json.loads(talking("show", "r", "--json").out)
    assert found["notes"]["todo"][0] == {"text": "first", "done": True}
    [told] = json.loads(talking("inbox", "--reports", "--json").out)
    assert told == found["reports"][0] and Path(told["files"][0]["path"]).read_text() == "1,2"
    assert talking("inbox", "--json").out == "[]\n"


def test_a_look_into_the_inbox_is_remembered(talking: Firm, tmp_path: Path) -> None:
    home = find_home(tmp_path)
    assert talking("inbox", "--reports").out == "you were told nothing yet\n"
    assert last_look(home) is None, "only the inbox itself counts as a look"
    talking("run", "talks.py:tells", "--id", "r")
    assert "run r: " in talking("inbox").out
    looked = last_look(home)
    assert looked is not None and datetime.now(UTC) - looked < timedelta(minutes=1)
    assert "run r: " in talking("inbox").out, "what was told within the last day is shown again"


def test_the_inbox_shows_what_was_told_since_the_last_look_or_within_the_last_day() -> None:
    now, hour, day = datetime.now(UTC), timedelta(hours=1), timedelta(days=1)
    assert since_of(None, now) == now - day
    assert since_of(now - hour, now) == now - day
    assert since_of(now - 10 * day, now) == now - 10 * day


def test_words_of_strangers_cannot_pass_for_a_line_of_the_program(talking: Firm) -> None:
    waits = talking("run", "talks.py:lured", "--no-wait")
    assert "  |   if nobody answers: nothing happens\n  if nobody answers: it waits for ever\n" in waits.err
    shown = talking("inbox").out
    assert "written by a run that has read what strangers wrote:\n  | Hello\n  |   if nobody" in shown


# --- line by line ---------------------------------------------------------------------------------------------


def question(**fields: Any) -> QuestionView:
    given: dict[str, Any] = {
        "id": "q",
        "run": "r",
        "kind": "ask",
        "text": "Go?",
        "options": None,
        "default": None,
        "deadline": None,
        "asked_at": datetime.now(UTC),
        "if_unanswered": "waits",
    }
    return QuestionView(**{**given, **fields})


def test_each_way_of_not_answering_has_its_words() -> None:
    soon, past = datetime.now(UTC) + timedelta(hours=3), datetime.now(UTC) - timedelta(hours=3)
    assert terms(question()) == ["if nobody answers: it waits for ever"]
    [taken] = terms(question(deadline=soon, default="m", if_unanswered="default"))
    assert taken.startswith('if nobody answers: "m" is taken at ') and taken.endswith("(in 3 h)")
    [fails] = terms(question(deadline=past, if_unanswered="fails"))
    assert fails.startswith("if nobody answers: it fails at ") and fails.endswith("(now)")
    [undone] = terms(question(deadline=soon, if_unanswered="fails", kind="approval"))
    assert undone.startswith("if nobody answers: it is not done, at ")
    assert terms(question(waiting="2\x1b[0m USD"))[1] == "waiting costs: 2 USD"
    assert text_lines(question(text="")) == [""]


def test_a_report_is_one_line_or_all_of_it() -> None:
    files = [FileView(name="a", path="/there/reports/0/a", sha256="0", bytes=1200)]
    told = ReportView(run="r", agent="scout", at=datetime.now(UTC), text="x\ny", files=files, untrusted=False)
    assert one_line(told).endswith("scout of run r: x y (1 file)")
    assert whole(told).splitlines()[1:] == ["  x", "  y", "  file: /there/reports/0/a (1,200 bytes)"]
    assert "outside of runs" in one_line(
        ReportView(run="", agent="", at=told.at, text="x", files=[], untrusted=False)
    )


def test_notes_that_are_left_out_are_counted() -> None:
    notes = NotesView(todo=[], notes=["a"], dropped=2, untrusted=False)
    assert notes_lines(notes) == ["notes, 2 older ones left out", "  a"]
