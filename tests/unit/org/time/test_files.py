"""Files that begin missions: found when the firm comes up, noticed when they are complete, taken once."""

import asyncio
import os
from pathlib import Path

import pytest
from tests.unit.org.time.virtual import small

from firm import Firm
from firm.errors import UsageError
from firm.org.settings import Schedule
from firm.org.time.files import place_of, read_event, watch_files

CONFIG = """
[[schedules]]
name = "mail"
mission = "Answer {event}."
file = "inbox/*.txt"
"""


@pytest.fixture(autouse=True)
def _small_missions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firm.org.carry.carry_out", small)


async def begun(firm: Firm, count: int) -> list[str]:
    """Ids of missions, as soon as there are so many."""
    async with asyncio.timeout(10):
        while len(found := sorted(one.id for one in await firm.runs())) < count:
            await asyncio.sleep(0.01)
    return found


def test_files_are_taken_once_whether_they_lay_there_or_come_later(tmp_path: Path) -> None:
    (tmp_path / "firm.toml").write_text(CONFIG)
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    (inbox / "early.txt").write_text("lay there")
    (inbox / "other.md").write_text("is none of them")

    async def up(story: object) -> list[str]:
        async with Firm.open(tmp_path) as firm:
            files = watch_files(firm, tmp_path)
            assert files is not None
            try:
                return await story(firm)  # type: ignore[operator,no-any-return]
            finally:
                await files.close()

    async def first(firm: Firm) -> list[str]:
        await begun(firm, 1)
        (inbox / "late.txt").write_text("came later")
        await begun(firm, 2)
        outside = tmp_path / "draft"
        outside.write_text("moved in")
        outside.rename(inbox / "moved.txt")
        (inbox / ".hidden.txt").write_text("not yet")
        (inbox / "late.txt").touch()
        return await begun(firm, 3)

    async def second(firm: Firm) -> list[str]:
        (inbox / "late.txt").write_text("has changed")
        return await begun(firm, 4)

    before = asyncio.run(up(first))
    assert len(before) == 3
    after = asyncio.run(up(second))
    assert len(after) == 4
    assert set(before) < set(after)


def test_a_folder_that_is_not_there_is_made_and_watched(tmp_path: Path) -> None:
    (tmp_path / "firm.toml").write_text(CONFIG)

    async def main() -> None:
        async with Firm.open(tmp_path) as firm:
            files = watch_files(firm, tmp_path)
            assert files is not None
            try:
                async with asyncio.timeout(10):
                    while not (tmp_path / "inbox").is_dir():
                        await asyncio.sleep(0.01)
                (tmp_path / "inbox" / "a.txt").write_text("hello")
                (run,) = await begun(firm, 1)
                (started, *_) = await firm.run(run).events()
                assert started.value["mission"]["given"][0]["text"] == "hello"
                assert started.value["mission"]["given"][0]["untrusted"] is True
            finally:
                await files.close()

    asyncio.run(main())


def test_without_a_schedule_of_files_nothing_is_watched(tmp_path: Path) -> None:
    async def main() -> None:
        async with Firm.open(tmp_path) as firm:
            assert watch_files(firm, tmp_path) is None

    asyncio.run(main())


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        ("/etc/*.txt", "does not lie below"),
        ("../x/*.txt", "does not lie below"),
        (".firm/*", "does not lie below"),
        ("in*/a.txt", "only the name may have"),
        ("link/*.txt", "leads out of the firm's folder"),
    ],
)
def test_a_pattern_that_leads_out_of_the_firms_folder_is_refused(
    tmp_path: Path, pattern: str, told: str
) -> None:
    os.symlink("/etc", tmp_path / "link")
    with pytest.raises(UsageError, match=told):
        place_of(pattern, tmp_path)


def test_a_link_is_not_followed_and_bytes_that_are_no_text_are_named(tmp_path: Path) -> None:
    (tmp_path / "picture.txt").write_bytes(b"\xff\xfe\0\1")
    os.symlink("/etc/passwd", tmp_path / "link.txt")
    assert read_event(tmp_path / "link.txt", tmp_path) is None
    assert read_event(tmp_path / "none.txt", tmp_path) is None
    found = read_event(tmp_path / "picture.txt", tmp_path)
    assert found is not None
    stamp, event = found
    assert event.text == "file picture.txt, 4 bytes"
    assert (event.files[0].path, event.files[0].bytes, len(stamp)) == ("picture.txt", 4, 16)


def test_the_same_content_at_another_place_is_another_event(tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("same")
    stamps = {read_event(tmp_path / name, tmp_path)[0] for name in ("a.txt", "b.txt")}  # type: ignore[index]
    assert len(stamps) == 2


def test_a_schedule_names_its_files() -> None:
    place = place_of("*.csv", Path("/srv/firm"))
    assert place.fits(Path("/srv/firm/a.csv"))
    assert not place.fits(Path("/srv/firm/sub/a.csv"))
    assert Schedule(name="a", mission="b", file="*.csv").cron == ""
