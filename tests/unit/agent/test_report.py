"""Telling the founder something: in a run, in a step, in an open firm, and with nothing around."""

import asyncio
import hashlib
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from firm import Firm, current_run, report, step, workflow
from firm.agent.report import MAX_FILES, MAX_TEXT_CHARS
from firm.agent.workspace import folder_here
from firm.errors import UsageError
from firm.kernel.definition import Retry


@pytest.fixture(autouse=True)
def _no_home_around(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("FIRM_HOME", raising=False)
    monkeypatch.chdir(tmp_path)


def in_firm(folder: Path, story: Callable[[Firm], Coroutine[Any, Any, None]]) -> None:
    async def inside() -> None:
        async with Firm.open(folder) as firm:
            await asyncio.wait_for(story(firm), 20)

    asyncio.run(inside())


@workflow
async def tells(text: str, files: list[str]) -> str:
    folder_here.set("bench")
    await report(text, files)
    return "done"


@workflow
async def calls_one_that_tells() -> str:
    return await tells("from below", [])


TRIES: list[int] = []


@step(retry=Retry(attempts=2, first_s=0.0))
async def tells_twice() -> None:
    await report("one")
    await report("two")
    TRIES.append(1)
    if len(TRIES) == 1:
        raise ConnectionError("lost")


@workflow
async def has_a_step_that_tells() -> None:
    await tells_twice()


@workflow
async def reads_the_web_and_tells() -> None:
    current_run().mark("untrusted")
    await report("pay \x1b[31mme\x1b[0m")


def test_a_report_is_a_step_and_is_kept_with_its_run(tmp_path: Path) -> None:
    async def story(firm: Firm) -> None:
        run = await firm.start(calls_one_that_tells, id="r")
        await run.result()
        (told,) = await firm.reports("r")
        assert (told.run, told.text, told.files, told.untrusted) == ("r/1", "from below", [], False)
        assert await firm.reports("r/2") == []
        assert [event.name for event in await firm.run("r/1").events() if event.kind == "done"] == ["report"]
        assert await firm.reports(since=datetime.now(UTC) + timedelta(days=1)) == []
        assert await firm.reports(since=datetime.now(UTC) - timedelta(days=1)) == [told]

    in_firm(tmp_path, story)


def test_a_step_that_is_tried_again_tells_each_thing_once(tmp_path: Path) -> None:
    TRIES.clear()

    async def story(firm: Firm) -> None:
        await (await firm.start(has_a_step_that_tells, id="r")).result()
        assert len(TRIES) == 2
        assert sorted(told.text for told in await firm.reports()) == ["one", "two"]

    in_firm(tmp_path, story)


def test_what_was_told_after_the_words_of_strangers_says_so(tmp_path: Path) -> None:
    async def story(firm: Firm) -> None:
        await (await firm.start(reads_the_web_and_tells, id="r")).result()
        (told,) = await firm.reports()
        assert told.untrusted

    in_firm(tmp_path, story)


def test_files_are_copied_as_they_were_under_their_hash(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "bench").mkdir(parents=True)
    (home / "bench" / "wing.csv").write_text("1,2\n")
    (home / "elsewhere.txt").write_text("here")

    async def story(firm: Firm) -> None:
        await (
            await firm.start(tells, "two files", ["wing.csv", str(home / "elsewhere.txt")], id="r")
        ).result()
        (home / "bench" / "wing.csv").write_text("changed")
        (told,) = await firm.reports("r")
        wing, other = told.files
        assert wing.sha256 == hashlib.sha256(b"1,2\n").hexdigest()
        assert (wing.name, wing.bytes, Path(wing.path).read_text()) == ("wing.csv", 4, "1,2\n")
        assert Path(wing.path).relative_to(home).parts[:2] == ("reports", wing.sha256[:16])
        assert Path(other.path).read_text() == "here"

    in_firm(home, story)


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("gone.txt", "not there"),
        ("../secret.txt", r"\.\."),
        ("link.txt", "secret.txt|leads|link"),
        ("{home}/.firm/journal.db", r"\.firm"),
        ("{tmp}/secret.txt", "neither in the workspace nor below the home"),
        ("{home}/link.txt", "secret.txt|leads|link"),
    ],
)
def test_no_file_is_copied_that_is_not_to_be_seen(tmp_path: Path, path: str, says: str) -> None:
    home = tmp_path / "home"
    (home / "bench").mkdir(parents=True)
    (tmp_path / "secret.txt").write_text("secret")
    for folder in (home, home / "bench"):
        (folder / "link.txt").symlink_to(tmp_path / "secret.txt")

    async def story(firm: Firm) -> None:
        run = await firm.start(tells, "look", [path.format(home=home, tmp=tmp_path)], id="r")
        with pytest.raises(UsageError, match=says):
            await run.result()
        assert await firm.reports() == []

    in_firm(home, story)
    assert not (home / "reports").exists()


def test_a_program_tells_outside_of_runs_and_with_no_firm_nothing_happens(tmp_path: Path) -> None:
    (tmp_path / "paper.txt").write_text("words")

    async def story(firm: Firm) -> None:
        await report("from a script", [tmp_path / "paper.txt"])
        async with Firm.open(tmp_path) as visitor:
            assert not visitor.is_owner
            await report("from a visitor")
        assert sorted((told.run, told.text, len(told.files)) for told in await firm.reports()) == [
            ("", "from a script", 1),
            ("", "from a visitor", 0),
        ]

    in_firm(tmp_path, story)
    asyncio.run(report("to nobody", ["no such file"]))


@pytest.mark.parametrize(
    ("text", "files", "says"),
    [
        ("  ", [], "empty"),
        ("x" * (MAX_TEXT_CHARS + 1), [], "20,000"),
        ("x", ["a"] * (MAX_FILES + 1), "at most 20"),
        ("x", "paper.txt", "list of paths"),
    ],
)
def test_a_report_that_cannot_be_is_refused_at_once(text: str, files: Any, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        report(text, files)
