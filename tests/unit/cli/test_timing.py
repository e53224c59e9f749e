"""What `firm up` starts so that missions begin by themselves."""

import asyncio
from pathlib import Path

import pytest
from tests.unit.org.time.virtual import small

from firm import Firm
from firm.cli.serving import doors_of
from firm.cli.timing import begin_timing
from firm.serve.hooks import PATH

ALL = """
[[schedules]]
name = "letter"
mission = "Write."
cron = "@yearly"

[[schedules]]
name = "mail"
mission = "Answer {event}."
file = "inbox/*.txt"

[[schedules]]
name = "shop"
mission = "Look into {event}."
hook = "shop"
"""


@pytest.fixture(autouse=True)
def _small_missions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firm.org.carry.carry_out", small)


async def ids(firm: Firm, count: int) -> set[str]:
    """Ids of all runs, as soon as there are so many."""
    async with asyncio.timeout(10):
        while len(found := {run.id for run in await firm.runs()}) < count:
            await asyncio.sleep(0.01)
    return found


def up(folder: Path, config: str, count: int) -> set[str]:
    """One time that the firm is up: until there are so many runs."""
    (folder / "firm.toml").write_text(config)

    async def main() -> set[str]:
        async with Firm.open(folder) as firm:
            timing = await begin_timing(firm)
            try:
                assert set(doors_of(firm)) == ({PATH} if "hook" in config else set())
                return await ids(firm, count)
            finally:
                await timing.close()

    return asyncio.run(main())


def test_schedules_and_files_are_kept_and_hooks_have_a_door(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "inbox").mkdir()
    (tmp_path / "inbox" / "a.txt").write_text("hello")
    first = up(tmp_path, ALL, 2)
    assert "schedule-letter" in first
    assert any(id.startswith("schedule-mail-") for id in first)
    assert capsys.readouterr().err == "schedules started: letter\n"
    assert up(tmp_path, ALL, 2) == first
    assert capsys.readouterr().err == ""
    assert up(tmp_path, ALL.replace("@yearly", "@monthly"), 3) - first == {"schedule-letter.2"}
    assert capsys.readouterr().err == "schedules replaced: letter\n"


def test_schedules_that_are_gone_are_cancelled(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    only_cron = ALL.partition('[[schedules]]\nname = "mail"')[0]
    config = only_cron + "\n[engine]\nidle_s = 0.01\n"
    up(tmp_path, config, 1)
    (tmp_path / "firm.toml").write_text("[engine]\nidle_s = 0.01\n")

    async def main() -> None:
        async with Firm.open(tmp_path) as firm:
            await begin_timing(firm)
            async with asyncio.timeout(10):
                while await firm.unfinished():
                    await asyncio.sleep(0.01)

    asyncio.run(main())
    assert capsys.readouterr().err == "schedules started: letter\nschedules cancelled: letter\n"


def test_a_firm_without_schedules_starts_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert up(tmp_path, 'name = "plain"\n', 0) == set()
    assert capsys.readouterr().err == ""


def test_files_that_cannot_be_watched_are_told_and_the_rest_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = ALL.replace("inbox/*.txt", "../*.txt")
    assert up(tmp_path, config, 1) == {"schedule-letter"}
    assert "no files are watched: file '../*.txt' does not lie below" in capsys.readouterr().err
