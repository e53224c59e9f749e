"""The system's keyring: used where it answers by itself, never waited for."""

import sys
import threading
from collections.abc import Callable, Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from firm.policy.keyring import SystemKeyring, find_keyring


class Backend:
    """One that works; its class pretends to lie in the module of a real one."""

    __module__ = "keyring.backends.macOS"

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, name: str) -> str | None:
        return self.kept.get((service, name))

    def set_password(self, service: str, name: str, value: str) -> None:
        self.kept[service, name] = value


class Plain(Backend):
    __module__ = "keyrings.alt.file"


class Fail(Backend):
    __module__ = "keyring.backends.fail"


class Desktop(Backend):
    __module__ = "keyring.backends.SecretService"


class Broken(Backend):
    def get_password(self, service: str, name: str) -> str | None:
        raise RuntimeError("the keyring is upset")

    set_password = get_password  # type: ignore[assignment]


class Waits(Backend):
    """Opens a window that nobody sees."""

    answered: threading.Event

    def get_password(self, service: str, name: str) -> str | None:
        self.answered.wait(30)
        return "late"


Install = Callable[..., None]


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Install:
    """`install(backend)` as what the library `keyring` finds."""

    def call(backend: Any, **extra: Any) -> None:
        library = ModuleType("keyring")
        library.get_keyring = lambda: backend  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "keyring", library)
        for name, module in extra.items():
            monkeypatch.setitem(sys.modules, name, module)

    return call


@pytest.fixture
def slow() -> Iterator[Waits]:
    backend = Waits()
    backend.answered = threading.Event()
    yield backend
    backend.answered.set()


def test_without_the_library_there_is_no_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    assert find_keyring() is None


def test_a_backend_that_works_keeps_what_it_is_given(install: Install) -> None:
    install(Backend())
    keyring = find_keyring()
    assert keyring is not None
    assert keyring.read("a") is None
    assert keyring.write("a", "value")
    assert keyring.read("a") == "value"


@pytest.mark.parametrize("backend", [Plain(), Fail(), None])
def test_a_backend_that_may_ask_or_keeps_nothing_is_not_used(install: Install, backend: Any) -> None:
    install(backend)
    assert find_keyring() is None


def test_of_a_chain_the_first_silent_backend_is_taken(install: Install) -> None:
    backend = Backend()
    install(SimpleNamespace(backends=[Plain(), Fail(), backend]))
    keyring = find_keyring()
    assert keyring is not None and keyring.write("a", "value")
    assert backend.kept == {("firm", "a"): "value"}


@pytest.mark.parametrize("locked", [True, False, None])
def test_a_desktop_whose_keyring_is_locked_is_not_asked_to_open_it(
    install: Install, locked: bool | None
) -> None:
    opened: list[str] = []

    class Collection:
        def __init__(self, bus: object, path: str) -> None:
            if locked is None:
                raise RuntimeError("no such collection")

        def is_locked(self) -> bool | None:
            return locked

        def unlock(self) -> None:
            opened.append("asked")

    bus = SimpleNamespace(close=lambda: None)
    install(Desktop(), secretstorage=SimpleNamespace(dbus_init=lambda: bus, Collection=Collection))
    assert (find_keyring() is not None) is (locked is False)
    assert opened == []


def test_a_library_that_breaks_or_hangs_counts_as_none(
    install: Install, monkeypatch: pytest.MonkeyPatch, slow: Waits
) -> None:
    library = ModuleType("keyring")
    monkeypatch.setitem(sys.modules, "keyring", library)
    assert find_keyring() is None
    library.get_keyring = lambda: slow.get_password("", "")  # type: ignore[attr-defined]
    assert find_keyring(patience_s=0.01) is None


def test_a_backend_that_fails_or_waits_for_a_person_is_left_alone(slow: Waits) -> None:
    for backend in (Broken(), slow):
        keyring = SystemKeyring(backend, patience_s=0.01)
        assert keyring.read("a") is None
        assert not keyring.write("a", "value")
