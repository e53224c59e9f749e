"""A mistake in a file that somebody wrote: where it stands, and what was probably meant.

One rule: file, line, what is wrong, and what to write instead.
"""

import difflib
from collections.abc import Iterable
from pathlib import Path

from firm.errors import UsageError

MAX_FILE_BYTES = 1_000_000
"""Of one role or workflow file."""


def mistake(path: Path, line: int, says: str) -> UsageError:
    """The error about one line of a file, 1 for the first."""
    return UsageError(f"{path}, line {line}: {says}")


def meant(name: str, known: Iterable[str]) -> str:
    """What was probably meant, in words; else what there is."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    if near:
        return f"did you mean {near[0]!r}?"
    return "known: " + (", ".join(names[:20]) or "none")


def read_text(path: Path) -> str:
    """The words of a file.

    Raises:
        UsageError: it is not there, too long, or no UTF-8 text.
    """
    try:
        with path.open("rb") as file:
            body = file.read(MAX_FILE_BYTES + 1)
        if len(body) > MAX_FILE_BYTES:
            raise UsageError(f"{path}: longer than {MAX_FILE_BYTES:,} bytes; shorten it")
        return body.decode("utf-8-sig").replace("\r\n", "\n")
    except (FileNotFoundError, NotADirectoryError):
        near = difflib.get_close_matches(path.name, _beside(path), n=1)
        hint = f"did you mean {near[0]!r}?" if near else "write it, or take out what names it"
        raise UsageError(f"there is no file {str(path)!r}; {hint}") from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise mistake(path, line, "no UTF-8 text; save the file as UTF-8") from None
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error}; it must be a UTF-8 text file") from None


def _beside(path: Path) -> list[str]:
    return sorted(one.name for one in path.parent.glob(f"*{path.suffix}")) if path.parent.is_dir() else []
