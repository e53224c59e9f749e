"""The weights of the wing example: pulled beside the search, awaited for a bounded time, never missed with an error."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

import weights
from firm.model import Message, Models, Request
from firm.model.embedded.error import NotPulled, OutOfReach
from firm.model.target import Abilities
from summary import summarize
from weights import ENDED, Awaited, Pull

from .test_wing_summary import STORY


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No weights are here, and what runs them is taken to be installed."""
    monkeypatch.setenv("FIRM_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name)


def ended(home: Path) -> str:
    """What the pull has left for the engine."""
    return (home / ENDED).read_text("utf-8")


def test_a_pull_that_goes_well_leaves_no_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = threading.Event()

    async def pull(name: str, progress: Any) -> None:
        progress("hub", 5, 10)
        told.set()

    monkeypatch.setattr(weights, "pull", pull)
    with Pull(tmp_path) as pulling:
        assert told.wait(5)
    assert not pulling.there_already
    assert pulling.bytes == 5
    assert pulling.ended
    assert ended(tmp_path) == ""


def test_a_pull_that_fails_leaves_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failed = threading.Event()

    async def pull(name: str, progress: Any) -> None:
        failed.set()
        raise OutOfReach("no network")

    monkeypatch.setattr(weights, "pull", pull)
    with Pull(tmp_path):
        assert failed.wait(5)
    assert ended(tmp_path) == "no network"


def test_a_pull_that_is_late_is_ended_and_says_how_far_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = threading.Event()

    async def pull(name: str, progress: Any) -> None:
        progress("hub", 100_000_000, 491_400_064)
        begun.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(weights, "pull", pull)
    monkeypatch.setattr(weights, "PATIENCE_S", 0.0)
    with Pull(tmp_path) as pulling:
        assert begun.wait(5)
        assert not pulling.ended
        assert [pulling.hurry(), pulling.hurry()] == [True, False]
    assert ended(tmp_path).startswith("100 of 491 MB of its weights are here")


def test_without_the_library_nothing_is_pulled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked = threading.Event()
    pulled: list[str] = []

    async def pull(name: str, progress: Any) -> None:
        pulled.append(name)

    monkeypatch.setattr(weights, "pull", pull)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: looked.set())
    with Pull(tmp_path):
        assert looked.wait(5)
    assert "pip install 'firm[local]'" in ended(tmp_path)
    assert pulled == []


def test_the_engine_waits_for_the_pull_and_says_what_became_of_it(tmp_path: Path) -> None:
    request = Request((Message("user", "hello"),))

    async def ask() -> None:
        waiting = asyncio.create_task(Awaited(tmp_path).say(request, Abilities(probed=True), None))
        await asyncio.sleep(0)
        assert not waiting.done()
        (tmp_path / ENDED).write_text("no network")
        await waiting

    with pytest.raises(NotPulled, match="no network"):
        asyncio.run(ask())


def test_no_weights_are_a_reason_in_the_report(tmp_path: Path) -> None:
    (tmp_path / ENDED).write_text("no network")

    async def inside() -> str:
        async with Models({"default": Awaited(tmp_path)}):
            return (await summarize(STORY)).why_not

    assert asyncio.run(inside()) == "no network"
