"""The system's keyring, where there is one that answers without a person.

One rule: it never asks and never waits: a keyring that is locked, would open a window or does not answer in two
seconds counts as not there. (`keyring`, the library, is not needed; without it there is no keyring.)
"""

import importlib
import threading
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

PATIENCE_S = 2.0
"""How long the keyring may take for one answer."""
SERVICE = "firm"

_SILENT = ("keyring.backends.SecretService", "keyring.backends.macOS", "keyring.backends.Windows")
"""Modules of backends that can be asked without a window; SecretService only while it is unlocked."""

T = TypeVar("T")


class Keyring(Protocol):
    """Where a key is kept outside the firm's folder."""

    def read(self, name: str) -> str | None:
        """What is kept under the name; None: nothing, or it does not answer."""

    def write(self, name: str, value: str) -> bool:
        """Keep it; False: it could not be kept."""


class SystemKeyring:
    """A keyring by way of the library `keyring`.

    Args:
        backend: One of its backends.
        patience_s: How long each answer may take.
    """

    def __init__(self, backend: Any, patience_s: float = PATIENCE_S) -> None:
        self._backend, self._patience_s = backend, patience_s

    def read(self, name: str) -> str | None:
        """What is kept under the name; None: nothing, or it does not answer."""
        value = _in_time(lambda: self._backend.get_password(SERVICE, name), self._patience_s)
        return value if isinstance(value, str) else None

    def write(self, name: str, value: str) -> bool:
        """Keep it, and read it back; False: it could not be kept."""
        _in_time(lambda: self._backend.set_password(SERVICE, name, value), self._patience_s)
        return self.read(name) == value


def find_keyring(patience_s: float = PATIENCE_S) -> SystemKeyring | None:
    """The system's keyring, if the library is installed and a backend answers without a person."""
    try:
        library = importlib.import_module("keyring")
    except ImportError:
        return None
    chosen = _in_time(lambda: _silent_backend(library.get_keyring()), patience_s)
    return SystemKeyring(chosen, patience_s) if chosen is not None else None


def _silent_backend(found: Any) -> Any:
    """The backend, or the first of those in its chain, that can be asked without a person; None: there is none."""
    for backend in getattr(found, "backends", None) or (found,):
        module = type(backend).__module__
        if module.startswith(_SILENT) and (".SecretService" not in module or _is_unlocked()):
            return backend
    return None


def _is_unlocked() -> bool:
    """Whether the default collection of the desktop's Secret Service is open; looking does not ask for it."""
    service = importlib.import_module("secretstorage")
    bus = service.dbus_init()
    try:
        return not service.Collection(bus, "/org/freedesktop/secrets/aliases/default").is_locked()
    finally:
        bus.close()


def _in_time(ask: Callable[[], T], patience_s: float) -> T | None:
    """What `ask` gives; None: it failed, or took too long and is left behind."""
    given: list[T] = []

    def run() -> None:
        try:
            given.append(ask())
        except Exception:  # whatever a backend of the system raises: then it is as if there were no keyring
            given.clear()

    thread = threading.Thread(target=run, name="firm-keyring", daemon=True)
    thread.start()
    thread.join(patience_s)
    return given[0] if given else None
