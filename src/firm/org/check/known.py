"""The built-in checks by their words, and how their arguments are read.

One rule: whether a check is known, and is given what it needs, is found out before anything is begun.
"""

import difflib
import functools
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

from firm.errors import UsageError
from firm.org.check import data, made, quotation, said
from firm.org.check.look import Judge
from firm.org.plan import Task
from firm.org.program import find_program, is_program

_PROGRAM = re.compile(r"programs/[\w-]+\.py:[A-Za-z_]\w*")
Arguments = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Check:
    """A built-in check."""

    form: str
    """As one writes it; the small words that it begins with are its name."""
    says: str
    judge: Judge
    read: Callable[[str], Arguments]
    """Reads what follows the name; a ValueError says what is wrong with it."""
    inputs: Callable[[Arguments], tuple[str, ...]] = lambda args: ()
    """Names of the inputs that it looks into."""

    @property
    def name(self) -> str:
        """What it begins with."""
        return " ".join(takewhile(str.islower, self.form.split()))


def _nothing(rest: str) -> Arguments:
    if rest:
        raise ValueError(f"takes nothing, and {rest!r} stands there")
    return ()


def _several(rest: str) -> Arguments:
    found = tuple([one for part in re.split(r"[,，、]", rest) if (one := part.strip())])
    if not found:
        raise ValueError("names nothing; write one or more, with commas between them")
    return found


def _choices(rest: str) -> Arguments:
    found = tuple([one for part in rest.split("|") if (one := part.strip())])
    if not found:
        raise ValueError("names nothing; write one or more, with | between them")
    return found


def _one(rest: str) -> Arguments:
    if not rest or len(rest.split()) > 1:
        raise ValueError(f"takes one name; {rest!r} stands there")
    return (rest,)


def _range(rest: str) -> Arguments:
    """A least and perhaps a most."""
    try:
        found = [float(word.replace(",", "").replace("_", "")) for word in rest.split()]
    except ValueError:
        raise ValueError(
            f"takes numbers: the least, and the most or nothing; {rest!r} stands there"
        ) from None
    if len(found) not in (1, 2) or not all(math.isfinite(one) for one in found) or found != sorted(found):
        raise ValueError(f"takes the least, and the most or nothing, in this order; {rest!r} stands there")
    return found[0], found[1] if len(found) == 2 else None


def _named_range(rest: str) -> Arguments:
    name, _, numbers = rest.partition(" ")
    return (*_one(name), *_range(numbers))


def _pattern(rest: str) -> Arguments:
    name, _, numbers = rest.partition(" ")
    return (*_one(name), *(_range(numbers) if numbers else (1.0, None)))


def _named_several(rest: str) -> Arguments:
    name, _, more = rest.partition(" ")
    return (*_one(name), *_several(more.strip().removeprefix("has ")))


def _language(rest: str) -> Arguments:
    if rest not in ("en", "zh", "mission", ""):
        raise ValueError(f"takes en, zh or mission; {rest!r} stands there")
    return (rest or "mission",)


def _first_part(args: Arguments) -> tuple[str, ...]:
    return (args[0].partition(".")[0],)


CHECKS: tuple[Check, ...] = (
    Check("not empty", "It says something.", said.not_empty, _nothing),
    Check("words LEAST MOST", "So many words; a Chinese character is one.", said.has_words, _range),
    Check("mentions A, B", "Each of these stands in it.", said.mentions, _several),
    Check("mentions one of A | B", "One of these stands in it.", said.mentions_any, _choices),
    Check(
        "mentions each INPUT.KEY",
        "Whatever stands at this place of an input's data stands in it too; lists are gone through.",
        said.mentions_each,
        _one,
        _first_part,
    ),
    Check("without A, B", "None of these stands in it.", said.without, _several),
    Check("headings A, B", "Each of these is a heading of its Markdown.", said.headings, _several),
    Check("one of A | B", "It is one of these, and says nothing else.", said.one_of, _choices),
    Check(
        "no placeholder",
        "Nothing was left to be written: TODO, XXX, lorem ipsum.",
        said.no_placeholder,
        _nothing,
    ),
    Check(
        "language CODE", "It is written in en, in zh, or in that of the mission.", said.language, _language
    ),
    Check("differs from INPUT", "It is no copy of an input.", said.differs, _one, _first_part),
    Check(
        "cites INPUT, INPUT",
        "It quotes, and each quotation of three words (six Chinese characters) or more stands word for word there.",
        quotation.cites,
        _several,
        lambda args: args,
    ),
    Check("json", "There is data.", data.has_data, _nothing),
    Check("json has A, B", "Each of these keys is there and not empty; `a.b` is b in a.", data.has, _several),
    Check(
        "json list KEY LEAST MOST", "A list with so many items; `.` is the whole.", data.is_list, _named_range
    ),
    Check("json number KEY LEAST MOST", "A number in this range.", data.is_number, _named_range),
    Check(
        "json each KEY has A, B",
        "Every item of the list has these, not empty.",
        data.each_has,
        _named_several,
    ),
    Check("schema", "It fits the JSON Schema of the task.", data.fits_schema, _nothing),
    Check(
        "files PATTERN LEAST MOST",
        "So many files that fit, at least one; each as handed over.",
        made.has_files,
        _pattern,
    ),
    Check("file NAME", "This file, not empty, as it was handed over.", made.has_file, _one),
)
"""All of them."""

_BY_NAME = {check.name: check for check in CHECKS}
_LONGEST_FIRST = sorted(_BY_NAME, key=len, reverse=True)


@functools.lru_cache(maxsize=4096)
def read_check(words: str) -> tuple[Check, Arguments]:
    """A built-in check and its arguments.

    Raises:
        UsageError: there is none that begins so, or what follows does not fit; it says what to write.
    """
    said_so = " ".join(words.split())
    for name in _LONGEST_FIRST:
        if said_so == name or said_so.startswith(f"{name} "):
            check = _BY_NAME[name]
            try:
                return check, check.read(said_so[len(name) :].strip())
            except ValueError as error:
                raise UsageError(f"the check {words!r} {error}; write “{check.form}”") from None
    raise UsageError(f"there is no check {words!r}; {_near(said_so)}")


def check_known(check: str, *, task: Task | None = None, folder: Path | None = None) -> None:
    """Refuse a check that is not known, or could not be made.

    Args:
        check: As a plan names it.
        task: Whose check it is; then it may look only into inputs that the task needs.
        folder: Of the firm; then a program must be there.

    Raises:
        UsageError: with what is wrong, and what to write instead.
    """
    if is_program(check):
        if folder is not None:
            find_program(check, folder)
        elif _PROGRAM.fullmatch(check) is None:
            raise UsageError(f"{check!r} names no program; write programs/FILE.py:FUNCTION")
        return
    found, args = read_check(check)
    if task is None:
        return
    for name in found.inputs(args):
        if name not in task.needs:
            known = ", ".join(task.needs) or "nothing"
            raise UsageError(
                f"the check {check!r} looks into {name!r}, which task {task.id!r} does not need (it needs {known}); "
                "add it to needs, or name another"
            )
    if found.name == "schema" and task.schema is None:
        raise UsageError(
            f"the check 'schema' of task {task.id!r} has nothing to go by; give the task a schema"
        )


def _near(words: str) -> str:
    near = difflib.get_close_matches(words, list(_BY_NAME), n=1, cutoff=0.5)
    if not near:
        first = words.partition(" ")[0]
        near = difflib.get_close_matches(first, list(_BY_NAME), n=1)
    if near:
        return f"did you mean “{_BY_NAME[near[0]].form}”?"
    return "known: " + ", ".join(_BY_NAME) + ", programs/FILE.py:FUNCTION"
