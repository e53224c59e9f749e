"""`firm panel` and `firm briefing`: what is typed, what is printed."""

import json
from pathlib import Path

import pytest

from firm.cli.desk import day_of, option_of
from firm.errors import UsageError
from firm.org.desk import Option

from .conftest import Firm

MODEL = """
def answer(request):
    return {"choice": "29 USD", "reason": "they pay it", "confidence": 0.8, "against": "some will leave"}
"""
SETTINGS = """
name = "course works"
[engine]
idle_s = 0.05
[models.default]
script = "rehearsal.py:answer"
"""
ASKED = ("panel", "Which price?", "--option", "19 USD", "--option", "29 USD | with exercises | 40")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "rehearsal.py").write_text(MODEL)
    (tmp_path / "firm.toml").write_text(SETTINGS)
    return tmp_path


def test_an_option_is_a_name_with_what_it_means_and_what_it_costs() -> None:
    assert option_of("19 USD") == Option("19 USD")
    assert option_of("buy | a used one") == Option("buy", "a used one")
    assert option_of("buy|a used one|1e3") == Option("buy", "a used one", 1000.0)
    for wrong in ("buy | a | b", "buy | a | 1 | 2"):
        with pytest.raises(UsageError, match="--option"):
            option_of(wrong)


def test_what_is_no_day_is_refused() -> None:
    assert day_of("2026-11-01").strftime("%Y-%m-%d %H:%M") == "2026-11-01 00:00"
    with pytest.raises(UsageError, match="--since 'yesterday' is no day"):
        day_of("yesterday")


def test_a_close_call_falls_to_its_default_and_its_record_is_shown(firm: Firm, home: Path) -> None:
    assert firm("panel", "--record").out == "no close call was decided yet\n"
    done = firm(*ASKED, "--kind", "pricing", "--default", "19 USD", "--answer-s", "0.5", "--json")
    assert done.code == 0, done
    found = json.loads(done.out)["result"]
    assert (found["choice"], found["by"], found["opinions"][0]["choice"]) == ("19 USD", "default", "29 USD")
    assert firm("panel", found["run"], "--outcome", "right").code == 0
    shown = json.loads(firm("panel", "--record", "--json").out)
    (record,) = [one for one in shown["records"] if one["expert"] == found["opinions"][0]["expert"]]
    assert (record["kind"], record["asked"], record["wrong"]) == ("pricing", 1, 1)
    table = firm("panel", "--record").out
    assert "TURNED OUT" in table and "Which price?" in table and found["run"] in table


def test_a_close_call_without_a_default_waits_for_the_founder_and_is_joined(firm: Firm, home: Path) -> None:
    asked = firm(*ASKED, "--one-way", "--no-wait")
    assert asked.code == 3, asked
    (question,) = json.loads(firm("inbox", "--json").out)
    assert question["one_way"] and "they pay it" in question["text"]
    assert "NOW: it cannot be taken back" in firm("inbox").out
    told = firm("briefing")
    assert told.code == 0 and f"firm answer {question['id']}" in told.out
    assert firm("answer", question["id"], "29 USD").code == 0
    joined = firm(*ASKED, "--one-way", "--no-wait")
    assert joined.code == 0 and "joining the unfinished run" in joined.err
    assert json.loads(joined.out)["by"] == "founder"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("panel",), "give a question"),
        (("panel", "Which?"), "has 0 options"),
        (
            ("panel", "Which?", "--option", "a", "--option", "b", "--default", "c"),
            "none of its options: a, b",
        ),
        (("panel", "nobody", "--outcome", "right"), "no close call was decided in run"),
        (("panel", "nobody", "--outcome", "maybe"), "give right or wrong"),
        (("briefing", "--since", "x"), "is no day"),
    ],
)
def test_what_cannot_be_is_refused(firm: Firm, home: Path, words: tuple[str, ...], says: str) -> None:
    firm("ps")
    done = firm(*words)
    assert done.code == 2 and says in done.err, done


def test_a_briefing_is_written_as_a_page_and_printed_as_json(firm: Firm, home: Path) -> None:
    assert firm("briefing", "--html", "page.html").out == ""
    assert (home / "page.html").read_text("utf-8").startswith("<!doctype html>")
    found = json.loads(firm("briefing", "--json").out)
    assert (found["firm"], found["done"], found["now"]) == ("course works", [], [])
