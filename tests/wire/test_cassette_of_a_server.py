"""A cassette that records a model which is named by its address."""

import asyncio
from pathlib import Path

import pytest

from firm import Model, chat
from firm.errors import UsageError
from firm.model import Cassette, Models
from firm.testing import MockOptions, mock_server


async def recorded(path: Path) -> int:
    """Record a reply, and a streamed one; how many requests the server got."""
    async with mock_server(MockOptions("real words")) as server:
        model = Cassette(path, Model(server.url, "m"), mode="record")
        async with Models({"default": model}):
            assert (await chat("whole")).text == "real words"
            heard: list[str] = []
            assert (await chat("streamed", watch=lambda delta: heard.append(delta.text))).text == "".join(
                heard
            )
        return len(server.requests)


async def played(path: Path) -> list[str]:
    """Play both; there is no server any more."""
    async with Models({"default": Cassette(path)}):
        return [(await chat(asked)).text for asked in ("whole", "streamed")]


def test_a_model_is_recorded_and_played_without_its_server(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    assert asyncio.run(recorded(path)) == 2
    assert asyncio.run(played(path)) == ["real words", "real words"]


def test_a_key_that_is_not_set_is_said_before_anything_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    with pytest.raises(UsageError, match="set NO_SUCH_KEY"):
        Cassette(
            tmp_path / "a.jsonl", Model("http://127.0.0.1:9/v1", "m", key="env:NO_SUCH_KEY"), mode="record"
        )
