"""A key in a server's words, in whichever form, is taken out."""

import base64
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firm.model.redact import SHOWN, forms_of, without

KEY = "sk-proj-Zm9v+/=& é-canary-0123456789"

keys = st.text(min_size=12, max_size=60).filter(lambda key: key.isprintable() and "[key]" not in key)


@pytest.mark.parametrize(
    "form",
    [
        KEY,
        quote(KEY, safe=""),
        KEY.encode().hex(),
        KEY.encode().hex().upper(),
        base64.b64encode(KEY.encode()).decode(),
        base64.b64encode(b"u:" + KEY.encode()).decode(),
        base64.b64encode(b"user1:" + KEY.encode() + b"!").decode(),
        base64.urlsafe_b64encode(b"x" + KEY.encode()).decode(),
    ],
)
def test_a_key_is_taken_out_in_every_form(form: str) -> None:
    told = without(f"the key {form} was refused, {form}", (KEY,))
    assert SHOWN in told
    for known in forms_of(KEY):
        assert known not in told
        assert known[4:-4] not in told


def test_the_beginning_of_a_key_that_was_cut_is_taken_out_too() -> None:
    assert without("no key sk-proj-Zm9v+/…", (KEY,)) == f"no key {SHOWN}…"


def test_words_that_are_no_key_stay() -> None:
    assert without("the model is not here", ("", "abc", KEY)) == "the model is not here"


@given(keys, st.text(max_size=20), st.text(max_size=20))
def test_of_any_key_nothing_is_left(key: str, before: str, after: str) -> None:
    raw = key.encode()
    for form in (key, quote(raw, safe=""), raw.hex(), base64.b64encode(raw).decode()[: len(raw) * 4 // 3]):
        assert form not in without(before + form + after, (key,))
