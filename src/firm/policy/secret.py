"""The firm's secrets: values that are kept sealed, each bound to the hosts that may get it.

One rule: a value leaves this module only for a host that it is bound to, or to be searched for and struck out; it
stands in no message and no representation.
"""

import contextlib
import functools
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from firm.errors import PolicyDenied, UsageError
from firm.policy.keyring import Keyring, find_keyring
from firm.policy.seal import (
    KEY_BYTES,
    KeyFault,
    alone_in,
    not_written,
    read_private,
    seal,
    unseal,
    write_private,
)

FILE, KEY = "secrets", "secrets.key"
"""Files in `.firm/`."""
MIN_VALUE_CHARS = 8
"""A shorter one could not be searched for in texts: it would be found in words that mean something else."""
MAX_VALUE_CHARS = 64_000
MAX_SECRETS = 1000
MAX_HOSTS = 100
NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}"

_NAME = re.compile(NAME)
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST = re.compile(
    rf"(?P<host>{_LABEL}(?:\.{_LABEL}){{0,30}}|\[[0-9a-f:.]{{2,45}}\])(?::(?P<port>\d{{1,5}}))?"
)
_FORMAT = "firm/v1/secrets"


class Entry(msgspec.Struct, frozen=True):
    """What may be said about a secret."""

    name: str
    hosts: tuple[str, ...]
    """Each 'host' (any port) or 'host:port'."""
    set_at_us: int
    """Microseconds since 1970."""


class _Kept(msgspec.Struct, frozen=True):
    value: str
    hosts: tuple[str, ...]
    set_at_us: int

    def __repr__(self) -> str:
        return f"<a secret for {', '.join(self.hosts)}>"


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: str
    id: str
    """Names its key in the keyring."""
    key: Literal["keyring", "file"]
    """Where its key lies."""
    box: bytes

    @property
    def purpose(self) -> str:
        return f"{self.format} {self.id} {self.key}"


class Secrets:
    """The secrets of one firm; a change by another process is seen at the next look.

    Args:
        folder: The firm's `.firm/`.
        keyring: Finds the keyring for the key; called once, and only when it is needed. None: no keyring.
    """

    def __init__(self, folder: Path, keyring: Callable[[], Keyring | None] | None = find_keyring) -> None:
        self.path = folder / FILE
        self.key_path = folder / KEY
        self._find = keyring
        self._stamp: tuple[int, int, int, int] | None = None
        self._kept: Mapping[str, _Kept] = {}

    def __repr__(self) -> str:
        return f"Secrets({str(self.path)!r})"

    def list(self) -> tuple[Entry, ...]:
        """All of them by name, without their values.

        Raises:
            KeyFault: the file or its key is lost, damaged or too open.
        """
        return tuple(Entry(name, kept.hosts, kept.set_at_us) for name, kept in sorted(self._look().items()))

    def set(self, name: str, value: str, hosts: Sequence[str], *, now_us: int) -> None:
        """Keep a secret; one of the same name is replaced.

        Args:
            name: 1 to 100 letters, digits, '.', '_' and '-', beginning with a letter or digit.
            value: 8 to 64,000 characters.
            hosts: Who may get it: 'host' or 'host:port', at least one.
            now_us: Microseconds since 1970.

        Raises:
            UsageError: one of these is not what it must be, or the file cannot be written; says nothing of the value.
            KeyFault: the file or its key is lost, damaged or too open.
        """
        check_name(name)
        _check_value(name, value)
        bound = _check_hosts(hosts)
        with self._alone():
            kept = dict(self._look())
            if len(kept) >= MAX_SECRETS and name not in kept:
                raise UsageError(f"there are {len(kept):,} secrets, more are not kept; remove some")
            self._write({**kept, name: _Kept(value, bound, now_us)})

    def remove(self, name: str) -> None:
        """Forget a secret.

        Raises:
            UsageError: there is none of that name, or the file cannot be written.
            KeyFault: the file or its key is lost, damaged or too open.
        """
        self._check_there(name)
        with self._alone():
            self._check_there(name)
            self._write({other: kept for other, kept in self._look().items() if other != name})

    def get(self, name: str, host: str) -> str:
        """The value, for a host that it is bound to.

        Args:
            name: Of the secret.
            host: 'host' or 'host:port' that is about to get it.

        Raises:
            PolicyDenied: there is no such secret, or it is not bound to this host.
            KeyFault: the file or its key is lost, damaged or too open.
        """
        kept = self._look().get(name)
        if kept is None:
            raise PolicyDenied(
                f"there is no secret named {name!r}; `firm secret set {name} --host HOST` keeps one"
            )
        if not any(_fits(bound, host) for bound in kept.hosts):
            raise PolicyDenied(
                f"secret {name!r} is not for host {host!r}, only for {', '.join(map(repr, kept.hosts))}; if it should "
                f"go there, set it again with --host"
            )
        return kept.value

    def values(self) -> Mapping[str, str]:
        """All values by name, to search for them.

        Raises:
            KeyFault: the file or its key is lost, damaged or too open.
        """
        return {name: kept.value for name, kept in self._look().items()}

    def where(self) -> str:
        """Where the key lies: 'keyring', 'file', or '' while there are no secrets.

        Raises:
            KeyFault: the file is damaged or too open.
        """
        file = self._file()
        return "" if file is None else file.key

    def _check_there(self, name: str) -> None:
        names = self._look()
        if name not in names:
            known = ", ".join(map(repr, sorted(names))) or "none"
            raise UsageError(f"there is no secret named {name!r}; there are: {known}")

    # --- the file

    def _look(self) -> Mapping[str, _Kept]:
        try:
            found = self.path.stat()
        except OSError:
            found = None
        stamp = (found.st_ino, found.st_mtime_ns, found.st_size, found.st_mode) if found else None
        if stamp is None or stamp != self._stamp:
            self._kept, self._stamp = self._read(), stamp
        return self._kept

    def _file(self) -> _File | None:
        body = read_private(self.path, "the file of secrets")
        if body is None:
            return None
        try:
            file = msgspec.json.decode(body, type=_File)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise KeyFault(f"{str(self.path)!r} is damaged ({error}); restore it from a backup") from None
        if file.format != _FORMAT:
            raise KeyFault(f"{str(self.path)!r} has the format {file.format!r}; update this program")
        return file

    def _read(self) -> Mapping[str, _Kept]:
        file = self._file()
        if file is None:
            return {}
        body = unseal(file.box, self._key(file), file.purpose)
        if body is None:
            raise KeyFault(
                f"{str(self.path)!r} does not open with its key (in the {file.key}): one of the two was changed; "
                "restore both from a backup, or delete the file and set the secrets again"
            )
        kept: Mapping[str, _Kept] = msgspec.msgpack.decode(body, type=dict[str, _Kept])
        return kept

    def _write(self, kept: Mapping[str, _Kept]) -> None:
        file = self._file()
        if file is None:
            file, key = self._begin()
        else:
            key = self._key(file)
        box = seal(msgspec.msgpack.encode(kept), key, file.purpose)
        write_private(self.path, msgspec.json.encode(msgspec.structs.replace(file, box=box)) + b"\n")
        self._stamp = None

    # --- its key

    def _begin(self) -> tuple[_File, bytes]:
        """A new file and its key, which is kept before anything is sealed with it."""
        key, name = os.urandom(KEY_BYTES), os.urandom(8).hex()
        keyring = self._system
        if keyring is not None and keyring.write(name, key.hex()):
            return _File(_FORMAT, name, "keyring", b""), key
        write_private(self.key_path, key.hex().encode() + b"\n")
        return _File(_FORMAT, name, "file", b""), key

    def _key(self, file: _File) -> bytes:
        if file.key == "keyring":
            keyring = self._system
            text = keyring.read(file.id) if keyring is not None else None
            if text is None:
                raise KeyFault(
                    f"the key of the secrets is in the system's keyring (service 'firm', user {file.id!r}), and that "
                    "does not answer or has lost it; unlock it, and start this where the keyring can be reached"
                )
        else:
            body = read_private(self.key_path, "the key of the secrets")
            if body is None:
                raise KeyFault(
                    f"the key of the secrets, {str(self.key_path)!r}, is gone; restore it from a backup, or delete "
                    f"{str(self.path)!r} and set the secrets again"
                )
            text = body.decode("ascii", "replace").strip()
        try:
            return bytes.fromhex(text)
        except ValueError:
            raise KeyFault(f"the key of the secrets (in the {file.key}) is damaged; restore it") from None

    @functools.cached_property
    def _system(self) -> Keyring | None:
        return self._find() if self._find is not None else None

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """No other process changes the secrets meanwhile."""
        with alone_in(self.path.parent, not_written):
            yield


# --- names, values, hosts --------------------------------------------------------------------------------------


def check_name(name: object) -> None:
    """Whether it can be the name of a secret.

    Raises:
        UsageError: otherwise.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot be the name of a secret; give 1 to 100 letters, digits, '.', '_' and '-', beginning "
            "with a letter or digit"
        )


def _check_value(name: str, value: object) -> None:
    if not isinstance(value, str):
        raise UsageError(f"the value of secret {name!r} is no text; give text")
    if not MIN_VALUE_CHARS <= len(value) <= MAX_VALUE_CHARS:
        raise UsageError(
            f"the value of secret {name!r} has {len(value)} characters; give {MIN_VALUE_CHARS} to {MAX_VALUE_CHARS:,}: "
            "a shorter one cannot be struck out of texts without striking out other words"
        )
    if len(set(value)) < 4:
        raise UsageError(f"the value of secret {name!r} repeats fewer than 4 characters; that is no secret")
    if "\0" in value or any("\ud800" <= char <= "\udfff" for char in value):
        raise UsageError(f"the value of secret {name!r} has a character that is no text; give text")
    if value in name or value.startswith(("secret:", "env:")) or "{{secret:" in value:
        raise UsageError(f"the value of secret {name!r} is its name or a reference; give the value itself")


def _check_hosts(hosts: Sequence[str]) -> tuple[str, ...]:
    if isinstance(hosts, str) or not 1 <= len(hosts) <= MAX_HOSTS:
        raise UsageError(f"hosts={hosts!r}: give a list of 1 to {MAX_HOSTS} hosts that may get the secret")
    return tuple(dict.fromkeys(check_host(host) for host in hosts))


def check_host(host: object) -> str:
    """A host as secrets are bound to it: 'host' or 'host:port', lower case.

    Raises:
        UsageError: it is an address with path or user, a pattern, not ASCII, or has no such port.
    """
    found = _HOST.fullmatch(host.strip().lower()) if isinstance(host, str) else None
    if found is None or not 0 < int(found["port"] or 1) < 65_536:
        raise UsageError(
            f"{host!r} is not a host; give exactly one, such as 'api.example.com' or 'api.example.com:8443', without "
            "https://, path, user or '*' (names that are not ASCII as xn--…)"
        )
    return found.group()


def _fits(bound: str, host: object) -> bool:
    given = _HOST.fullmatch(host.lower()) if isinstance(host, str) else None
    kept = _HOST.fullmatch(bound)
    if given is None or kept is None or given["host"] != kept["host"]:
        return False
    return kept["port"] is None or kept["port"] == given["port"]
