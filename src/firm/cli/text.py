"""Text for a terminal: values, times, tables.

One rule: what comes from outside (results, questions, errors, names) never reaches the terminal's controls.
"""

import re
import sys
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table
    from rich.tree import Tree

_ESCAPES = re.compile(
    r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?"  # titles, links
    r"|[\x1b\x9b]\[?[0-?]*[ -/]*[@-~]"  # colours, moves
    r"|\x1b[PX^_].*?\x1b\\",
    re.DOTALL,
)
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_UNSAFE_IN_JSON = re.compile(r"[\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def plain(text: str) -> str:
    """`text` without escape sequences and control characters; line ends and tabs stay."""
    return _CONTROLS.sub("", _ESCAPES.sub("", text.replace("\r\n", "\n")))


def visible(text: str) -> str:
    """`text` with control characters written out, each by itself: also for pieces of a text that is on its way."""
    return _CONTROLS.sub(_written_out, text)


def _written_out(found: re.Match[str]) -> str:
    number = ord(found.group())
    return "" if number == 13 else f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}"


def line(value: object, limit: int = 200) -> str:
    """One line, at most `limit` characters."""
    text = " ".join(plain(str(value)).split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def shown(value: object, limit: int = 200) -> str:
    """A value on one line: as JSON if it has a JSON form."""
    return line(as_json(value), limit)


def as_json(value: object, *, indent: int = 0) -> str:
    """A value as JSON. What JSON has no form for becomes text; characters a terminal might obey are escaped."""
    import msgspec

    try:
        raw = msgspec.json.encode(value, enc_hook=_as_builtin)
        text = (msgspec.json.format(raw, indent=indent) if indent else raw).decode()
    except (ValueError, TypeError, OverflowError, RecursionError, NotImplementedError):
        import json

        text = json.dumps(_loose(value), ensure_ascii=False, default=str, indent=indent or None)
    return _UNSAFE_IN_JSON.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


def _as_builtin(value: Any) -> Any:
    dump = getattr(value, "model_dump", None)
    return dump(mode="json") if dump is not None else str(value)


def _loose(value: Any, depth: int = 0) -> Any:
    """Builtins that `json` takes."""
    if depth > 200:
        return "…"
    if isinstance(value, dict):
        return {str(key): _loose(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_loose(item, depth + 1) for item in value]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    if isinstance(value, (str, int, float, bool)) or value is None:
        return value
    try:
        import msgspec

        return _loose(msgspec.to_builtins(value, enc_hook=_as_builtin), depth + 1)
    except (TypeError, ValueError, OverflowError):
        return str(value)


def print_json(value: object) -> None:
    """On stdout: indented for a person, on one line for a machine."""
    print(as_json(value, indent=2 if sys.stdout.isatty() else 0))


# --- times -----------------------------------------------------------------------------------------------------


def span(seconds: float) -> str:
    """A length of time, short: '0.25 s', '3 min 5 s', '2 d 4 h'."""
    if seconds < 0:
        return f"-{span(-seconds)}"
    if seconds < 10:
        return f"{seconds:.2g} s" if seconds else "0 s"
    whole = round(seconds)
    for size, name, small_size, small_name in (
        (86_400, "d", 3600, "h"),
        (3600, "h", 60, "min"),
        (60, "min", 1, "s"),
    ):
        if whole >= size:
            rest = whole % size // small_size
            return f"{whole // size} {name}" + (f" {rest} {small_name}" if rest else "")
    return f"{whole} s"


def count(number: int, noun: str, plural: str = "") -> str:
    """'1 run', '3 runs'; '2 replies', where the plural is given."""
    return f"{number} {noun}" if number == 1 else f"{number} {plural or noun + 's'}"


def ago(at: datetime) -> str:
    """How long ago."""
    return span((datetime.now(UTC) - at).total_seconds())


def clock(at: datetime) -> str:
    """Local time; with the date unless it is today."""
    local = at.astimezone()
    today = local.date() == datetime.now().astimezone().date()
    return f"{local:%H:%M:%S}" if today else f"{local:%Y-%m-%d %H:%M}"


# --- tables ----------------------------------------------------------------------------------------------------


def table(*columns: str) -> "Table":
    """An empty table without frame."""
    from rich.table import Table

    made = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
    for column in columns:
        made.add_column(column, overflow="fold")
    return made


def add_row(made: "Table", *cells: object) -> None:
    """A row of plain text."""
    from rich.text import Text

    made.add_row(*(Text(plain(str(cell))) for cell in cells))


def render(made: "Table | Tree", file: IO[str] | None = None) -> None:
    """Print a table or a tree; wide characters line up, and a pipe gets whole lines."""
    from rich.console import Console

    out = file or sys.stdout
    width = None if out.isatty() else 2000
    console = Console(file=out, width=width, markup=False, highlight=False, emoji=False, legacy_windows=False)
    with console.capture() as capture:
        console.print(made)
    out.write("".join(f"{row.rstrip()}\n" for row in capture.get().splitlines()))
