"""Striking secrets out: every form in which they come back, and nothing else."""

import base64
import dataclasses
import html
import io
import json
import logging
import traceback
from collections.abc import Callable
from pathlib import Path, PurePath
from typing import Any, NamedTuple
from urllib.parse import quote, quote_plus, urlencode
from uuid import UUID

import msgspec
import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firm.errors import PolicyDenied, RetryableError, StepFailed
from firm.policy.redact import MAX_DEPTH, TOO_DEEP, LogFilter, Redactor, guard_logs

PLAIN = "sk-live-canary-0123456789"
AWKWARD = 'p+a/ß w"o\\r\nd=%<&>?~日本'
VALUES = {
    "plain": PLAIN,
    "awkward": AWKWARD,
    "pem": "-----BEGIN KEY-----\n" + "QUJDREVG/+" * 14 + "\n-----END KEY-----\n",
}

WAYS: dict[str, Callable[[str], str]] = {
    "itself": lambda value: value,
    "in a header": lambda value: f"Authorization: Bearer {value}\r\nHost: a",
    "as JSON": lambda value: json.dumps({"key": value}),
    "as JSON without escapes": lambda value: json.dumps({"key": value}, ensure_ascii=False),
    "as JSON in JSON": lambda value: json.dumps({"body": json.dumps({"key": value})}),
    "as JSON with escaped slashes": lambda value: json.dumps({"key": value}).replace("/", "\\/"),
    "as msgspec writes it": lambda value: msgspec.json.encode({"key": value}).decode(),
    "as Python writes it": lambda value: repr({"key": value}),
    "as Python writes its bytes": lambda value: repr(value.encode()),
    "as HTML": lambda value: f"<p title='{html.escape(value)}'>",
    "percent-encoded": lambda value: "https://a.example/?key=" + quote(value, safe=""),
    "percent-encoded, slashes left": lambda value: "https://a.example/" + quote(value),
    "percent-encoded in lower case": lambda value: (
        quote(value, safe="").lower() if value.islower() else quote(value)
    ),
    "as a form": lambda value: urlencode({"key": value, "other": "1"}),
    "as a form's value": lambda value: quote_plus(value, safe="/"),
    "every byte percent-encoded": lambda value: "".join(f"%{byte:02x}" for byte in value.encode()),
    "hexadecimal": lambda value: value.encode().hex(),
    "hexadecimal, upper case": lambda value: f"x={value.encode().hex().upper()};",
    "hexadecimal, wrapped": lambda value: "\n".join(_cut(value.encode().hex(), 32)),
    "read as latin-1": lambda value: value.encode().decode("latin-1"),
    "base64, wrapped": lambda value: base64.encodebytes(value.encode()).decode(),
    "base64, wrapped, in JSON": lambda value: json.dumps(base64.encodebytes(b"u:" + value.encode()).decode()),
    "base64, percent-encoded": lambda value: "k=" + quote(base64.b64encode(value.encode()).decode(), safe=""),
    "base64 without padding": lambda value: base64.urlsafe_b64encode(value.encode()).decode().rstrip("="),
    **{
        f"base64 {kind} after {lead} bytes, before {tail}": lambda value, code=code, lead=lead, tail=tail: (
            "Basic " + code(b"user:"[:lead] + value.encode() + b"\xff\x00\xfe"[:tail]).decode()
        )
        for kind, code in (("standard", base64.b64encode), ("for URLs", base64.urlsafe_b64encode))
        for lead in range(5)
        for tail in range(3)
    },
}


def _cut(text: str, size: int) -> list[str]:
    return [text[start : start + size] for start in range(0, len(text), size)]


def traces(text: str, value: str) -> list[str]:
    """In which forms a secret of at least 8 characters stands in a text: found by decoding, not by searching."""
    raw, found = value.encode(), []
    flat = "".join(text.replace("\\n", "").split())
    runs = [run for run in _runs(flat) if len(run) >= 8]
    for run in runs:
        for start in range(4):
            piece = run[start:].replace("-", "+").replace("_", "/")
            piece = piece[: len(piece) // 4 * 4]
            if raw[1:-1] in base64.b64decode(piece):
                found.append("base64")
        for start in range(2):
            digits = run[start:][: len(run[start:]) // 2 * 2].lower()
            if all(char in "0123456789abcdef" for char in digits) and raw in bytes.fromhex(digits):
                found.append("hexadecimal")
    views = {"itself": text, "JSON": text.replace("\\/", "/").replace('\\"', '"')}
    return found + [way for way, view in views.items() if value in view]


def _runs(text: str) -> list[str]:
    kept = "".join(char if char.isascii() and (char.isalnum() or char in "+/-_") else " " for char in text)
    return kept.split()


@pytest.fixture
def redactor() -> Redactor:
    return Redactor(VALUES)


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("way", WAYS)
def test_a_secret_is_found_in_every_form(redactor: Redactor, name: str, way: str) -> None:
    dirty = f"before {WAYS[way](VALUES[name])} after"
    clean = redactor.clean(dirty)
    assert f"[secret:{name}]" in clean
    assert traces(clean, VALUES[name]) == []
    assert redactor.clean(clean) == clean
    assert redactor.clean(dirty.encode()) != dirty.encode()


@pytest.mark.parametrize("way", WAYS)
def test_what_stands_around_it_stays(redactor: Redactor, way: str) -> None:
    clean = redactor.clean(f"before {WAYS[way](PLAIN)} after")
    whole = clean == "[secret:plain]"  # where its place cannot be told
    assert whole or (clean.startswith("before") and clean.endswith("after"))
    assert not whole or way == "base64, percent-encoded"


def test_the_search_of_this_test_finds_what_is_there() -> None:
    for way in ("itself", "hexadecimal", "base64, wrapped", "base64 standard after 1 bytes, before 2"):
        assert traces(WAYS[way](PLAIN), PLAIN), way


@settings(max_examples=150, deadline=None)
@given(
    st.text(st.characters(blacklist_categories=["Cs"]), min_size=8, max_size=40).filter(
        lambda x: len(set(x)) >= 4
    ),
    st.sampled_from(sorted(WAYS)),
    st.sampled_from(["", "x", "a longer text before it\n"]),
)
def test_any_text_as_a_secret_is_found(value: str, way: str, around: str) -> None:
    redactor = Redactor({"it": value})
    clean = redactor.clean(around + WAYS[way](value) + around)
    assert "[secret:it]" in clean
    assert value not in clean.replace("[secret:it]", "")


@settings(max_examples=30, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text() | st.binary(), lambda inner: st.lists(inner)
    )
)
def test_what_holds_no_secret_is_given_back_as_it_is(value: Any) -> None:
    assert Redactor({"it": "never-in-any-example-\u2603"}).clean(value) is value


def test_without_secrets_nothing_is_looked_at() -> None:
    value = {"a": [object()]}
    assert Redactor().clean(value) is value


class Point(NamedTuple):
    name: str
    count: int


class Model(pydantic.BaseModel):
    text: str
    count: int = 0


class Record(msgspec.Struct, frozen=True):
    text: str
    more: Any = None


@dataclasses.dataclass(frozen=True)
class Data:
    text: str
    count: int = 0


def test_everything_nested_is_searched_and_keeps_its_type(redactor: Redactor) -> None:
    mark = "[secret:plain]"
    assert redactor.clean({PLAIN: [PLAIN, (PLAIN, 1), {PLAIN}, frozenset({PLAIN})]}) == {
        mark: [mark, (mark, 1), {mark}, frozenset({mark})]
    }
    assert redactor.clean(Point(PLAIN, 1)) == Point(mark, 1)
    assert redactor.clean(Record("a", Record(PLAIN))) == Record("a", Record(mark))
    assert redactor.clean(Data(PLAIN, 2)) == Data(mark, 2)
    assert redactor.clean(Model(text=PLAIN, count=2)) == Model(text=mark, count=2)
    assert redactor.clean(Path("/tmp") / PLAIN) == f"/tmp/{mark}"
    assert redactor.clean([PurePath("/tmp"), UUID(int=3), None, True]) == [
        PurePath("/tmp"),
        UUID(int=3),
        None,
        True,
    ]
    assert redactor.clean(bytearray(PLAIN.encode())) == bytearray(mark.encode())
    assert redactor.clean(b"\xff\x00" + PLAIN.encode()) == b"\xff\x00" + mark.encode()


def test_a_secret_of_digits_is_found_in_numbers() -> None:
    redactor = Redactor({"pin": "9182736455"})
    assert redactor.clean({"a": 9182736455, "b": 1.5, "c": 7, "d": 10**5000}) == {
        "a": "[secret:pin]",
        "b": 1.5,
        "c": 7,
        "d": 10**5000,
    }


def test_what_is_nested_too_deeply_goes(redactor: Redactor) -> None:
    value: Any = PLAIN
    for _ in range(MAX_DEPTH + 5):
        value = [value]
    clean = redactor.clean(value)
    assert PLAIN not in repr(clean)
    assert TOO_DEEP in repr(clean)


def test_a_value_that_was_replaced_is_still_struck_out() -> None:
    redactor = Redactor({"it": "the-first-value"})
    redactor.learn("it", "the-second-value")
    assert redactor.clean("the-first-value the-second-value") == "[secret:it] [secret:it]"


def test_of_two_secrets_in_one_another_both_go() -> None:
    redactor = Redactor({"short": "abcdefgh", "long": "abcdefgh-ijklmnop"})
    assert redactor.clean("abcdefgh-ijklmnop abcdefgh") == "[secret:long] [secret:short]"


def test_short_values_are_not_searched_for() -> None:
    assert Redactor({"it": "1234567"}).clean("1234567") == "1234567"


def test_it_shows_names_only(redactor: Redactor) -> None:
    assert repr(redactor) == "Redactor(['awkward', 'pem', 'plain'])"


# --- errors ----------------------------------------------------------------------------------------------------


class Odd(Exception):
    """Says more than its arguments."""

    def __init__(self, key: str) -> None:
        super().__init__("odd")
        self.key = key

    def __str__(self) -> str:
        return f"odd: {self.key}"


class Stubborn(Exception):
    def __str__(self) -> str:
        return f"refused: {PLAIN}"


def raised(make: Callable[[], BaseException]) -> BaseException:
    try:
        raise make()
    except BaseException as error:
        return error


def everything(error: BaseException) -> str:
    """All that the journal, a log or a terminal could keep of it."""
    return "".join(traceback.format_exception(error)) + repr((error.args, vars(error), str(error)))


def _noted() -> BaseException:
    error = ValueError("a")
    error.add_note(f"the key was {PLAIN}")
    return error


def _caused() -> BaseException:
    try:
        try:
            raise KeyError(PLAIN)
        except KeyError as inner:
            raise RetryableError(f"outer {PLAIN}", retry_after_s=3.0) from inner
    except RetryableError as error:
        return error


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (lambda: ValueError(f"bad key {PLAIN}"), ValueError),
        (lambda: ValueError({"a": [PLAIN.encode()]}), ValueError),
        (lambda: PolicyDenied(WAYS["base64, wrapped"](PLAIN)), PolicyDenied),
        (lambda: Odd(PLAIN), Odd),
        (_noted, ValueError),
        (_caused, RetryableError),
        (lambda: StepFailed("x:Y", f"said {PLAIN}", f"line 1 {PLAIN}"), StepFailed),
        (lambda: Stubborn(), StepFailed),
        (lambda: OSError(2, "no such file", f"/tmp/{PLAIN}"), StepFailed),
        (lambda: ExceptionGroup(f"two {PLAIN}", [ValueError(PLAIN)]), StepFailed),
        (lambda: KeyboardInterrupt(PLAIN), KeyboardInterrupt),
    ],
)
def test_an_error_comes_back_without_the_secret(
    redactor: Redactor, make: Callable[[], BaseException], kind: type[BaseException]
) -> None:
    error = raised(make)
    assert PLAIN in everything(error) or "base64" in everything(error) or traces(everything(error), PLAIN)
    clean = redactor.clean_error(error)
    assert type(clean) is kind
    assert traces(everything(clean), PLAIN) == []
    assert isinstance(clean, type(error)) is (clean is error)


def test_what_is_tried_again_is_still_tried_again(redactor: Redactor) -> None:
    clean = redactor.clean_error(_caused())
    assert isinstance(clean, RetryableError) and clean.retry_after_s == 3.0
    assert isinstance(clean.__cause__, KeyError)


def test_an_error_without_a_secret_is_left_alone(redactor: Redactor) -> None:
    error = raised(lambda: ValueError("nothing here", 3))
    arguments = error.args
    assert redactor.clean_error(error) is error
    assert error.args is arguments
    assert Redactor().clean_error(error) is error


# --- logs ------------------------------------------------------------------------------------------------------


@pytest.fixture
def log() -> Any:
    """A logger below another, and what is written."""
    written = io.StringIO()
    top, below = logging.getLogger("canary"), logging.getLogger("canary.below")
    handler = logging.StreamHandler(written)
    handler.setFormatter(logging.Formatter("%(message)s %(extra)s", defaults={"extra": ""}))
    top.handlers[:], top.propagate, top.level = [handler], False, logging.DEBUG
    yield top, below, written
    top.handlers.clear()
    top.filters.clear()


def test_logs_are_clean_also_below_and_in_tracebacks(redactor: Redactor, log: Any) -> None:
    top, below, written = log
    handlers = list(top.handlers)
    end = guard_logs(redactor, "canary")
    for one in (top, below):
        one.info("plain %s and %r", PLAIN, {"a": PLAIN.encode()})
        one.info(
            f"in base64 {base64.b64encode(PLAIN.encode()).decode()}", extra={"extra": PLAIN}, stack_info=True
        )
        try:
            raise ValueError(PLAIN)
        except ValueError:
            one.exception("broke with %s", PLAIN)
        one.error("a wrong format %d", PLAIN)
    assert written.getvalue().count("[secret:plain]") >= 12
    assert written.getvalue().count("Traceback") == 2
    assert traces(written.getvalue(), PLAIN) == []
    end()
    assert top.handlers == handlers and top.filters == []
    top.info("%s", PLAIN)
    assert PLAIN in written.getvalue()


def test_the_filter_leaves_other_records_as_they_are(redactor: Redactor) -> None:
    record = logging.LogRecord("a", logging.INFO, "p", 1, "a %s", ("b",), None)
    assert LogFilter(redactor).filter(record)
    assert (record.getMessage(), record.exc_text) == ("a b", None)


def test_a_warning_is_still_shown_where_nobody_has_set_up_a_handler(
    capfd: pytest.CaptureFixture[str],
) -> None:
    log = logging.getLogger("firm-alone")
    log.propagate = False
    end = guard_logs(Redactor({"key": "sk-canary-0123456789"}), "firm-alone")
    try:
        log.warning("paused: %s", "sk-canary-0123456789")
        log.info("not this")
    finally:
        end()
    assert capfd.readouterr().err == "paused: [secret:key]\n"
