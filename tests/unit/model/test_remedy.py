"""What the caller is told in the end."""

import pytest

from firm.errors import RetryableError
from firm.model.endpoint import Endpoint
from firm.model.error import (
    BadReply,
    BadRequest,
    ContextTooLong,
    KeyRefused,
    ModelError,
    ModelUnavailable,
    NotAble,
    RateLimited,
    ReplyFiltered,
    UnknownModel,
)
from firm.model.remedy import error_of
from firm.model.target import Model
from firm.model.wire.fault import PASSING, Fault, Kind

URL = "http://gpu-1:8000/v1"
BIG = Endpoint(Model(URL, "Qwen3-32B", key="env:BIG_KEY"), "sk-very-secret")


@pytest.mark.parametrize(
    ("kind", "error", "remedy"),
    [
        (Kind.KEY, KeyRefused, "set it"),
        (Kind.MODEL, UnknownModel, "firm models"),
        (Kind.CONTEXT, ContextTooLong, "trim"),
        (Kind.REQUEST, BadRequest, "change the request"),
        (Kind.FUNDS, ModelError, "top it up"),
        (Kind.RATE, RateLimited, "try later"),
        (Kind.OVERLOAD, ModelUnavailable, "try later"),
        (Kind.SERVER, ModelUnavailable, "server's log"),
        (Kind.CONNECT, ModelUnavailable, "whether the server runs"),
        (Kind.LOST, ModelUnavailable, "server's log"),
        (Kind.SLOW, ModelUnavailable, "wait longer"),
        (Kind.JUNK, BadReply, "wire"),
        (Kind.FILTER, ReplyFiltered, "other words"),
    ],
)
def test_each_fault_becomes_an_error_with_model_endpoint_and_remedy(
    kind: Kind, error: type[Exception], remedy: str
) -> None:
    made = error_of(Fault(kind, "because sk-very-secret", status=418), "big", BIG)
    assert type(made) is error
    assert isinstance(made, RetryableError) is (kind in PASSING - {Kind.JUNK})
    text = str(made)
    assert all([word in text for word in ("'big'", URL, "418", remedy, "because")])
    assert "very-secret" not in text


def test_a_refused_key_is_named_and_not_shown() -> None:
    made = error_of(Fault(Kind.KEY, "", status=401), "big", BIG)
    assert str(made) == (
        f"model 'big' answered 401 at {URL}: the key env:BIG_KEY was refused; "
        'set it, or remove "key" from [models.big]'
    )
    given = Endpoint(Model(URL, "Qwen3-32B", key="sk-in-the-code"))
    assert "in-the-code" not in str(error_of(Fault(Kind.KEY, "bad sk-in-the-code", status=401), "big", given))
    keyless = Endpoint(Model(URL, "Qwen3-32B"))
    assert 'add key = "env:NAME" to [models.big]' in str(
        error_of(Fault(Kind.KEY, "", status=401), "big", keyless)
    )


def test_a_context_that_is_too_long_says_how_much() -> None:
    fault = Fault(Kind.CONTEXT, "too long", status=400)
    fault.asked, fault.limit = 9000, 8192
    made = error_of(fault, "big", BIG)
    assert isinstance(made, ContextTooLong)
    assert (made.asked, made.limit) == (9000, 8192)
    assert "9000 tokens were asked for, 8192 fit" in str(made)


def test_what_was_tried_and_when_to_try_again_is_said() -> None:
    fault = Fault(Kind.RATE, "slow down", status=429)
    fault.retry_after_s = 30.0
    made = error_of(fault, "big", BIG, attempts=4, fallbacks=["'small': no connection: refused"])
    assert isinstance(made, RateLimited)
    assert made.retry_after_s == 30.0
    assert str(made).endswith(
        "(it is asked again in 30 s; 4 attempts; fallback 'small': no connection: refused)"
    )


@pytest.mark.parametrize(
    "told",
    [
        "image input is not supported by this model: 'image_url' is only taken by models with vision",
        "image input is not supported - hint: if this is unexpected, you may need to provide the mmproj",
        "Invalid content type. image_url is only supported by certain models.",
        "Qwen/Qwen3-8B is not a multimodal model",
        "At most 0 image(s) may be provided in one prompt.",
        "This model does not support image input.",
    ],
)
def test_a_picture_that_a_server_refuses_is_a_want_of_eyes(told: str) -> None:
    made = error_of(Fault(Kind.REQUEST, told, status=400), "big", BIG)
    assert type(made) is NotAble
    assert "ask a model that sees" in str(made)


@pytest.mark.parametrize(
    "told", ["Invalid image data", "the image is larger than 20 MB", "temperature is not supported"]
)
def test_another_refusal_is_none(told: str) -> None:
    assert type(error_of(Fault(Kind.REQUEST, told, status=400), "big", BIG)) is BadRequest


@pytest.mark.parametrize("kind", list(Kind))
def test_of_a_model_that_was_given_as_itself_no_section_is_named(kind: Kind) -> None:
    bare = Endpoint(Model(URL, "Qwen3-32B"))
    assert "[models." not in str(error_of(Fault(kind, "because"), f"Qwen3-32B@{URL}", bare))


def test_of_an_unknown_model_the_command_is_named_that_lists_those_of_the_server() -> None:
    assert "see `firm models list big`" in str(error_of(Fault(Kind.MODEL, "", status=404), "big", BIG))
