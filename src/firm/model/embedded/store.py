"""Where weights lie on this machine, for all its firms.

One rule: a file's name contains its hash and appears only when the file is whole, so what is there can be used.
Getting it there is the business of `pull`.
"""

import contextlib
import hashlib
import os
from pathlib import Path

import msgspec

from firm.model.embedded.catalogue import Entry, File, catalogue
from firm.model.embedded.error import NotPulled

CHUNK_BYTES = 1 << 20
"""How much of a file is held in memory at once."""

HASH_DIGITS = 16
"""Digits of the sha256 in a file's name; `pull` checks all 64."""


class Held(msgspec.Struct, frozen=True):
    """Weights that lie on this machine."""

    entry: Entry
    path: Path
    """The weights; further files of the entry lie beside them."""


def cache() -> Path:
    """Folder of everything that can be had again: `$XDG_CACHE_HOME/firm`, else `~/.cache/firm`."""
    named = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(named) if os.path.isabs(named) else Path.home() / ".cache") / "firm"


def folder() -> Path:
    """Folder of the weights: `$FIRM_MODELS`, else `models` in the cache. It need not exist."""
    named = os.environ.get("FIRM_MODELS")
    return Path(named).expanduser().absolute() if named else cache() / "models"


def place(file: File) -> Path:
    """Where a file lies, or would lie."""
    name = Path(file.name)
    return folder() / f"{name.stem}-{file.sha256[:HASH_DIGITS]}{name.suffix}"


def held(file: File) -> bool:
    """Whether the file is there, and of its size."""
    try:
        return place(file).stat().st_size == file.bytes
    except OSError:
        return False


def weights(entry: Entry) -> Path:
    """Path of an entry's weights.

    Raises:
        NotPulled: not all its files are there.
    """
    if not all(held(file) for file in entry.files):
        raise NotPulled(
            f"the weights of {entry.name!r} ({entry.bytes:,} bytes) are not in {str(folder())!r}; "
            f"run: firm models pull {entry.name}"
        )
    return place(entry.files[0])


def listing() -> list[Held]:
    """What was pulled, in the order of the catalogue."""
    return [
        Held(entry, place(entry.files[0]))
        for entry in catalogue().values()
        if all(held(file) for file in entry.files)
    ]


def remove(entry: Entry) -> int:
    """Delete an entry's files, and what an unfinished pull left; the bytes that this frees.

    A server that runs them goes on until it stops.
    """
    freed = 0
    for file in entry.files:
        for path in (place(file), partial(file)):
            with contextlib.suppress(FileNotFoundError):
                size = path.stat().st_size
                path.unlink()
                freed += size
    return freed


def partial(file: File) -> Path:
    """Where a file grows until it is whole."""
    final = place(file)
    return final.with_name(final.name + ".part")


def sha256_of(path: Path) -> str:
    """Hash of a file, 64 hexadecimal digits. Takes about a second a gigabyte; call it in a thread."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
