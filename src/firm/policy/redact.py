"""Strikes secrets out of what is kept, shown or sent on: results, errors, logs.

One rule: where a secret is found but its place in the text cannot be told, the whole text goes. It finds a value as
it is, as JSON, HTML and Python write it, in base64 (in each of the three alignments, with line ends in it),
percent-encoded and in hexadecimal. Who would disguise a value otherwise is stopped by not getting it: see `broker`.
"""

import base64
import dataclasses
import html
import json
import logging
import re
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import unquote_to_bytes

import msgspec

from firm.errors import StepFailed

MAX_DEPTH = 100
"""What is nested deeper is not searched: it goes."""
MIN_CHARS = 8
"""Shorter values are not searched for."""
MAX_NUMBER_BITS = 10_000
"""A longer number is not written out to be searched."""
TOO_DEEP = "[nested too deeply to be searched for secrets]"

_64 = "[A-Za-z0-9+/_-]"
_GAP = r"(?:[ \t]*(?:[\r\n]|\\[rn])[ \t]*)*"
"""Where a long line was wrapped."""
_SHARED = (0, 2, 3)
"""So many characters of base64 depend on 0, 1 or 2 bytes that stand before a value in its group of three."""
_RUNS = re.compile("[A-Za-z0-9]{4,}")

T = TypeVar("T")


class _Needle:
    """What one secret looks like."""

    def __init__(self, name: str, value: str) -> None:
        self.name, self.marker = name, f"[secret:{name}]"
        self._bytes = value.encode("utf-8", "surrogatepass")
        self.raw, self.hex = self._bytes.decode("latin-1"), self._bytes.hex()
        self.digits = value if value.isdecimal() else ""
        self.written = _longest_first(_written(value))
        cores = [_base64_cores(self._bytes, lead) for lead in range(3)]
        self.based = {core: lead for lead in range(3) for core in cores[lead] if len(core) >= MIN_CHARS}
        self.hints = _hints((self.raw, *self.written)).union(*map(_hints, cores))
        """One of them stands in every text in which the secret stands, in whatever form but hexadecimal."""

    def strike(self, text: str, seen: "_Views") -> str:
        """`text` without this secret; `seen` was made of the text before anything was struck out."""
        for form in self.written:
            if form in text:
                text = text.replace(form, self.marker)
        for core, lead in self.based.items():
            if core in text or core in seen.flat:
                text = _base64_pattern(core, lead).sub(self.marker, text)
        if self.hex in seen.text.lower() or self.hex in seen.flat.lower():
            text = re.sub(_GAP.join(self.hex), self.marker, text, flags=re.IGNORECASE)
        if self.raw in seen.plain:
            text = _percent_pattern(self._bytes).sub(self.marker, text)
        return text

    def is_in(self, text: str) -> bool:
        """Whether it stands there in any form."""
        return self.hex in text.lower() or any(
            form in text for form in (self.raw, *self.written, *self.based)
        )


class _Views:
    """A text, and what it says without line ends and with percent-encoding undone; '' where that is the same."""

    __slots__ = ("flat", "plain", "text")

    def __init__(self, text: str) -> None:
        self.text, self.flat, self.plain = text, _flat(text), _plain(text)

    def all(self) -> list[str]:
        """Those that are not the same."""
        return [view for view in (self.text, self.flat, self.plain, _flat(self.plain)) if view]


class Redactor:
    """Knows values, and strikes them out of texts and of what texts stand in.

    Args:
        values: Values by name, see `Secrets.values`.
    """

    def __init__(self, values: Mapping[str, str] | None = None) -> None:
        self._known: dict[tuple[str, str], _Needle] = {}
        self._needles: tuple[_Needle, ...] = ()
        self._hints: tuple[str, ...] = ()
        self._hexes: tuple[str, ...] = ()
        for name, value in (values or {}).items():
            self.learn(name, value)

    def __repr__(self) -> str:
        return f"Redactor({sorted({name for name, _ in self._known})})"

    @property
    def knows(self) -> bool:
        """Whether there is any value to strike out."""
        return bool(self._needles)

    def learn(self, name: str, value: str) -> None:
        """From now on this value is struck out, as `[secret:name]`; values that it stood for before still are.

        Values of fewer than 8 characters are not searched for.
        """
        if len(value) < MIN_CHARS or (name, value) in self._known:
            return
        self._known[name, value] = _Needle(name, value)
        self._needles = tuple(
            needle for _, needle in sorted(self._known.items(), key=lambda item: -len(item[0][1]))
        )
        self._hints = tuple(sorted({hint for needle in self._needles for hint in needle.hints}))
        self._hexes = tuple({needle.hex for needle in self._needles})

    def clean(self, value: T) -> T:
        """The value without secrets: text, bytes, numbers, and lists, tuples, sets, dicts, msgspec Structs and
        dataclasses and pydantic models of them; other objects become text if a secret stands in what they show.
        What has no secret in it is given back as it is.
        """
        if not self._needles:
            return value
        return self._clean(value, 0)  # type: ignore[no-any-return]

    def has_secret(self, value: object) -> bool:
        """Whether `clean` would change it."""
        return self.clean(value) is not value

    def clean_error(self, error: BaseException) -> BaseException:
        """The same exception without secrets, also in its notes, attributes, causes and context.

        Where its text still holds one it becomes a `StepFailed` without.
        """
        if not self._needles:
            return error
        seen: set[int] = set()
        waiting: list[BaseException] = [error]
        while waiting:
            one = waiting.pop()
            if id(one) in seen:
                continue
            seen.add(id(one))
            self._clean_one(one)
            linked = (one.__cause__, one.__context__, *getattr(one, "exceptions", ()))
            waiting += [other for other in linked if isinstance(other, BaseException)]
        shown = "".join(traceback.format_exception(error))
        if not isinstance(error, Exception):  # it unwinds: it must stay what it is
            error.__cause__ = error.__context__ = None
        elif self.has_secret(shown):
            kind = type(error)
            detail = self.clean(_message(error))
            return StepFailed(f"{kind.__module__}:{kind.__qualname__}", detail, self.clean(shown))
        return error

    def _clean_one(self, error: BaseException) -> None:
        args = self._clean(error.args, 0)
        if args is not error.args:
            error.args = args
        for name, value in list(vars(error).items()):
            vars(error)[name] = self._clean(value, 0)

    # --- values

    def _clean(self, value: Any, depth: int) -> Any:
        if isinstance(value, str):
            return self._clean_text(value)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, (int, float)):
            return self._clean_number(value)
        if depth > MAX_DEPTH:
            return TOO_DEEP
        if isinstance(value, (bytes, bytearray, memoryview)):
            return self._clean_bytes(value)
        if isinstance(value, dict):
            pairs = [
                (self._clean(key, depth + 1), self._clean(item, depth + 1)) for key, item in value.items()
            ]
            same = all(
                key is old and item is value[old] for (key, item), old in zip(pairs, value, strict=True)
            )
            return value if same else dict(pairs)
        if isinstance(value, (list, tuple, set, frozenset)):
            return self._clean_items(value, depth)
        return self._clean_fields(value, depth)

    def _clean_items(self, value: Any, depth: int) -> Any:
        items = [self._clean(item, depth + 1) for item in value]
        if all(new is old for new, old in zip(items, value, strict=True)):
            return value
        if isinstance(value, tuple) and hasattr(value, "_make"):
            return type(value)._make(items)
        return next(kind for kind in (list, tuple, set, frozenset) if isinstance(value, kind))(items)

    def _clean_fields(self, value: Any, depth: int) -> Any:
        if isinstance(value, msgspec.Struct):
            names, replace = value.__struct_fields__, _copy_struct
        elif dataclasses.is_dataclass(value) and not isinstance(value, type):
            names = tuple(field.name for field in dataclasses.fields(value) if field.init)
            replace = _copy_data
        elif isinstance(fields := getattr(type(value), "model_fields", None), dict):  # a model of pydantic's
            names, replace = tuple(fields), _copy_model
        else:
            return self._clean_other(value)
        changed = {}
        for name in names:
            old = getattr(value, name)
            new = self._clean(old, depth + 1)
            if new is not old:
                changed[name] = new
        return replace(value, changed) if changed else value

    def _clean_other(self, value: Any) -> Any:
        """An object that nobody can look into: what it shows must not hold a secret, else that is all that is left."""
        try:
            shown = (repr(value), str(value))
        except Exception:  # foreign code
            return value
        clean = [self._clean_text(text) for text in shown]
        return value if clean[0] is shown[0] and clean[1] is shown[1] else clean[1]

    def _clean_number(self, value: float) -> Any:
        if isinstance(value, int) and value.bit_length() > MAX_NUMBER_BITS:
            return value
        for needle in self._needles:
            if needle.digits and needle.digits in repr(value):
                return needle.marker
        return value

    def _clean_bytes(self, value: Any) -> Any:
        text = bytes(value).decode("latin-1")
        clean = self._clean_text(text)
        return value if clean is text else type(value)(clean.encode("latin-1", "replace"))

    def _clean_text(self, text: str) -> str:
        if len(text) < MIN_CHARS:
            return text
        seen = _Views(text)
        if not any(self._may_hold(view) for view in seen.all()):
            return text
        clean = text
        for needle in self._needles:
            clean = needle.strike(clean, seen)
        left = _Views(clean).all()
        for needle in self._needles:
            if any(needle.is_in(view) for view in left):
                return needle.marker
        return text if clean == text else clean

    def _may_hold(self, text: str) -> bool:
        for hint in self._hints:
            if hint in text:
                return True
        low = text.lower()
        return any([hint in low for hint in self._hexes])


def _copy_struct(value: Any, changed: dict[str, Any]) -> Any:
    return msgspec.structs.replace(value, **changed)


def _copy_data(value: Any, changed: dict[str, Any]) -> Any:
    return dataclasses.replace(value, **changed)


def _copy_model(value: Any, changed: dict[str, Any]) -> Any:
    return value.model_copy(update=changed)


def _flat(text: str) -> str:
    """Without white space and line ends; '' where there are none."""
    if "\\n" in text or "\\r" in text:
        return "".join(text.replace("\\n", "").replace("\\r", "").split())
    return "".join(text.split()) if "\n" in text or "\r" in text else ""


def _plain(text: str) -> str:
    """Percent-encoding undone, as latin-1; '' where there is none."""
    if "%" not in text:
        return ""
    ways = (text, text.replace("+", " ")) if "+" in text else (text,)
    return "\0".join(unquote_to_bytes(way.encode("utf-8", "surrogatepass")).decode("latin-1") for way in ways)


# --- forms of a value ------------------------------------------------------------------------------------------


def _written(value: str) -> set[str]:
    """As programs write a text down."""
    raw = value.encode("utf-8", "surrogatepass")
    ways = (
        value,
        raw.decode("latin-1"),
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        json.dumps(value).replace("/", "\\/")[1:-1],
        repr(value)[1:-1],
        repr(raw)[2:-1],
        html.escape(value),
    )
    twice = {*ways, *(json.dumps(way)[1:-1] for way in ways)}
    return twice | {way.encode("utf-8", "surrogatepass").decode("latin-1") for way in twice}


def _base64_cores(raw: bytes, lead: int) -> tuple[str, str]:
    """What of `raw` is the same in base64 whatever stands around it, with `lead` bytes of a group before it.

    In the standard alphabet and in that for URLs.
    """
    coded = base64.b64encode(bytes(lead) + raw).decode()
    core = coded[_SHARED[lead] : (lead + len(raw)) * 8 // 6]
    return core, core.replace("+", "-").replace("/", "_")


def _base64_pattern(core: str, lead: int) -> re.Pattern[str]:
    """The core with the characters that the value shares with what stands around it, wrapped or not."""
    before = f"(?:{_64}{_GAP}){{0,{_SHARED[lead]}}}"
    return re.compile(f"{before}{_GAP.join(map(re.escape, core))}(?:{_GAP}{_64})?={{0,2}}")


def _percent_pattern(raw: bytes) -> re.Pattern[str]:
    """Each byte as itself or percent-encoded; a space also as '+'."""
    ways = []
    for byte in raw:
        char = chr(byte)
        itself = [re.escape(char)] if byte < 128 else []
        ways.append("|".join([*itself, f"(?i:%{byte:02x})", *([r"\+"] if char == " " else [])]))
    return re.compile("".join(f"(?:{way})" for way in ways))


def _hints(forms: Sequence[str]) -> set[str]:
    """The longest run of letters and digits that stands in all the forms; else the forms."""
    first, rest = forms[0], forms[1:]
    runs = [run for run in _RUNS.findall(first) if all(run in form for form in rest)]
    return {max(runs, key=len)} if runs else set(forms)


def _longest_first(forms: set[str]) -> tuple[str, ...]:
    return tuple(
        sorted((form for form in forms if len(form) >= MIN_CHARS), key=lambda form: (-len(form), form))
    )


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as broken:
        return f"(its message could not be made: {type(broken).__name__})"


# --- logs ------------------------------------------------------------------------------------------------------


class LogFilter(logging.Filter):
    """Strikes secrets out of records of a log: message, arguments, exception, stack and extras.

    A filter of a logger sees only what is logged on that very logger; `guard_logs` covers those below it, too.
    """

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def filter(self, record: logging.LogRecord) -> bool:
        """Clean the record in place; always True."""
        clean = self._redactor.clean
        try:
            message = record.getMessage()
        except Exception as error:  # a wrong format: the words and the values, each by itself
            message = f"{record.msg!r} {record.args!r} ({type(error).__name__})"
        record.msg, record.args = clean(message), ()
        if record.exc_info:
            record.exc_text = clean(
                record.exc_text or "".join(traceback.format_exception(record.exc_info[1])).rstrip()
            )
            record.exc_info = None
        if record.stack_info:
            record.stack_info = clean(record.stack_info)
        for name, value in list(vars(record).items()):
            cleaned = clean(value)
            if cleaned is not value:
                setattr(record, name, cleaned)
        return True


class _FirstHandler(logging.Handler):
    """The first of a logger's handlers: cleans each record before the others see it."""

    def __init__(self, found: LogFilter, log: logging.Logger) -> None:
        super().__init__(logging.NOTSET)
        self.addFilter(found)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Nothing, where somebody else writes it; else what Python does where there is no handler."""
        last = logging.lastResort
        if last is not None and record.levelno >= last.level and not self._others():
            last.handle(record)

    def _others(self) -> bool:
        log: logging.Logger | None = self._log
        while log is not None:
            if any(type(handler) is not _FirstHandler for handler in log.handlers):
                return True
            log = log.parent if log.propagate else None
        return False


def guard_logs(redactor: Redactor, name: str = "firm") -> Callable[[], None]:
    """Strike secrets out of everything that is logged on a logger and below it; call what it returns to end that."""
    log, found = logging.getLogger(name), LogFilter(redactor)
    first = _FirstHandler(found, log)
    log.addFilter(found)
    log.handlers.insert(0, first)

    def end() -> None:
        log.removeFilter(found)
        log.removeHandler(first)

    return end
