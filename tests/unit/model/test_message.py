"""Messages and their parts."""

from pathlib import Path

import msgspec
import pytest

from firm.errors import UsageError
from firm.model.message import MAX_FILE_BYTES, Audio, File, Image, Message, Reasoning, Text, ToolCall, attach
from firm.model.reply import Reply


def test_words_are_one_part() -> None:
    message = Message("user", "hello")
    assert message.parts == (Text("hello"),)
    assert message.text == "hello"


def test_the_text_of_parts_is_their_words_alone() -> None:
    message = Message("assistant", (Reasoning("hm"), Text("a"), ToolCall("1", "f"), Text("b")))
    assert message.text == "ab"


def test_a_reply_says_what_it_holds_and_becomes_the_next_message() -> None:
    call = ToolCall("1", "f", '{"x": 1}')
    reply = Reply((Reasoning("hm"), Text("a"), call))
    assert (reply.text, reply.reasoning, reply.tool_calls) == ("a", "hm", (call,))
    assert reply.message == Message("assistant", reply.parts)
    assert call.decode() == {"x": 1}


def test_messages_survive_the_journal() -> None:
    message = Message(
        "user", (Text("a\x00花"), Image(b"\x89", "image/png"), Audio(b"x", "mp3"), File(b"y", "a.pdf"))
    )
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(message), type=Message) == message


@pytest.mark.parametrize(
    ("name", "data", "part"),
    [
        ("a.png", b"\x89PNG", Image(b"\x89PNG", "image/png")),
        ("a.jpg", b"\xff\xd8", Image(b"\xff\xd8", "image/jpeg")),
        ("a.mp3", b"ID3", Audio(b"ID3", "mp3")),
        ("a.wav", b"RIFF", Audio(b"RIFF", "wav")),
        ("a.pdf", b"%PDF", File(b"%PDF", "a.pdf", "application/pdf")),
        ("a.txt", "花".encode(), Text("a.txt:\n```\n花\n```")),
        ("a.bin", b"\xff\x00", File(b"\xff\x00", "a.bin", "application/octet-stream")),
    ],
)
def test_a_file_becomes_the_part_that_its_name_says(
    tmp_path: Path, name: str, data: bytes, part: object
) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    assert attach(path) == part


def test_a_file_that_cannot_be_attached_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"'.*none\.png' cannot be attached: No such file"):
        attach(tmp_path / "none.png")
    large = tmp_path / "large.bin"
    with large.open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    with pytest.raises(UsageError, match="at most 52,428,800"):
        attach(large)
