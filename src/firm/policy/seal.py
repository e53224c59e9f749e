"""Files that only their owner may read, and bodies that are sealed with a key or a passphrase.

One rule: a file that others can read or change is not used, and what was changed does not open. What lies in the
sealed bodies is the business of `identity` and `secret`.
"""

import contextlib
import errno
import fcntl
import os
import stat
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from firm.errors import DiskFull, UsageError

KEY_BYTES = 32
MIN_PASSPHRASE_CHARS = 8
MAX_PASSPHRASE_CHARS = 1000
MAX_FILE_BYTES = 8_000_000
"""A larger file of keys or secrets was not written here."""
SCRYPT_N, SCRYPT_R, SCRYPT_P = 2**17, 8, 1
"""What guessing one passphrase costs: 128 MiB of memory and about a third of a second."""
MAX_SCRYPT_N, MAX_SCRYPT_R, MAX_SCRYPT_P = 2**20, 16, 4
"""A file that asks for more is refused: opening it would take the machine down."""

_NONCE_BYTES = 12
_OTHERS_READ = 0o077
_OTHERS_WRITE = 0o022


class KeyFault(UsageError):
    """A key, the session or the secrets cannot be used: lost, changed, or open to others."""


class WrongPassphrase(KeyFault):
    """The passphrase does not open the key."""


class Sealed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A body under a passphrase: scrypt, then ChaCha20-Poly1305."""

    n: int
    r: int
    p: int
    salt: bytes
    box: bytes
    """Nonce and what is sealed."""


# --- sealing ---------------------------------------------------------------------------------------------------


def seal(body: bytes, key: bytes, purpose: str) -> bytes:
    """Seal `body` with a key of 32 bytes; it opens only with the same key and for the same purpose."""
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    nonce = os.urandom(_NONCE_BYTES)
    return nonce + ChaCha20Poly1305(key).encrypt(nonce, body, purpose.encode())


def unseal(box: bytes, key: bytes, purpose: str) -> bytes | None:
    """What `seal` has sealed; None: the key is another one, or something was changed."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    if len(key) != KEY_BYTES or len(box) < _NONCE_BYTES:
        return None
    try:
        return ChaCha20Poly1305(key).decrypt(box[:_NONCE_BYTES], box[_NONCE_BYTES:], purpose.encode())
    except InvalidTag:
        return None


def seal_with_passphrase(body: bytes, passphrase: str, purpose: str) -> Sealed:
    """Seal `body` with a passphrase.

    Raises:
        UsageError: the passphrase is too short, too long, or has control characters.
    """
    words = check_passphrase(passphrase)
    salt = os.urandom(16)
    key = _stretch(words, salt, (SCRYPT_N, SCRYPT_R, SCRYPT_P))
    return Sealed(SCRYPT_N, SCRYPT_R, SCRYPT_P, salt, seal(body, key, purpose))


def unseal_with_passphrase(sealed: Sealed, passphrase: str, purpose: str) -> bytes | None:
    """What was sealed; None: the passphrase is another one, or something was changed.

    Raises:
        KeyFault: it asks for more memory than is given to it.
    """
    cost = sealed.n, sealed.r, sealed.p
    fits = 2 <= sealed.n <= MAX_SCRYPT_N and sealed.n & (sealed.n - 1) == 0
    if not (fits and 1 <= sealed.r <= MAX_SCRYPT_R and 1 <= sealed.p <= MAX_SCRYPT_P):
        raise KeyFault(
            f"the key's file asks for scrypt{cost!r}, which firm never wrote; restore it from a backup"
        )
    words = unicodedata.normalize("NFKC", passphrase).encode("utf-8", "surrogatepass")
    return unseal(sealed.box, _stretch(words, sealed.salt, cost), purpose)


def check_passphrase(passphrase: str) -> bytes:
    """The passphrase as bytes, the same however a keyboard composes its characters.

    Raises:
        UsageError: it has fewer than 8 or more than 1,000 characters, or control characters.
    """
    text = unicodedata.normalize("NFKC", passphrase)
    if not MIN_PASSPHRASE_CHARS <= len(text) <= MAX_PASSPHRASE_CHARS:
        raise UsageError(
            f"the passphrase has {len(text)} characters; give {MIN_PASSPHRASE_CHARS} to {MAX_PASSPHRASE_CHARS:,}, "
            "for example five words that nobody else would put together"
        )
    if any(unicodedata.category(char) in ("Cc", "Cs") for char in text):
        raise UsageError("the passphrase has control characters; type it again without them")
    return text.encode()


def _stretch(passphrase: bytes, salt: bytes, cost: tuple[int, int, int]) -> bytes:
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    n, r, p = cost
    return Scrypt(salt=salt, length=KEY_BYTES, n=n, r=r, p=p).derive(passphrase)


# --- files -----------------------------------------------------------------------------------------------------


def read_private(path: Path, what: str) -> bytes | None:
    """A file that nobody else may read; None: it is not there.

    Args:
        path: Where; a link is not followed.
        what: What it holds, for messages.

    Raises:
        KeyFault: others may read or change it or its folder, it is not a plain file, or it cannot be read.
    """
    return _read(path, what, _OTHERS_READ)


def read_unchangeable(path: Path, what: str) -> bytes | None:
    """A file that everybody may read and nobody else may change; None: it is not there.

    Raises:
        KeyFault: as with `read_private`.
    """
    return _read(path, what, _OTHERS_WRITE)


def _read(path: Path, what: str, forbidden: int) -> bytes | None:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as error:
        reason = "it is a link" if error.errno == errno.ELOOP else error.strerror or str(error)
        raise KeyFault(
            f"{what} in {str(path)!r} cannot be read: {reason}; put the file itself there"
        ) from None
    try:
        _check_mode(os.fstat(fd), path, what, forbidden)
        _check_folder(path.parent, what)
        with os.fdopen(fd, "rb", closefd=False) as file:
            body = file.read(MAX_FILE_BYTES + 1)
    finally:
        os.close(fd)
    if len(body) > MAX_FILE_BYTES:
        raise KeyFault(f"{what} in {str(path)!r} has over {MAX_FILE_BYTES:,} bytes; restore it from a backup")
    return body


def _check_mode(found: os.stat_result, path: Path, what: str, forbidden: int) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise KeyFault(f"{what} in {str(path)!r} is not a plain file; put the file itself there")
    if found.st_uid != os.geteuid() != 0:
        raise KeyFault(f"{what} in {str(path)!r} belongs to user {found.st_uid}; let it belong to you")
    if found.st_mode & forbidden:
        can = "read" if forbidden == _OTHERS_READ else "change"
        mode = "600" if forbidden == _OTHERS_READ else "644"
        raise KeyFault(
            f"{what} in {str(path)!r} is too open: other users can {can} it (mode {stat.S_IMODE(found.st_mode):03o}); "
            f"if nobody has, run: chmod {mode} {str(path)!r}"
        )


def _check_folder(folder: Path, what: str) -> None:
    mode = folder.stat().st_mode
    if mode & _OTHERS_WRITE:
        raise KeyFault(
            f"{what} is not used, since other users can put files into {str(folder)!r} (mode "
            f"{stat.S_IMODE(mode):03o}); if nobody has, run: chmod 700 {str(folder)!r}"
        )


def write_private(path: Path, body: bytes, *, mode: int = 0o600) -> None:
    """Put a file there whole, on disk when this returns; readable for nobody else unless `mode` says so.

    Raises:
        DiskFull, UsageError: it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.new")
    try:
        temporary.unlink(missing_ok=True)
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(fd, "wb") as file:
            os.fchmod(fd, mode)
            file.write(body)
            file.flush()
            os.fsync(fd)
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise not_written(path, error) from error


def remove_private(path: Path) -> bool:
    """Delete a file; False: it was not there.

    Raises:
        UsageError: it cannot be deleted.
    """
    try:
        path.unlink()
        sync_folder(path.parent)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise not_written(path, error) from error
    return True


def sync_folder(folder: Path) -> None:
    """What was renamed or deleted in the folder is so on disk."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def not_written(path: Path, error: OSError) -> DiskFull | UsageError:
    """What an error of the disk means for who wanted to write at `path`."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return DiskFull(
            f"no room to write {str(path)!r} ({error.strerror}): free some space; nothing was changed"
        )
    return UsageError(
        f"{str(path)!r} cannot be written ({error.strerror or error}); make its folder writable for you"
    )


@contextlib.contextmanager
def alone_in(folder: Path, failed: Callable[[Path, OSError], Exception]) -> Iterator[None]:
    """No other process is in such a block for this folder meanwhile; the folder itself is the lock.

    Args:
        folder: That is there.
        failed: Makes the error where it cannot be opened.
    """
    try:
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise failed(folder, error) from error
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)
