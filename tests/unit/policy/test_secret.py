"""Secrets: kept sealed, given to the hosts they are bound to, told to nobody."""

import json
from pathlib import Path

import pytest

from firm.errors import PolicyDenied, UsageError
from firm.policy.seal import KeyFault
from firm.policy.secret import MAX_VALUE_CHARS, Secrets, check_host

VALUE = "sk-live-canary-0123456789"
NOW = 1_800_000_000_000_000


class Ring:
    """A keyring in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}
        self.works = True

    def read(self, name: str) -> str | None:
        return self.kept.get(name) if self.works else None

    def write(self, name: str, value: str) -> bool:
        if self.works:
            self.kept[name] = value
        return self.works


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / ".firm"
    made.mkdir(mode=0o700)
    return made


@pytest.fixture
def secrets(folder: Path) -> Secrets:
    made = Secrets(folder, None)
    made.set("stripe", VALUE, ["api.stripe.com"], now_us=NOW)
    return made


def test_a_secret_is_kept_listed_without_value_and_removed(folder: Path, secrets: Secrets) -> None:
    again = Secrets(folder, None)
    assert again.get("stripe", "api.stripe.com") == VALUE
    [entry] = again.list()
    assert (entry.name, entry.hosts, entry.set_at_us) == ("stripe", ("api.stripe.com",), NOW)
    assert VALUE not in repr((again, again.list(), again._kept))
    secrets.set("stripe", VALUE + "-new", ["api.stripe.com", "b.example", "b.example"], now_us=NOW)
    assert again.get("stripe", "b.example") == VALUE + "-new"
    secrets.remove("stripe")
    assert again.list() == () and again.values() == {}
    with pytest.raises(UsageError, match="no secret named 'stripe'; there are: none"):
        secrets.remove("stripe")


def test_nothing_of_it_can_be_read_in_the_files(folder: Path, secrets: Secrets) -> None:
    for file in folder.iterdir():
        assert file.stat().st_mode & 0o777 == 0o600
        assert VALUE.encode() not in file.read_bytes() and b"stripe" not in file.read_bytes()
    assert {file.name for file in folder.iterdir()} == {"secrets", "secrets.key"}


@pytest.mark.parametrize(
    "host",
    [
        *(
            "evil.example",
            "api.stripe.com.evil.example",
            "xapi.stripe.com",
            "stripe.com",
            "",
            "*",
            "api.stripe.com.",
        ),
        *(
            "user@api.stripe.com",
            "api.stripe.com@evil.example",
            "api.stripe.com/../x",
            "api.stripe.com#",
            " ",
        ),
        *(
            "https://api.stripe.com",
            "\u0430pi.stripe.com",
            "api.stripe.com\n",
            "api.stripe.com:",
            "api.stripe.com:x",
        ),
        "api.stripe.com\0.evil.example",
    ],
)
def test_another_host_gets_nothing(secrets: Secrets, host: str) -> None:
    with pytest.raises(PolicyDenied, match="secret 'stripe' is not for host") as denied:
        secrets.get("stripe", host)
    assert VALUE not in str(denied.value)


def test_a_port_counts_where_it_is_given(secrets: Secrets) -> None:
    assert secrets.get("stripe", "API.Stripe.com:443") == VALUE
    secrets.set("local", VALUE, ["127.0.0.1:8000", "[::1]:8000"], now_us=NOW)
    assert secrets.get("local", "127.0.0.1:8000") == secrets.get("local", "[::1]:8000") == VALUE
    for host in ("127.0.0.1", "127.0.0.1:80", "127.0.0.1:8001", "[::1]", "::1"):
        with pytest.raises(PolicyDenied):
            secrets.get("local", host)


def test_a_secret_that_is_not_there_is_denied_with_the_command(secrets: Secrets) -> None:
    with pytest.raises(PolicyDenied, match="firm secret set strip --host"):
        secrets.get("strip", "api.stripe.com")


@pytest.mark.parametrize(
    "value",
    [
        *(
            "",
            "qwert7",
            "1234567",
            "aaaaaaaaaaaa",
            "x" * (MAX_VALUE_CHARS + 1),
            "nul\0in the middle",
            "half \ud800 pair",
        ),
        *("secret:other", "env:HOME_KEY", "{{secret:other}}", "name-of-it"),
    ],
)
def test_values_that_cannot_be_kept_are_refused_without_repeating_them(secrets: Secrets, value: str) -> None:
    with pytest.raises(UsageError) as refused:
        secrets.set("my-name-of-it", value, ["a.example"], now_us=NOW)
    assert not value or value in "my-name-of-it" or value not in str(refused.value)
    assert len(secrets.list()) == 1


@pytest.mark.parametrize("name", ["", "-a", "a b", "a/b", "é", "a" * 101, "a\n", "{{a}}"])
def test_names_that_cannot_be_referred_to_are_refused(secrets: Secrets, name: str) -> None:
    with pytest.raises(UsageError, match="cannot be the name of a secret"):
        secrets.set(name, VALUE, ["a.example"], now_us=NOW)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "*",
        "*.example",
        "https://a.example",
        "a.example/x",
        "u@a.example",
        "a:0",
        "a:65536",
        "bücher.example",
    ],
)
def test_hosts_that_are_none_are_refused(secrets: Secrets, host: str) -> None:
    with pytest.raises(UsageError, match="is not a host"):
        secrets.set("other", VALUE, ["a.example", host], now_us=NOW)


def test_hosts_are_written_alike() -> None:
    assert check_host(" API.Example.com:8443 ") == "api.example.com:8443"
    assert check_host("localhost") == "localhost"


def test_no_hosts_are_refused(secrets: Secrets) -> None:
    for hosts in ([], "a.example", ["a.example"] * 101):
        with pytest.raises(UsageError, match="hosts"):
            secrets.set("other", VALUE, hosts, now_us=NOW)


# --- its key ---------------------------------------------------------------------------------------------------


def test_the_key_goes_into_a_keyring_that_works(folder: Path) -> None:
    ring = Ring()
    Secrets(folder, lambda: ring).set("a", VALUE, ["a.example"], now_us=NOW)
    assert [file.name for file in folder.iterdir()] == ["secrets"]
    again = Secrets(folder, lambda: ring)
    assert (again.where(), again.get("a", "a.example")) == ("keyring", VALUE)


def test_a_keyring_that_keeps_nothing_is_not_trusted(folder: Path) -> None:
    ring = Ring()
    ring.works = False
    secrets = Secrets(folder, lambda: ring)
    secrets.set("a", VALUE, ["a.example"], now_us=NOW)
    assert (secrets.where(), (folder / "secrets.key").exists()) == ("file", True)


def test_a_keyring_that_was_locked_since_is_said_and_no_new_key_is_made(folder: Path) -> None:
    ring = Ring()
    Secrets(folder, lambda: ring).set("a", VALUE, ["a.example"], now_us=NOW)
    before = (folder / "secrets").read_bytes()
    ring.works = False
    for found in (lambda: ring, lambda: None, None):
        secrets = Secrets(folder, found)
        with pytest.raises(KeyFault, match="system's keyring"):
            secrets.get("a", "a.example")
        with pytest.raises(KeyFault, match="system's keyring"):
            secrets.set("b", VALUE, ["a.example"], now_us=NOW)
    assert (folder / "secrets").read_bytes() == before
    assert not (folder / "secrets.key").exists()


def test_a_key_that_is_lost_wrong_or_too_open_is_said(folder: Path, secrets: Secrets) -> None:
    key, right = folder / "secrets.key", (folder / "secrets.key").read_bytes()

    def refused() -> str:
        with pytest.raises(KeyFault) as fault:
            Secrets(folder, None).get("stripe", "api.stripe.com")
        return str(fault.value)

    key.write_bytes(right[::-1].strip() + b"\n")
    assert "does not open with its key" in refused()
    key.write_bytes(b"no key")
    assert "damaged" in refused()
    key.write_bytes(right)
    key.chmod(0o640)
    assert "too open" in refused()
    key.unlink()
    assert "is gone" in refused()


def test_a_file_that_is_damaged_changed_or_too_open_is_said(folder: Path, secrets: Secrets) -> None:
    file, right = folder / "secrets", (folder / "secrets").read_bytes()

    def refused() -> str:
        with pytest.raises(KeyFault) as fault:
            secrets.get("stripe", "api.stripe.com")
        return str(fault.value)

    for field, value in (("id", "0" * 16), ("box", "AAAA"), ("box", "")):
        file.write_text(json.dumps({**json.loads(right), field: value}))
        assert "does not open with its key" in refused()
    file.write_text(json.dumps({**json.loads(right), "format": "firm/v2/secrets"}))
    assert "update this program" in refused()
    file.write_bytes(b"{}")
    assert "damaged" in refused()
    file.write_bytes(right)
    assert secrets.get("stripe", "api.stripe.com") == VALUE
    file.chmod(0o644)
    assert "too open" in refused()


def test_looking_makes_nothing(folder: Path) -> None:
    secrets = Secrets(folder, None)
    assert (secrets.list(), secrets.where(), dict(secrets.values())) == ((), "", {})
    assert list(folder.iterdir()) == []
    assert Secrets(folder / "nowhere", None).list() == ()


def test_at_most_a_thousand_are_kept(secrets: Secrets, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firm.policy.secret.MAX_SECRETS", 1)
    with pytest.raises(UsageError, match="more are not kept"):
        secrets.set("other", VALUE, ["a.example"], now_us=NOW)
    secrets.set("stripe", VALUE, ["a.example"], now_us=NOW)
