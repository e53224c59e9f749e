"""Recorded replies."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from firm.errors import UsageError
from firm.model.cassette import Cassette
from firm.model.message import Message
from firm.model.reply import Reply
from firm.model.request import Request, Sampling
from firm.model.scripted import ScriptedModel
from firm.model.target import Abilities

HELLO = Request((Message("user", "hello"),))


def say(model: Cassette, request: Request = HELLO) -> Reply:
    """One reply."""
    return asyncio.run(model.say(request, Abilities(), None))


def test_what_was_recorded_is_played_without_the_model(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    recorder = Cassette(path, ScriptedModel(["hi\x00花", "again"]), mode="record")
    first, second = say(recorder), say(recorder)
    player = Cassette(path)
    assert [say(player) for _ in range(3)] == [first, second, second]
    assert first.text == "hi\x00花"


def test_the_session_and_who_waits_do_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    say(Cassette(path, ScriptedModel(["hi"]), mode="record"))
    assert say(Cassette(path), msgspec.structs.replace(HELLO, session="s", urgent=True)).text == "hi"


@pytest.mark.parametrize(
    "request_",
    [Request((Message("user", "bye"),)), msgspec.structs.replace(HELLO, sampling=Sampling(seed=1))],
)
def test_a_miss_is_an_error_that_says_how_to_record_it(tmp_path: Path, request_: Request) -> None:
    path = tmp_path / "a.jsonl"
    say(Cassette(path, ScriptedModel(["hi"]), mode="record"))
    with pytest.raises(UsageError, match="no recording of .*mode='add'"):
        say(Cassette(path), request_)


def test_adding_asks_only_for_what_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    say(Cassette(path, ScriptedModel(["hi"]), mode="add"))
    model = ScriptedModel(["new"])
    adding = Cassette(path, model, mode="add")
    assert say(adding).text == "hi"
    assert say(adding, Request((Message("user", "bye"),))).text == "new"
    assert len(model.requests) == 1
    assert len(path.read_text().splitlines()) == 2


def test_what_is_no_cassette_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no cassette"):
        Cassette(tmp_path / "none.jsonl")
    (tmp_path / "junk.jsonl").write_text("junk\n")
    with pytest.raises(UsageError, match=r"junk\.jsonl, line 1: not a track"):
        Cassette(tmp_path / "junk.jsonl")
    with pytest.raises(UsageError, match="without a model to record"):
        Cassette(tmp_path / "x.jsonl", mode="record")
    with pytest.raises(UsageError, match="give 'play', 'record' or 'add'"):
        Cassette(tmp_path / "x.jsonl", mode="erase")  # type: ignore[arg-type]
