"""What a server's error means."""

import pytest

from firm.model.wire.fault import (
    MAX_RETRY_AFTER_S,
    MAX_TOLD_CHARS,
    Kind,
    fault_in,
    fault_of,
    retry_after_s,
    shorten,
)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, b'{"error":{"message":"bad field","type":"invalid_request_error"}}', Kind.REQUEST),
        (401, b'{"error":{"message":"Incorrect API key provided"}}', Kind.KEY),
        (403, b"context length", Kind.KEY),
        (404, b'{"error":{"message":"The model `x` does not exist","code":"model_not_found"}}', Kind.MODEL),
        (400, b'{"error":{"message":"bad","code":"model_not_found"}}', Kind.MODEL),
        (422, b'{"detail":[{"msg":"field required"}]}', Kind.REQUEST),
        (
            429,
            b'{"error":{"message":"You exceeded your current quota","code":"insufficient_quota"}}',
            Kind.FUNDS,
        ),
        (429, b'{"message":"Too many tokens, please wait before trying again."}', Kind.RATE),
        (500, b"<html>oops</html>", Kind.SERVER),
        (502, b"", Kind.SERVER),
        (503, b"{}", Kind.OVERLOAD),
        (529, b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}', Kind.OVERLOAD),
        (418, b"\xff\x00", Kind.REQUEST),
        (500, b"[" * 19_000, Kind.SERVER),
    ],
)
def test_status_and_words_tell_the_kind(status: int, body: bytes, kind: Kind) -> None:
    fault = fault_of(status, body, {})
    assert fault.kind is kind
    assert fault.status == status
    assert 0 < len(fault.told) <= MAX_TOLD_CHARS


@pytest.mark.parametrize(
    ("message", "asked", "limit"),
    [
        (
            "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens "
            "(5000 in the messages, 4000 in the completion).",
            9000,
            8192,
        ),
        ("prompt is too long: 210,000 tokens > 200,000 maximum", 210_000, 200_000),
        ("request (9000 tokens) exceeds the available context size (4096 tokens)", 9000, 4096),
    ],
)
def test_context_too_long_says_how_much(message: str, asked: int, limit: int) -> None:
    for fault in (
        fault_of(400, b'{"error":{"message":"' + message.encode() + b'"}}', {}),
        fault_in({"message": message, "code": 400}),
    ):
        assert (fault.kind, fault.asked, fault.limit) == (Kind.CONTEXT, asked, limit)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("it broke", Kind.SERVER),
        ({"message": "x", "code": "rate_limit_exceeded"}, Kind.RATE),
        ({"message": "Too many tokens a minute", "type": "rate_limit_error"}, Kind.RATE),
        ({"message": "x", "code": 429}, Kind.RATE),
        ({"message": "x", "code": "503"}, Kind.OVERLOAD),
        ({"message": "x", "type": "overloaded_error"}, Kind.OVERLOAD),
        ({"message": "x", "type": "authentication_error"}, Kind.KEY),
        ({"message": "x", "code": "invalid_api_key"}, Kind.KEY),
        ({"message": "x", "type": "not_found_error"}, Kind.MODEL),
        ({"message": "x", "code": "insufficient_quota"}, Kind.FUNDS),
        ({"message": "x", "code": "bio_policy"}, Kind.FILTER),
        ({"message": "x", "code": "image_content_policy_violation"}, Kind.FILTER),
        ({"message": "x", "code": "invalid_prompt"}, Kind.REQUEST),
        ({"message": "x", "code": "image_too_large"}, Kind.REQUEST),
        ({"message": "x", "type": "api_error"}, Kind.SERVER),
        ({"message": "x", "code": "vector_store_timeout"}, Kind.SLOW),
        ({"code": 99999999999}, Kind.SERVER),
        ({"message": ["x"], "code": {}}, Kind.SERVER),
        ([], Kind.SERVER),
        (7, Kind.SERVER),
    ],
)
def test_error_in_a_reply_tells_its_kind(error: object, kind: Kind) -> None:
    fault = fault_in(error)
    assert fault.kind is kind
    assert fault.told


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({}, None),
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "7", "retry-after-ms": "1500"}, 1.5),
        ({"Retry-After": "999999"}, MAX_RETRY_AFTER_S),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": ""}, None),
        ({"retry-after-ms": "nan"}, None),
        ({"retry-after-ms": "-5"}, 0.0),
    ],
)
def test_wish_of_the_server_to_wait_is_read(headers: dict[str, str], wait_s: float | None) -> None:
    assert retry_after_s(headers) == wait_s


def test_words_of_a_server_are_one_clean_short_line() -> None:
    assert shorten("a\n\x00b\ud800\x1b[31m c") == "a b? [31m c"
    assert len(shorten("x" * 10_000_000)) == MAX_TOLD_CHARS


def test_a_number_of_a_thousand_digits_is_no_limit() -> None:
    body = b'the context length is too small, "n_ctx": ' + b"9" * 5000
    assert fault_of(400, body, {}).limit == 0
