"""`firm login`, `logout`, the key part of `firm new` and of `firm doctor`."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from firm.policy import identity, seal
from firm.policy.identity import open_session, public_key, shown_key

from .conftest import Firm

WORDS = "correct horse battery"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scrypt costs nothing."""
    monkeypatch.setattr(seal, "SCRYPT_N", 16)


@pytest.fixture
def passphrase(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRM_PASSPHRASE", WORDS)


Types = Callable[..., list[str]]


@pytest.fixture
def types(monkeypatch: pytest.MonkeyPatch) -> Types:
    """A person at a terminal, who types these words; what they were asked is in the list."""

    def call(*words: str) -> list[str]:
        left: Iterator[str] = iter(words)
        asked: list[str] = []

        def typed(prompt: str) -> str:
            asked.append(prompt)
            return next(left)

        monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
        monkeypatch.setattr("getpass.getpass", typed)
        return asked

    return call


def now_us() -> int:
    return time.time_ns() // 1000


def findings(firm: Firm, what: str) -> list[tuple[str, str]]:
    found = json.loads(firm("doctor", "--json").out)
    return [(one["level"], one["text"]) for one in found if one["what"] == what]


# --- login -----------------------------------------------------------------------------------------------------


def test_the_first_login_makes_the_key_and_opens_a_session(
    firm: Firm, tmp_path: Path, passphrase: None
) -> None:
    first = firm("login")
    assert (first.code, "made your founder key ed25519:" in first.out) == (0, True)
    assert "a session is open until" in first.out and "keep a copy" in first.err
    assert open_session(tmp_path / ".firm", now_us())
    second = json.loads(firm("login", "--json").out)
    assert second["made"] is False
    assert second["founder"] == shown_key(public_key(tmp_path / ".firm") or b"")
    assert WORDS not in repr((first, second))


def test_logout_ends_it(firm: Firm, passphrase: None) -> None:
    firm("login")
    assert firm("logout").out == "the session has ended\n"
    assert firm("logout").out == "no session was open\n"
    assert json.loads(firm("logout", "--json").out) == {"ended": False}


def test_without_terminal_and_variable_it_says_what_is_missing(firm: Firm, tmp_path: Path) -> None:
    refused = firm("login")
    assert (refused.code, "set $FIRM_PASSPHRASE" in refused.err) == (2, True)
    assert not (tmp_path / ".firm").exists()


def test_a_wrong_passphrase_is_refused(
    firm: Firm, tmp_path: Path, passphrase: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    firm("login")
    firm("logout")
    monkeypatch.setenv("FIRM_PASSPHRASE", "something else")
    refused = firm("login")
    assert (refused.code, "does not open" in refused.err) == (2, True)
    assert "something else" not in refused.err
    assert not (tmp_path / ".firm" / "session").exists()


def test_at_a_terminal_a_new_passphrase_is_typed_twice(firm: Firm, tmp_path: Path, types: Types) -> None:
    asked = types("short", WORDS, "another one", WORDS, WORDS)
    made = firm("login")
    assert (made.code, len(asked)) == (0, 5)
    assert "has 5 characters" in made.err and "not the same" in made.err
    assert public_key(tmp_path / ".firm")


def test_after_three_tries_it_ends(firm: Firm, tmp_path: Path, types: Types) -> None:
    types("a", "b", "c", WORDS, WORDS)
    assert firm("login").code == 2
    assert not (tmp_path / ".firm").exists()
    types(WORDS, WORDS)
    firm("login")
    firm("logout")
    asked = types("wrong once", "wrong twice", WORDS)
    assert (firm("login").code, asked) == (0, ["passphrase: "] * 3)
    types("wrong once", "wrong twice", "wrong thrice", WORDS)
    assert firm("login").code == 2


def test_a_terminal_that_cannot_hide_what_is_typed_is_refused(
    firm: Firm, types: Types, monkeypatch: pytest.MonkeyPatch
) -> None:
    import getpass
    import warnings

    types()

    def shows(prompt: str) -> str:
        warnings.warn("it will be shown", getpass.GetPassWarning, stacklevel=1)
        return WORDS

    monkeypatch.setattr("getpass.getpass", shows)
    refused = firm("login")
    assert (refused.code, "typed unseen" in refused.err) == (2, True)


def test_there_must_be_a_firm(firm: Firm, tmp_path: Path, passphrase: None) -> None:
    for words in (("login",), ("logout",), ("secret", "list"), ("secret", "set", "a", "--host", "b")):
        refused = firm(*words, "--home", str(tmp_path / "nowhere"))
        assert (refused.code, "there is no firm in" in refused.err) == (2, True)
    assert not (tmp_path / "nowhere").exists()


# --- new -------------------------------------------------------------------------------------------------------


def test_a_new_firm_gets_a_key_where_a_passphrase_is_given(
    firm: Firm, tmp_path: Path, passphrase: None
) -> None:
    made = firm("new", "one")
    public = public_key(tmp_path / "one" / ".firm")
    assert public is not None and shown_key(public) in made.err
    assert (tmp_path / "one" / ".firm").stat().st_mode & 0o777 == 0o700
    assert json.loads(firm("new", "two", "--json").out)["founder"].startswith("ed25519:")


def test_a_new_firm_without_key_says_how_to_make_one(firm: Firm, tmp_path: Path) -> None:
    made = firm("new", "one")
    assert (made.code, "`firm login` makes it" in made.err) == (0, True)
    assert not (tmp_path / "one" / ".firm").exists()
    assert json.loads(firm("new", "two", "--json").out)["founder"] is None


def test_a_founder_may_do_that_later(firm: Firm, tmp_path: Path, types: Types) -> None:
    asked = types("")
    assert firm("new", "one").code == 0
    assert "empty: not now" in asked[0]
    assert not (tmp_path / "one" / ".firm").exists()


def test_a_bad_passphrase_is_refused_before_anything_is_written(
    firm: Firm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIRM_PASSPHRASE", "short")
    assert firm("new", "one").code == 2
    assert not (tmp_path / "one").exists()


# --- doctor ----------------------------------------------------------------------------------------------------


def test_the_doctor_tells_of_key_session_and_secrets(firm: Firm, tmp_path: Path, passphrase: None) -> None:
    [(level, text)] = findings(firm, "founder")
    assert (level, "no key yet" in text, findings(firm, "session")) == ("ok", True, [])
    firm("login")
    assert findings(firm, "founder")[0][1].startswith("the key is there, sealed: ed25519:")
    assert findings(firm, "session")[0][1].startswith("open until")
    assert findings(firm, "secrets") == [("ok", "0 secrets")]
    firm("logout")
    assert "log in first" in findings(firm, "session")[0][1]


def test_the_doctor_finds_what_is_too_open_or_lost(firm: Firm, tmp_path: Path, passphrase: None) -> None:
    firm("login")
    state = tmp_path / ".firm"
    (state / "session").chmod(0o644)
    [(level, text)] = findings(firm, "session")
    assert (level, "too open" in text) == ("bad", True)
    (state / "founder.key").chmod(0o640)
    [(level, text)] = findings(firm, "founder")
    assert (level, "chmod 600" in text) == ("bad", True)
    assert firm("doctor").code == 1
    (state / "founder.key").unlink()
    [(level, text)] = findings(firm, "founder")
    assert (level, "is gone" in text) == ("bad", True)
    state.chmod(0o755)
    [(level, text)] = findings(firm, "folder")
    assert (level, "chmod 700" in text) == ("warn", True)


def test_the_doctor_changes_nothing(
    firm: Firm, tmp_path: Path, passphrase: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    firm("login")
    before = {path: path.read_bytes() for path in (tmp_path / ".firm").iterdir() if path.is_file()}
    monkeypatch.setattr(identity.time, "time_ns", lambda: 4_000_000_000_000_000_000)
    assert "over" in findings(firm, "session")[0][1]
    assert {path: path.read_bytes() for path in (tmp_path / ".firm").iterdir() if path.is_file()} == before
