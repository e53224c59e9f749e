"""Whether a name, a destination, a host or an argument fits what was written down.

One rule: text is compared code point by code point. Nothing is normalised but hosts, which are so by their nature
(case, the dot at the end, letters outside ASCII); whoever permits by text permits exactly that text.

A condition on arguments is read in one of two ways. What permits (`Capability`, a rule that allows) fits only if the
argument is there and every part of it fits. What restricts (a rule that asks or denies) fits as soon as one part does,
and also where a number was to be compared with something that is none.
"""

import fnmatch
import math
import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any

from firm.errors import UsageError

Test = Callable[[Any], object]
"""Truthy where a value fits."""
MAX_PATH_KEYS = 16
"""Keys of a dotted path."""
RANGE = frozenset({"min", "max"})

_SPECIAL = re.compile(r"[*?\[]")
_QUOTED = re.compile(r"\[([*?\[])\]")
_DOTS = re.compile("[。．｡]")


def literal_of(pattern: str) -> str | None:
    """The one text that a pattern stands for; None where it stands for several.

    `*`, `?` and `[` are written `[*]`, `[?]` and `[[]` where they are meant as such.
    """
    return None if _SPECIAL.search(_QUOTED.sub("", pattern)) else _QUOTED.sub(r"\1", pattern)


def text_test(pattern: str) -> Test:
    """A test for text: exactly this, or a pattern as in `fnmatch.fnmatchcase` (upper and lower case differ)."""
    literal = literal_of(pattern)
    if literal is None:
        return re.compile(fnmatch.translate(pattern)).match
    return frozenset({literal}).__contains__


def host_of(text: str) -> str:
    """A host as it is compared: lower case, ASCII (IDNA), without the dot at the end; '' stays ''.

    What cannot be a host is only lowered, so it fits nothing but itself.
    """
    if text.isascii():
        return text.lower().removesuffix(".")
    plain = _DOTS.sub(".", unicodedata.normalize("NFKC", text)).lower().removesuffix(".")
    try:
        return plain.encode("idna").decode("ascii").lower()
    except UnicodeError:
        return plain


def shown(text: str) -> str:
    """A destination as a person is to see it: what is not plain ASCII is also spelled out.

    `pаypal.com` with a Cyrillic letter becomes `pаypal.com (written p\\u0430ypal.com)`; what is not printable
    or changes the direction of writing is only spelled out.
    """
    if text.isascii() and text.isprintable():
        return text
    spelled = text.encode("unicode_escape").decode("ascii")
    if text.isprintable() and not any(unicodedata.combining(letter) for letter in text):
        return f"{text} (written {spelled})"
    return spelled


# --- arguments -------------------------------------------------------------------------------------------------------


class Where:
    """Conditions on arguments, made once.

    Args:
        where: Argument, or dotted path into it -> what it must be: a value, a list of values, a pattern as text, or
            {"min": …, "max": …} (both included); [] for nothing: left out, null or empty.
        restricts: Whether what it belongs to asks or denies.

    Raises:
        UsageError: what no argument can be.
    """

    __slots__ = ("_conditions", "_restricts")

    def __init__(self, where: Mapping[str, Any], *, restricts: bool = False) -> None:
        self._conditions = tuple(
            (path, value_test(value, path, restricts=restricts)) for path, value in conditions_of(where)
        )
        self._restricts = restricts

    def fits(self, args: Mapping[str, Any]) -> bool:
        """Whether all conditions hold."""
        for path, test in self._conditions:
            value = args.get(path)
            if type(value) in _PLAIN and "." not in path:
                if not test(value):
                    return False
            elif not self._holds(test, *values_at(args, path)):
                return False
        return True

    def _holds(self, test: Test, values: list[Any], whole: bool) -> bool:
        if test is _is_nothing:
            return all(map(test, values))
        if self._restricts:
            return any(map(test, values))
        return whole and bool(values) and all(map(test, values))


_PLAIN = (str, int, float, bool)


def conditions_of(where: Mapping[str, Any], above: str = "") -> list[tuple[str, Any]]:
    """Conditions with their dotted paths; tables in tables become longer paths.

    Raises:
        UsageError: names that cannot be, a table that is empty.
    """
    found: list[tuple[str, Any]] = []
    for key, value in where.items():
        if type(key) is not str or not key:
            raise UsageError(f"where: {key!r} is no name of an argument; give text")
        path = f"{above}.{key}" if above else key
        if path.count(".") >= MAX_PATH_KEYS:
            raise UsageError(f"where: {path[:60]!r}… goes deeper than {MAX_PATH_KEYS} keys")
        if isinstance(value, Mapping) and not (value and set(value) <= RANGE):
            if not value:
                raise UsageError(f"where: {path} = {{}} says nothing; give a value, or {{min = …, max = …}}")
            found += conditions_of(value, path)
        else:
            found.append((path, value))
    return found


def value_test(wanted: object, path: str, *, restricts: bool = False) -> Test:
    """A test for one value of an argument.

    Raises:
        UsageError: what no argument can be.
    """
    if isinstance(wanted, str):
        test = text_test(wanted)
        return lambda value: type(value) is str and test(value)
    if isinstance(wanted, bool):
        return lambda value: value is wanted
    if _is_number(wanted):
        return lambda value: _is_number(value) and value == wanted
    if isinstance(wanted, Mapping):
        return _range_test(wanted, path, restricts=restricts)
    if isinstance(wanted, (list, tuple)):
        if not wanted:
            return _is_nothing
        if any(isinstance(one, (list, tuple, Mapping)) for one in wanted):
            raise UsageError(f"where: {path} = {wanted!r:.80}: a list holds values and patterns only")
        tests = [value_test(one, path) for one in wanted]
        return lambda value: any(test(value) for test in tests)
    raise UsageError(
        f"where: {path} = {wanted!r:.80}: give text, a finite number, true, false, a list of these, "
        "or {min = …, max = …}; times are text in quotes"
    )


def _is_nothing(value: object) -> bool:
    return value in ("", {})


def _range_test(bounds: Mapping[str, Any], path: str, *, restricts: bool) -> Test:
    least, most = bounds.get("min", -math.inf), bounds.get("max", math.inf)
    for key, bound in bounds.items():
        if not _is_number(bound):
            raise UsageError(f"where: {path}.{key} = {bound!r:.80}: give a finite number")
    if least > most:
        raise UsageError(f"where: {path} has min {least!r} above max {most!r}: nothing fits")
    return lambda value: least <= value <= most if _is_number(value) else restricts


def _is_number(value: object) -> bool:
    return type(value) is int or (type(value) is float and math.isfinite(value))


def values_at(args: object, path: str) -> tuple[list[Any], bool]:
    """Everything that stands at a dotted path, through lists, in every way to read its dots.

    Returns:
        The values (lists taken apart; None is nothing), and whether each way and each element of a list led to one.
    """
    found: list[Any] = []
    return found, _gather(args, path.split("."), found)


def _gather(value: Any, keys: list[str], found: list[Any]) -> bool:
    if isinstance(value, (list, tuple)):
        return all([_gather(item, keys, found) for item in value]) and bool(value)
    if not keys:
        if value is None:
            return False
        found.append(value)
        return True
    if not isinstance(value, Mapping):
        return False
    names = [(".".join(keys[:count]), keys[count:]) for count in range(1, len(keys) + 1)]
    ways = [_gather(value[name], rest, found) for name, rest in names if name in value]
    return bool(ways) and all(ways)
