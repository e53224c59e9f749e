"""The search, the report and the counting of the wing example, without an engine."""

import asyncio
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import search
import wing
from aero import CRUISE, GLIDE
from demo import fresh, play, tally
from search import Task, note, search_near
from section import flat_plate
from show import Seen
from wing import Brief, Outcome, design_wing

SMALL = {"rounds": 4, "hands": 10}


class Tags(HTMLParser):
    """Checks that every tag is closed, and keeps the text and the ids."""

    VOID = frozenset({"meta", "br", "path", "circle", "rect"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""
        self.ids: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self.open.append(tag)
        self.ids += [value for name, value in attrs if name == "id" and value]
        self.links += [value for name, value in attrs if name in ("src", "href") and value]

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def design(path: Path, answer: str = GLIDE, **brief: Any) -> Outcome:
    """Run the workflow as the plain function that it is; the founder gives `answer`."""
    return asyncio.run(search_alone(path, answer, **brief))


async def search_alone(path: Path, answer: str = GLIDE, **brief: Any) -> Outcome:
    """The same, inside a loop."""

    async def ask(question: str, *, options: list[str], **_: object) -> str:
        assert answer in options
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wing, "ask", ask)
        patch.setattr(search, "TRIES", 3)
        return await design_wing(Brief(report=str(path), **(SMALL | brief)))


@pytest.fixture(scope="module")
def designed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Outcome, str]:
    """A small search and its report."""
    path = tmp_path_factory.mktemp("wing") / "report.html"
    outcome = design(path)
    assert outcome.report == str(path)
    return outcome, path.read_text("utf-8")


def test_a_small_search_makes_the_plate_fly(designed: tuple[Outcome, str]) -> None:
    outcome, _ = designed
    assert outcome.best.glide > 60


def test_the_same_seed_finds_the_same_wing(designed: tuple[Outcome, str], tmp_path: Path) -> None:
    again = design(tmp_path / "report.html")
    assert again.best == designed[0].best
    assert (tmp_path / "report.html").read_text("utf-8") == designed[1]
    assert design(tmp_path / "other.html", seed=8).best != again.best


def test_the_answer_changes_the_search(designed: tuple[Outcome, str], tmp_path: Path) -> None:
    cruising = design(tmp_path / "report.html", CRUISE)
    assert cruising.aim == CRUISE
    assert cruising.best.section.angle_deg < designed[0].best.section.angle_deg


def test_report_is_labelled_well_formed_and_stands_alone(designed: tuple[Outcome, str]) -> None:
    page = Tags()
    page.feed(designed[1])
    page.close()
    assert page.open == []
    assert "surrogate only" in page.text
    assert "confidence does not protect" in page.text
    assert "No model wrote a summary here: " in page.text
    assert len(page.ids) == len(set(page.ids))
    assert page.links == []
    assert "nan" not in designed[1].lower().replace("nano", "")


def test_a_hand_never_comes_back_with_less() -> None:
    plate = flat_plate()
    first = search_near(Task(plate, (plate, plate), 1.0, 1, GLIDE))
    second = search_near(Task(first.section, (plate, plate), 0.1, 2, GLIDE))
    assert second.score >= first.score
    assert search_near(Task(plate, (plate, plate), 1.0, 1, GLIDE)) == first


def test_log_is_read_line_by_line_and_half_a_line_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "steps.log"
    monkeypatch.setenv("WING_LOG", str(log))
    seen = Seen()
    assert seen.read(log) == []
    note({"step": 1})
    note({"round": 1})
    with log.open("a") as file:
        file.write('{"step": ')
    assert seen.read(log) == [{"round": 1}]
    with log.open("a") as file:
        file.write("2}\n")
    assert seen.read(log) == []
    assert seen.executions == [1, 2]
    assert json.loads(log.read_text().splitlines()[0]) == {"step": 1}


def test_tally_finds_what_was_lost_and_what_was_repeated() -> None:
    assert tally({1, 2}, [1, 2, 3], [3, 4], {1, 2, 3, 4}) == (0, 0, 1)
    assert tally({1, 2}, [1, 2, 3], [2, 3, 4], {1, 2, 3, 4}) == (0, 1, 1)
    assert tally({1, 2}, [1, 2, 3], [3, 4], {2, 3, 4}) == (1, 0, 1)
    with pytest.raises(SystemExit, match="mean nothing"):
        tally({1, 2, 9}, [1, 2], [3], {1, 2, 3, 9})


def test_the_whole_demo_is_killed_and_loses_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    brief = Brief(rounds=5, hands=16, answer_s=2.0, report=str(tmp_path / "report.html"), model="")
    assert play(tmp_path, brief) == 0
    shown = capsys.readouterr().out
    assert "kill -9 of process" in shown
    assert re.search(r"steps lost +0\n", shown)
    assert "No model wrote a summary here: none was wanted." in shown
    assert "No model wrote a summary here: none was wanted." in (tmp_path / "report.html").read_text("utf-8")


def test_the_demo_empties_only_a_folder_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(SystemExit, match="not empty"):
        fresh(tmp_path)
    (tmp_path / "steps.log").touch()
    assert list(fresh(tmp_path).iterdir()) == []
