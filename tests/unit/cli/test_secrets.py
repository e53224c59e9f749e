"""`firm secret`: keeping, listing and forgetting values that nobody sees."""

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from firm.policy.secret import Secrets

from .conftest import Firm

VALUE = "sk-live-canary-0123456789"


@pytest.fixture(autouse=True)
def no_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], None]:
    """What comes on stdin."""
    return lambda body: monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(body), "utf-8"))


def kept(folder: Path) -> Secrets:
    return Secrets(folder / ".firm", None)


def test_a_secret_is_set_from_stdin_listed_without_value_and_removed(
    firm: Firm, tmp_path: Path, pipe: Callable[[bytes], None]
) -> None:
    assert firm("secret").out.startswith("no secrets yet")
    assert not (tmp_path / ".firm").exists()
    pipe(VALUE.encode() + b"\r\n")
    done = firm("secret", "set", "stripe", "--host", "API.stripe.com", "--host", "b.example:8443")
    assert (done.code, "secret:stripe" in done.out, "secrets.key" in done.err) == (0, True, True)
    assert kept(tmp_path).get("stripe", "api.stripe.com") == VALUE
    listed, machine = firm("secret", "list"), firm("secret", "list", "--json")
    assert "api.stripe.com, b.example:8443" in listed.out
    assert json.loads(machine.out)[0]["hosts"] == ["api.stripe.com", "b.example:8443"]
    gone = firm("secret", "remove", "stripe", "--json")
    assert json.loads(gone.out) == {"removed": "stripe"}
    assert kept(tmp_path).list() == ()
    assert VALUE not in repr((done, listed, machine, gone))


def test_of_the_line_ends_only_the_last_is_cut(
    firm: Firm, tmp_path: Path, pipe: Callable[[bytes], None]
) -> None:
    pipe(b"-----BEGIN-----\nabcdefg\n-----END-----\n\n")
    firm("secret", "set", "pem", "--host", "a.example")
    assert kept(tmp_path).get("pem", "a.example") == "-----BEGIN-----\nabcdefg\n-----END-----\n"


def test_at_a_terminal_it_is_typed_unseen(
    firm: Firm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("getpass.getpass", lambda prompt: VALUE)
    assert json.loads(firm("secret", "set", "a", "--host", "a.example", "--json").out) == {
        "set": "a",
        "hosts": ["a.example"],
        "key": "file",
    }
    assert kept(tmp_path).get("a", "a.example") == VALUE


def test_a_value_on_the_command_line_is_refused_and_not_repeated(firm: Firm, tmp_path: Path) -> None:
    refused = firm("secret", "set", "a", VALUE, "--host", "a.example")
    assert (refused.code, "never given on the command line" in refused.err) == (2, True)
    assert VALUE not in refused.err + refused.out
    assert not (tmp_path / ".firm").exists()


@pytest.mark.parametrize(
    ("words", "body", "why"),
    [
        (("a",), VALUE.encode(), "--host"),
        (("a", "--host", "*"), VALUE.encode(), "is not a host"),
        (("a b", "--host", "a.example"), VALUE.encode(), "cannot be the name"),
        (("a", "--host", "a.example"), b"qwert7", "has 6 characters"),
        (("a", "--host", "a.example"), b"", "has 0 characters"),
        (("a", "--host", "a.example"), b"\xff\xfe binary", "no UTF-8 text"),
        (("a", "--host", "a.example"), b"x y" * 100_000, "64,000"),
    ],
)
def test_bad_input_is_refused(
    firm: Firm, tmp_path: Path, pipe: Callable[[bytes], None], words: tuple[str, ...], body: bytes, why: str
) -> None:
    pipe(body)
    refused = firm("secret", "set", *words)
    assert refused.code == 2
    assert why in refused.err
    assert not body or body.decode("latin-1") not in refused.err
    assert kept(tmp_path).list() == ()


def test_a_secret_that_is_not_there_cannot_be_removed(firm: Firm) -> None:
    gone = firm("secret", "remove", "nobody")
    assert (gone.code, "no secret named 'nobody'; there are: none" in gone.err) == (2, True)


def test_the_doctor_looks_at_the_modes_of_the_files(
    firm: Firm, tmp_path: Path, pipe: Callable[[bytes], None]
) -> None:
    pipe(VALUE.encode())
    firm("secret", "set", "a", "--host", "a.example")

    def told() -> tuple[str, str]:
        [found] = [one for one in json.loads(firm("doctor", "--json").out) if one["what"] == "secrets"]
        return found["level"], found["text"]

    assert told()[0] == "ok" and "1 secret, sealed" in told()[1]
    for name in ("secrets", "secrets.key"):
        (tmp_path / ".firm" / name).chmod(0o644)
        assert told()[0] == "bad" and "too open" in told()[1]
        (tmp_path / ".firm" / name).chmod(0o600)
    (tmp_path / ".firm" / "secrets.key").unlink()
    assert told()[0] == "bad" and "is gone" in told()[1]
