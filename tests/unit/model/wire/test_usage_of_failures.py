"""What a failed attempt used is read where the server says it, and tokens that only the total has are counted."""

import msgspec
import pytest

from firm.model.wire import wire_of
from firm.model.wire.embeddings import embeddings_of
from firm.model.wire.fault import Fault
from firm.units import Usage

CHAT = {"prompt_tokens": 10, "completion_tokens": 4}
RESPONSES = {"input_tokens": 10, "output_tokens": 4}
ERROR = {"message": "withheld", "code": "content_filter"}


@pytest.mark.parametrize(
    ("wire", "body"),
    [
        ("chat", {"error": ERROR, "usage": CHAT}),
        ("chat", {"choices": [], "usage": CHAT}),
        ("chat", {"choices": [{"message": {"content": "a"}, "finish_reason": "abort"}], "usage": CHAT}),
        ("responses", {"status": "failed", "error": ERROR, "usage": RESPONSES}),
        ("responses", {"status": "cancelled", "usage": RESPONSES}),
        ("responses", {"status": "completed", "usage": RESPONSES}),
        ("anthropic", {"usage": RESPONSES}),
    ],
)
def test_a_failure_that_says_what_it_used_is_known(wire: str, body: dict[str, object]) -> None:
    with pytest.raises(Fault) as error:
        wire_of(wire).reply(msgspec.json.encode(body))
    assert error.value.usage == Usage(10, output=4)


def test_a_stream_that_was_broken_off_says_what_it_used_and_that_it_had_begun() -> None:
    stream = wire_of("chat").stream()
    stream.feed("", msgspec.json.encode({"choices": [{"delta": {"content": "a"}, "finish_reason": "abort"}]}))
    stream.feed("", msgspec.json.encode({"choices": [], "usage": CHAT}))
    stream.feed("", b"[DONE]")
    with pytest.raises(Fault) as error:
        stream.reply()
    assert (error.value.usage, error.value.begun) == (Usage(10, output=4), True)


def test_vectors_that_do_not_fit_were_paid_for() -> None:
    with pytest.raises(Fault) as error:
        embeddings_of(msgspec.json.encode({"data": [], "usage": {"prompt_tokens": 7}}), 2)
    assert error.value.usage == Usage(7)


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"prompt_tokens": 10, "completion_tokens": 4, "total_tokens": 14}, Usage(10, output=4)),
        ({"prompt_tokens": 10, "completion_tokens": 4}, Usage(10, output=4)),
        ({"prompt_tokens": 10, "completion_tokens": 4, "total_tokens": 3}, Usage(10, output=4)),
        ({"prompt_tokens": 10, "completion_tokens": 4, "total_tokens": 20}, Usage(10, output=4, reasoning=6)),
        (
            {
                "prompt_tokens": 10120,
                "completion_tokens": 1499,
                "total_tokens": 14428,
                "prompt_tokens_details": {"cached_tokens": 128},
                "completion_tokens_details": {"reasoning_tokens": 2809},
            },
            Usage(9992, 128, 0, 1499, 2809),
        ),
        (
            {
                "prompt_tokens": 10,
                "completion_tokens": 9,
                "total_tokens": 19,
                "completion_tokens_details": {"reasoning_tokens": 5},
            },
            Usage(10, output=4, reasoning=5),
        ),
    ],
)
def test_reasoning_that_only_the_total_counts_is_counted(usage: dict[str, object], expected: Usage) -> None:
    body = {"choices": [{"message": {"content": "a"}}], "usage": usage}
    assert wire_of("chat").reply(msgspec.json.encode(body)).usage == expected
