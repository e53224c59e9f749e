"""What a command is, the options that all of them have, and what becomes of their errors.

One rule: a person gets one message that says what to do; a traceback goes to a file.
"""

import functools
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from firm.root.firm import Firm

DONE, FAILED, WRONG_USE, WAITS = 0, 1, 2, 3

Home = Annotated[
    Path | None,
    typer.Option(
        "--home",
        metavar="DIR",
        help="The firm's folder. Else $FIRM_HOME, else the nearest folder upward with firm.toml or .firm/.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]


@dataclass(frozen=True, slots=True)
class Command:
    """One command of the program."""

    name: str
    example: str
    function: Callable[..., int | None]
    """Its result is the exit code; None: 0."""


@dataclass(frozen=True, slots=True)
class Group:
    """Commands under one word, such as `firm models list`."""

    name: str
    example: str
    help: str
    commands: tuple[Command, ...]
    """The first is what the word alone does."""


def guarded(function: Callable[..., int | None]) -> Callable[..., None]:
    """The same command, whose errors are messages and whose result is the exit code."""

    @functools.wraps(function)
    def call(*args: Any, **options: Any) -> None:
        raise typer.Exit(_outcome(function, args, options))

    return call


def _outcome(function: Callable[..., int | None], args: tuple[Any, ...], options: dict[str, Any]) -> int:
    from firm.errors import FirmError, InternalError, UsageError

    _log_to_stderr()
    try:
        code = function(*args, **options)
        sys.stdout.flush()
        return code or DONE
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `firm ps | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except UsageError as error:
        complain(error)
        return WRONG_USE
    except InternalError as error:
        _complain_of_bug(error, options.get("home"))
        return FAILED
    except FirmError as error:
        complain(error)
        return FAILED
    except Exception as error:  # not foreseen: a bug of ours
        _complain_of_bug(error, options.get("home"))
        return FAILED


def complain(error: object) -> None:
    """An error on stderr, in plain text."""
    from firm.cli.text import plain

    print(f"firm: {plain(str(error))}", file=sys.stderr)


def note(text: str) -> None:
    """Something worth knowing, on stderr so that stdout stays for results."""
    from firm.cli.text import plain

    print(plain(text), file=sys.stderr)


def visit(home: Path | None) -> "Firm":
    """The firm to look at, or to answer; nothing is made for that.

    Raises:
        UsageError: there is no firm there.
    """
    from firm.errors import UsageError
    from firm.root.firm import Firm

    firm = Firm.visit(home)
    if not firm.home.state.exists() and not firm.home.config.exists():
        raise UsageError(
            f"there is no firm in {str(firm.home.folder)!r}: start something there first (`firm run`, `firm new`), "
            "or give another folder with --home"
        )
    return firm


def _complain_of_bug(error: BaseException, home: Path | None) -> None:
    import tempfile
    import time
    import traceback

    text = "".join(traceback.format_exception(error))
    name = f"error-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.txt"
    for folder in (_state(home), Path(tempfile.gettempdir())):
        try:
            if folder is None or not folder.is_dir():
                continue
            path = folder / name
            path.write_text(text, "utf-8", errors="backslashreplace")
            where = f"the details are in {path}"
            break
        except OSError:
            continue
    else:
        where = text
    complain(f"this should not have happened, it is a bug of firm: {type(error).__name__}: {error}\n{where}")


def _state(home: Path | None) -> Path | None:
    from firm.errors import UsageError
    from firm.root.home import find_home

    try:
        return find_home(home).state
    except UsageError:
        return None


def _log_to_stderr() -> None:
    import logging

    from firm.cli.text import plain

    class Plain(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            print(f"firm: {plain(record.getMessage())}", file=sys.stderr)

    log = logging.getLogger("firm")
    log.handlers[:] = [Plain(logging.WARNING)]
    log.propagate = False
