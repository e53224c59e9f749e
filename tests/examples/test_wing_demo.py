"""The demo: killed in the middle it loses nothing, and it counts right what it would have lost."""

import io
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from demo import Count, Record, fresh, play, tally
from engine import Wish
from firm.lab.candidate import Block, Candidate, Status
from firm.lab.report import broken
from show import Show


def block(*hashes: bytes) -> bytes:
    """A block of so many candidates."""
    rows = tuple(Candidate(one, b"", (), Status.VALID, ()) for one in hashes)
    return Block(1, "chance", 0, 0, 7, "", "", "", 0, rows).encode()


ONE, TWO, OTHER = block(b"a", b"b"), block(b"c"), block(b"d")


def test_what_was_lost_changed_or_doubled_is_counted_in_candidates() -> None:
    before = Record({"1": ONE, "2": TWO}, [1, 2])
    whole = Record({"1": ONE, "2": TWO, "3": OTHER, "4": OTHER, "5": OTHER}, [1, 2, 4, 3, 5])
    assert tally(before, whole, 2) == Count(3, 0, 0, 0, in_the_air=2, total=6)
    assert tally(before, Record({"2": TWO}, [1, 2]), 2) == Count(3, 2, 0, 0, in_the_air=0, total=1)
    assert tally(before, Record({"1": ONE, "2": OTHER}, [1, 2]), 1) == Count(3, 0, 1, 0, 0, total=3)
    assert tally(before, Record(before.blocks, [1, 2, 2]), 1).doubled == 1
    assert tally(before, whole, 2).wrong == 0
    assert Count(3, 1, 1, 1, 0, 3).wrong == 3


def test_without_xfoil_the_whole_demo_is_killed_loses_nothing_and_claims_a_surrogates_word(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    wish = Wish(folder=str(tmp_path / "report"), cpu_s=4.0, workers=1, model="")
    assert play(fresh(tmp_path / "home"), wish, kill_at=0.2) == 0
    said = capsys.readouterr().out
    assert "There is no XFOIL here" in said
    assert "kill -9 of process" in said
    assert re.search(r"candidates recorded before the kill +[1-9]", said)
    assert re.search(r"of them lost +0\n", said)
    assert re.search(r"steps with two results +0\n", said)
    assert "surrogate only" in said
    assert "No model wrote a summary here: none was wanted." in said
    assert "none was wanted" in (tmp_path / "report" / "report.html").read_text("utf-8")
    record = json.loads((tmp_path / "report" / "report.json").read_text("utf-8"))
    assert broken(record) == []
    assert record["story"]["champion"]["value"] > 100


def test_the_demo_empties_only_a_folder_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(SystemExit, match="not empty"):
        fresh(tmp_path)
    (tmp_path / "engine.log").touch()
    assert list(fresh(tmp_path).iterdir()) == []


# --- what the terminal shows ------------------------------------------------------------------------------------


class Ear:
    """Stands for the child's standard input."""

    def __init__(self) -> None:
        self.heard = b""

    def write(self, said: bytes) -> None:
        self.heard += said

    def flush(self) -> None:
        """Nothing is kept back."""


class Listener:
    """Stands for the child."""

    def __init__(self) -> None:
        self.stdin = Ear()


def show(tmp_path: Path, **wish: Any) -> Show:
    """A view."""
    return Show(tmp_path, Wish(folder="", cpu_s=10.0, model="", **wish))


QUESTION = {
    "question": "wing: candidate 7 is too good [0]",
    "options": ["keep it in quarantine", "believe it"],
    "left_s": 9.6,
}


def test_a_question_is_put_and_the_typed_number_becomes_its_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown, child = show(tmp_path), Listener()
    shown.tell(QUESTION)
    shown.tell(QUESTION)
    monkeypatch.setattr(sys, "stdin", io.StringIO("7\n2\n"))
    shown.answer(child)  # type: ignore[arg-type]
    assert child.stdin.heard == b""
    shown.answer(child)  # type: ignore[arg-type]
    assert child.stdin.heard == b"believe it\n"
    text = capsys.readouterr().out
    assert "A question: wing: candidate 7 is too good [0]" in text
    assert "The question still stands:" in text
    assert "1 keep it in quarantine   2 believe it" in text
    assert "in 10 s the first is taken" in text
    assert "taken: believe it" in text


def test_progress_is_told_line_by_line_where_there_is_no_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = show(tmp_path, language="zh")
    for cpu_s, best in ((0.5, None), (2.0, None), (2.1, 150.0), (4.0, 171.26)):
        shown.tell({"cpu_s": cpu_s, "best": best, "candidates": 1200, "ended": False})
    lines = [line for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert [" ".join(line.split()) for line in lines] == [
        "20% 一块平板 1,200 个候选",
        "40% 升阻比 171.3 1,200 个候选",
    ]
    assert shown.share == 0.4
