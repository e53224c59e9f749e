"""The keys with which other programs come in: who has one, and whether one is right.

One rule: a key is shown once, when it is made; what is kept is its name and its SHA-256.
"""

import contextlib
import hashlib
import hmac
import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec

from firm.errors import UsageError
from firm.ids import check_id
from firm.policy.seal import alone_in
from firm.root.home import writing_failed

FILE = "api-keys"
"""In `.firm/`."""
PREFIX = "firm-"
KEY_BYTES = 32
"""Randomness in a key; as much as its hash has, so a plain hash is enough."""
MAX_KEYS = 1000


class Key(msgspec.Struct, frozen=True):
    """What is kept of a key."""

    name: str
    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    made_at: int
    """Seconds since 1970."""


class _File(msgspec.Struct, frozen=True):
    keys: tuple[Key, ...] = ()


class Keys:
    """The keys of one firm; a change by another process is seen at the next look.

    Args:
        folder: The firm's `.firm/`.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self._stamp: tuple[int, int, int] | None = None
        self._keys: tuple[Key, ...] = ()

    def all(self) -> tuple[Key, ...]:
        """What is kept, the oldest first.

        Raises:
            UsageError: the file cannot be read.
        """
        try:
            found = self.path.stat()
        except FileNotFoundError:
            self._stamp, self._keys = None, ()
            return ()
        except OSError as error:
            raise _unreadable(self.path, error) from None
        stamp = (found.st_ino, found.st_mtime_ns, found.st_size)
        if stamp != self._stamp:
            try:
                self._keys = msgspec.json.decode(self.path.read_bytes(), type=_File).keys
            except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
                raise _unreadable(self.path, error) from None
            self._stamp = stamp
        return self._keys

    def name_of(self, secret: str) -> str | None:
        """Whose key this is; None: nobody's. It takes the same time whichever key it is.

        Raises:
            UsageError: the file cannot be read.
        """
        given, found = _hash(secret), None
        for key in self.all():
            if hmac.compare_digest(key.sha256, given):
                found = key.name
        return found

    def make(self, name: str) -> str:
        """A new key; it is nowhere but in what this returns.

        Raises:
            UsageError: the name is taken or cannot be one, or the file cannot be written.
            JournalError: the disk failed.
        """
        check_id(name, "name of a key")
        secret = PREFIX + secrets.token_urlsafe(KEY_BYTES)
        with self._alone():
            keys = self.all()
            if any(key.name == name for key in keys):
                raise UsageError(
                    f"there is a key named {name!r} already; take another name, or remove it first"
                )
            if len(keys) >= MAX_KEYS:
                raise UsageError(f"there are {len(keys):,} keys, more are not kept; remove some")
            self._write((*keys, Key(name, _hash(secret), int(time.time()))))
        return secret

    def remove(self, name: str) -> None:
        """Let a key be refused from now on.

        Raises:
            UsageError: there is none of that name, or the file cannot be written.
            JournalError: the disk failed.
        """
        self._check_there(name)
        with self._alone():
            self._check_there(name)
            self._write(tuple(key for key in self.all() if key.name != name))

    def _check_there(self, name: str) -> None:
        names = [key.name for key in self.all()]
        if name not in names:
            known = ", ".join([repr(other) for other in names]) or "none"
            raise UsageError(f"there is no key named {name!r}; there are: {known}")

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """No other process changes the keys meanwhile."""
        with alone_in(self.path.parent, lambda folder, error: writing_failed(error, folder)):
            yield

    def _write(self, keys: tuple[Key, ...]) -> None:
        temporary = self.path.with_name(f".{FILE}.new")
        try:
            temporary.unlink(missing_ok=True)
            fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(fd, "wb") as file:
                file.write(msgspec.json.encode(_File(keys)) + b"\n")
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self.path)
            folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise writing_failed(error, self.path) from error


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _unreadable(path: Path, error: Exception) -> UsageError:
    return UsageError(
        f"the keys in {str(path)!r} cannot be read: {error}; put the file right, or remove it and make new ones with "
        "`firm key new NAME`"
    )
