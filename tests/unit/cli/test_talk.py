"""A chat without a server: what is sent, what is kept, what the commands do."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from firm.cli import pulling
from firm.cli.conversation import Conversation
from firm.cli.dialog import Shown
from firm.cli.finding import TRYING_OUT
from firm.cli.piped import _asked
from firm.cli.slash import Leave, is_command, obey, remark, remind
from firm.cli.talk import Talk
from firm.errors import UsageError
from firm.model import Delta, Entry, Message, Model, Reply, ScriptedModel, Text
from firm.model.local import Embedded
from firm.root.config import Config, EffortSettings
from firm.root.home import Home
from firm.root.models import Choice, Finder
from firm.units import Usage

Use = Callable[[Talk], Awaitable[Any]]


def with_talk(folder: Path, model: ScriptedModel, use: Use, *, config: Config | None = None) -> Any:
    """Run `use` with a chat whose default model is `model`."""

    async def inside() -> Any:
        made = Talk(Home(folder), config or Config(), Conversation(folder / "chat"))
        made._finder._choice = Choice(Entry((model,)), ("it was given",))
        async with made:
            return await use(made)

    return asyncio.run(inside())


def test_the_whole_conversation_is_sent_with_the_default_effort_and_a_person_waiting(tmp_path: Path) -> None:
    model = ScriptedModel(["first", "second"])

    async def use(chat: Talk) -> None:
        await chat.answer("one")
        await chat.answer("two")

    with_talk(tmp_path, model, use, config=Config(effort=EffortSettings("low")))
    last = model.requests[-1]
    assert [message.text for message in last.messages] == ["one", "first", "two"]
    assert (last.effort, last.urgent, last.model) == ("low", True, "default")


@pytest.mark.parametrize(("said", "sent"), [("", ""), ("medium", "medium"), ("max", "max")])
def test_an_effort_that_nobody_has_said_is_left_to_the_server(tmp_path: Path, said: str, sent: str) -> None:
    model = ScriptedModel(["first"])

    async def use(chat: Talk) -> None:
        if said:
            await obey(chat, f"/effort {said}")
        await chat.answer("one")

    with_talk(tmp_path, model, use)
    assert model.requests[-1].effort == sent


def test_what_failed_was_never_said(tmp_path: Path) -> None:
    model = ScriptedModel({"good": "fine"})

    async def use(chat: Talk) -> None:
        with pytest.raises(Exception, match="no rule"):
            await chat.answer("bad")
        await chat.answer("good")

    with_talk(tmp_path, model, use)
    assert [message.text for message in model.requests[-1].messages] == ["good"]


def test_a_reply_that_is_stopped_keeps_what_was_heard(tmp_path: Path) -> None:
    began = asyncio.Event()

    class Slow(ScriptedModel):
        async def say(self, request: Any, abilities: Any, watch: Any) -> Reply:
            if len(self.requests) == 1:
                return await super().say(request, abilities, watch)
            self.requests.append(request)
            watch(Delta("half"))
            began.set()
            await asyncio.Event().wait()
            raise AssertionError

    async def use(chat: Talk) -> Conversation:
        asking = asyncio.ensure_future(chat.answer("one", lambda _: None))
        await began.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        return chat.conversation

    kept = with_talk(tmp_path, Slow(["later"]), use)
    assert [turn.message.text for turn in kept.turns] == ["one", "half"]
    assert kept.totals()["default"].stopped == 1


def test_a_conversation_is_read_back_as_it_was(tmp_path: Path) -> None:
    made = Conversation(tmp_path, "Be short.")
    reply = Reply((Text("hi 花"),), Usage(3, output=2), model="m", cost_usd=0.5, priced=True)
    made.add(Message("user", (Text("a"), Text("b"))), reply, "big")
    made.add(Message("user", "more"), Message("assistant", "hal"), "big")
    found = Conversation.last(tmp_path)
    assert (found.system, found.turns, found.path) == ("Be short.", made.turns, made.path)
    total = found.totals()["big"]
    assert (total.replies, total.stopped, total.priced, total.cost_usd, total.usage) == (
        *(2, 1, 1, 0.5),
        Usage(3, output=2),
    )


def test_a_disk_that_takes_nothing_does_not_end_the_chat(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "chat").write_text("in the way")
    reply = with_talk(tmp_path, ScriptedModel(["fine"]), lambda chat: chat.answer("one"))
    assert reply.text == "fine"
    assert "is not kept" in capsys.readouterr().err


def test_commands_are_not_messages() -> None:
    assert is_command("/cost")
    assert not is_command("//cost")
    assert not is_command(" /cost")
    assert not is_command("what is /etc for?")


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("/modle x", "did you mean /model?"),
        ("/zzz", "/help lists"),
        ("/model zzz", "no model is named 'zzz'"),
        ("/effort zzz", "give one of instant"),
        ("/attach", "wants a file"),
        ("/attach /nowhere/x", "cannot be attached"),
    ],
)
def test_a_wrong_command_says_what_to_type(tmp_path: Path, typed: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        with_talk(tmp_path, ScriptedModel([]), lambda chat: obey(chat, typed))


def test_exit_leaves_and_new_forgets(tmp_path: Path) -> None:
    model = ScriptedModel(["a", "b"])

    async def use(chat: Talk) -> None:
        await chat.answer("one")
        await obey(chat, "/new")
        await chat.answer("two")
        with pytest.raises(Leave):
            await obey(chat, "/exit")

    with_talk(tmp_path, model, use)
    assert [message.text for message in model.requests[-1].messages] == ["two"]
    assert len(list((tmp_path / "chat").glob("*.jsonl"))) == 2


def test_which_model_answers_and_why_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with_talk(tmp_path, ScriptedModel([]), lambda chat: chat.choose("default"))
    assert capsys.readouterr().err == "default: scripted at http://scripted.localhost (it was given)\n"


def test_missing_weights_are_pulled_after_one_line_that_says_how_large_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FIRM_MODELS", str(tmp_path / "weights"))
    pulled: list[str] = []

    async def pull(name: str, *, progress: Callable[[str, int, int], None]) -> Path:
        pulled.append(name)
        progress("fetching", 5, 10)
        progress("checking", 10, 10)
        return tmp_path

    monkeypatch.setattr(pulling, "pull", pull)
    embedded = Embedded("smollm2-135m-instruct-q4_1")

    async def use(chat: Talk) -> None:
        chat._finder._choice = Choice(Entry((embedded,)), ("no key",), embedded.entry.name)
        await chat.choose("default")

    with_talk(tmp_path, ScriptedModel([]), use)
    assert pulled == ["smollm2-135m-instruct-q4_1"]
    told = capsys.readouterr().err
    assert f"default: smollm2-135m-instruct-q4_1, embedded, {TRYING_OUT}" in told
    assert "pulling smollm2-135m-instruct-q4_1: 98 MB, licence Apache-2.0, kept in" in told


def test_weights_that_are_here_are_not_pulled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulling.store, "held", lambda _: True)
    monkeypatch.setattr(pulling, "pull", None)
    asyncio.run(pulling.pull_if_missing(Embedded("smollm2-135m-instruct-q4_1").entry))


@pytest.mark.parametrize(
    ("line", "content"),
    [
        ("hi", "hi"),
        ("5", "5"),
        ("[1]", "[1]"),
        ("/cost", "/cost"),
        ('"a\\nb"', "a\nb"),
        ('{"content": "x"}', "x"),
        ("\x00", "\x00"),
    ],
)
def test_a_line_for_a_machine_is_an_object_or_text(line: str, content: str) -> None:
    assert _asked(line).content == content


@pytest.mark.parametrize("line", ["{", '{"content": 1}', "{}", '"open', '{"content": "x", "zzz": 1}'])
def test_a_line_that_is_neither_is_refused(line: str) -> None:
    with pytest.raises(UsageError, match=r"cannot be used|is not JSON"):
        _asked(line)


def test_pieces_of_an_escape_sequence_are_text_too(capsys: pytest.CaptureFixture[str]) -> None:
    shown = Shown("m")
    for piece in ("a\x1b", "[31m", "b", "\r\n", "花"):
        shown(Delta(piece))
    shown.end()
    assert capsys.readouterr().out == "a\\x1b[31mb\n花\n"


def test_thinking_is_a_line_that_goes_away(capsys: pytest.CaptureFixture[str]) -> None:
    shown = Shown("m")
    shown(Delta(reasoning="hm, hm"))
    shown(Delta("so"))
    shown(Delta(restart=True))
    shown(Delta("so it is"))
    shown.end()
    captured = capsys.readouterr()
    assert captured.out == "so\nso it is\n"
    assert captured.err == (
        "\r\x1b[Kthinking: 6 characters\r\x1b[K(the reply broke off; here it is from the beginning)\n"
    )


def test_what_one_should_know_of_a_reply_is_said() -> None:
    assert "greatest length" in remark(Reply((Text("x"),), stop="length"))
    assert "provider" in remark(Reply((Text("x"),), stop="filter"))
    assert "empty" in remark(Reply())
    assert remark(Reply((Text("x"),))) == ""


def test_the_finder_looks_once_and_remembers_why(monkeypatch: pytest.MonkeyPatch) -> None:
    from firm.model import discover

    asked = 0

    async def find(transport: object, environ: object) -> discover.Found:
        nonlocal asked
        asked += 1
        return discover.Found(Model("http://127.0.0.1:8000/v1", "m"), ("nobody", "somebody"))

    monkeypatch.setattr(discover, "discover", find)

    async def look() -> Choice:
        finder = Finder()
        await finder.look(object())  # type: ignore[arg-type]
        return await finder.look(object())  # type: ignore[arg-type]

    choice = asyncio.run(look())
    assert (asked, choice.why, choice.embedded) == (1, ("nobody", "somebody"), "")


def test_a_reply_is_streamed_even_if_nobody_watches(tmp_path: Path) -> None:
    watched = []

    class Watched(ScriptedModel):
        async def say(self, request: Any, abilities: Any, watch: Any) -> Reply:
            watched.append(watch is not None)
            return await super().say(request, abilities, watch)

    with_talk(tmp_path, Watched(["first"]), lambda chat: chat.answer("one"))
    assert watched == [True]


def test_what_is_attached_is_kept_until_it_is_answered_or_taken_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = ScriptedModel({"good": "fine"})
    (tmp_path / "note.txt").write_text("buy milk", "utf-8")

    async def use(chat: Talk) -> None:
        await obey(chat, f"/attach {tmp_path / 'note.txt'}")
        with pytest.raises(Exception, match="no rule"):
            await chat.answer("bad")
        remind(chat)
        assert len(chat.attached) == 1
        await obey(chat, "/attach")
        assert not chat.attached
        remind(chat)
        with pytest.raises(UsageError, match="wants a file"):
            await obey(chat, "/attach")

    with_talk(tmp_path, model, use)
    told = capsys.readouterr().err
    assert told.count("1 file still with your next message") == 1
    assert "no file with your next message" in told
