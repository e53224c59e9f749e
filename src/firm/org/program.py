"""Programs of a firm's folder: functions in `programs/*.py` that hold roles, check results or are tools.

One rule: a program is found by its reference alone, and lies in the firm's folder; no plan and no model can name code
that the founder has not put there.
"""

import difflib
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from firm.errors import UsageError
from firm.kernel.code import load_file

FOLDER = "programs"
_REFERENCE = re.compile(r"programs/([\w-]+\.py):([A-Za-z_]\w*)")


def find_neighbours(folder: Path) -> None:
    """Let programs import each other by name, as where one of them is called; before runs go on after a restart.

    Args:
        folder: Of a firm that is being opened; without programs nothing is changed.
    """
    place = str((folder / FOLDER).resolve())
    if place not in sys.path and os.path.isdir(place):
        sys.path.append(place)


def is_program(words: str) -> bool:
    """Whether these words are meant as the reference of a program."""
    return words.startswith(f"{FOLDER}/")


def find_check(reference: str, folder: Path) -> Callable[..., Any]:
    """The function behind a reference that somebody who is not the founder names as a check.

    Raises:
        UsageError: there is none, it is a step, a workflow or a tool, it takes something else than an assignment and
            an artifact, or it only came into that file by an import.
    """
    function = find_program(reference, folder)
    code = getattr(function, "__code__", None)
    here = (folder / reference.partition(":")[0]).resolve()
    if (
        code is None
        or hasattr(function, "definition")
        or Path(code.co_filename).resolve() != here
        or code.co_argcount != 2
    ):
        raise UsageError(
            f"{reference!r} is no check; a check is a plain function (assignment, artifact) of that file"
        )
    return function


def find_program(reference: str, folder: Path) -> Callable[..., Any]:
    """The function behind `programs/FILE.py:NAME`.

    Args:
        reference: As a role, a check or a tool names it.
        folder: Of the firm; where a unit has no such file, that of the firm above it.

    Raises:
        UsageError: no such form, no such file in the firm's folder, or no such function in it.
    """
    found = _REFERENCE.fullmatch(reference)
    if found is None:
        raise UsageError(f"{reference!r} names no program; write programs/FILE.py:FUNCTION")
    file, name = found.groups()
    place = folder / FOLDER
    path = place / file
    if not path.resolve().is_relative_to(place.resolve()) or not path.is_file():
        near = difflib.get_close_matches(file, [one.name for one in sorted(place.glob("*.py"))], n=1)
        hint = f"; did you mean {FOLDER}/{near[0]}?" if near else ""
        raise UsageError(f"there is no file {FOLDER}/{file} in {str(folder)!r}{hint}")
    module = load_file(path)
    function = getattr(module, name, None)
    if not callable(function):
        known = [one for one, value in vars(module).items() if callable(value) and not one.startswith("_")]
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise UsageError(f"{FOLDER}/{file} has no function {name!r}{hint}")
    return function  # type: ignore[no-any-return]
