"""The broker: secrets go into a call for the right host, and never come out."""

import asyncio
import traceback
from pathlib import Path
from typing import Any

import pytest

from firm.errors import PolicyDenied, UsageError
from firm.policy.broker import Broker, references_in
from firm.policy.redact import Redactor
from firm.policy.secret import Secrets

VALUE = "sk-live-canary-0123456789"
HOST = "api.stripe.com"


@pytest.fixture
def broker(tmp_path: Path) -> Broker:
    folder = tmp_path / ".firm"
    folder.mkdir(mode=0o700)
    secrets = Secrets(folder, None)
    secrets.set("stripe", VALUE, [HOST], now_us=1)
    secrets.set("other", "another-canary-98765", ["other.example"], now_us=1)
    return Broker(secrets, Redactor())


def test_references_are_replaced_wherever_they_stand(broker: Broker) -> None:
    value = {
        "key": "secret:stripe",
        "headers": {"Authorization": "Bearer {{secret:stripe}}", "{{ secret:stripe }}": 1},
        "list": ["secret:stripe", ("x{{secret:stripe}}y{{secret:stripe}}z",), 3, None, 1.5, b"raw"],
    }
    assert broker.fill(value, HOST) == {
        "key": VALUE,
        "headers": {"Authorization": f"Bearer {VALUE}", VALUE: 1},
        "list": [VALUE, (f"x{VALUE}y{VALUE}z",), 3, None, 1.5, b"raw"],
    }
    assert value["key"] == "secret:stripe"


@pytest.mark.parametrize(
    "text",
    [
        "a secret: mine",
        "secret:",
        "no secret:stripe inside",
        "{secret:stripe}",
        "SECRET:stripe",
        "secret:a b",
    ],
)
def test_other_text_stays_as_it_is(broker: Broker, text: str) -> None:
    assert broker.fill(text, HOST) == text
    assert references_in(text) == frozenset()


@pytest.mark.parametrize(
    ("value", "host", "why"),
    [
        ("secret:stripe", "evil.example", "secret 'stripe' is not for host 'evil.example'"),
        ({"a": ["x {{secret:stripe}}"]}, "api.stripe.com.evil.example", "is not for host"),
        ("secret:stripe", "", "names no host"),
        (["secret:other", "secret:stripe"], HOST, "secret 'other' is not for host 'api.stripe.com'"),
        ("secret:nobody", HOST, "no secret named 'nobody'"),
        ("{{secret:../key}}", HOST, "cannot be the name"),
        ("{{secret:}}", HOST, "cannot be the name"),
    ],
)
def test_what_is_not_bound_to_the_host_is_denied(broker: Broker, value: Any, host: str, why: str) -> None:
    with pytest.raises(PolicyDenied, match=why) as denied:
        broker.fill(value, host)
    assert VALUE not in "".join(traceback.format_exception(denied.value))


def test_a_value_that_was_put_in_is_not_searched_for_references(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Secrets, "get", lambda self, name, host: f"{{{{secret:{name}-more}}}}")
    assert broker.fill("x{{secret:odd}}", HOST) == "x{{secret:odd-more}}"


def test_what_is_nested_too_deeply_is_refused(broker: Broker) -> None:
    value: Any = "secret:stripe"
    for _ in range(150):
        value = [value]
    for attempt in (lambda: broker.fill(value, HOST), lambda: references_in(value)):
        with pytest.raises(UsageError, match="100 levels"):
            attempt()


def test_references_are_named(broker: Broker) -> None:
    assert references_in({"a": ["secret:stripe", "{{secret:other}} {{ secret:x }}"]}) == {
        "stripe",
        "other",
        "x",
    }


def test_a_call_gets_the_value_and_gives_it_not_back(broker: Broker) -> None:
    seen: list[str] = []

    async def post(key: str, text: str) -> dict[str, Any]:
        seen.append(key)
        return {"echo": key, "hex": key.encode().hex(), "text": text}

    result = asyncio.run(broker.call(post, {"key": "secret:stripe", "text": "hello"}, HOST))
    assert seen == [VALUE]
    assert result == {"echo": "[secret:stripe]", "hex": "[secret:stripe]", "text": "hello"}


def test_a_call_that_is_denied_is_not_made(broker: Broker) -> None:
    async def post(key: str) -> None:
        raise AssertionError("called")

    with pytest.raises(PolicyDenied):
        asyncio.run(broker.call(post, {"key": "secret:stripe"}, "evil.example"))


class Refused(Exception):
    def __str__(self) -> str:
        return f"401 for {VALUE}"


@pytest.mark.parametrize("error", [ValueError(f"bad {VALUE}"), Refused()])
def test_an_error_of_a_call_says_nothing(broker: Broker, error: Exception) -> None:
    async def post(key: str) -> None:
        raise error

    with pytest.raises(Exception) as caught:
        asyncio.run(broker.call(post, {"key": "secret:stripe"}, HOST))
    assert VALUE not in "".join(traceback.format_exception(caught.value))
    assert "[secret:stripe]" in str(caught.value)


def test_a_cancelled_call_stays_cancelled(broker: Broker) -> None:
    async def post(key: str) -> None:
        raise asyncio.CancelledError(key)

    async def main() -> None:
        with pytest.raises(asyncio.CancelledError) as caught:
            await broker.call(post, {"key": "secret:stripe"}, HOST)
        assert caught.value.args == ("[secret:stripe]",)

    asyncio.run(main())


def test_it_shows_no_value(broker: Broker) -> None:
    broker.fill("secret:stripe", HOST)
    assert VALUE not in repr((broker, broker.redactor))
