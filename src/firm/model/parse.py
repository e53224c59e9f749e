"""Finding JSON and tool calls in what a model wrote.

One rule: any text is read in time that grows with its length alone, and nothing in it is ever executed; what cannot
be read is left as it is. Whether what was found makes sense is for others to say.
"""

import json
import math
import re
from collections.abc import Collection, Iterator
from typing import Any, NoReturn

import msgspec

from firm.model.message import ToolCall

MAX_CHARS = 1_000_000
"""Longest text in which anything is looked for; about 250,000 tokens."""
MAX_DEPTH = 100
"""Nesting of JSON that is read."""
MAX_CALLS = 64
"""Tool calls that are taken from one text."""
MAX_FOUND = 16
"""Pieces of JSON that are looked at in one text."""

_THINK, _THOUGHT = "<think>", "</think>"
_CALL, _CALLED = "<tool_call>", "</tool_call>"
_LLAMA, _MISTRAL = "<|python_tag|>", "[TOOL_CALLS]"
_NAMED = re.compile(r'"(?:name|tool)"\s{0,20}:\s{0,20}"([^"\\]{1,200})"')
_HEAD = re.compile(r"\s{0,20}([\w.-]{1,200})(?:\[CALL_ID\][\w-]{1,64})?(?:\[ARGS\])?\s{0,20}(?=\{)")
_FENCE = re.compile(r"```[\w-]{0,20}\s*")
_TOKEN = re.compile(r'[\[\]{}]|"(?>[^"\\]*)(?>\\.[^"\\]*)*"?', re.DOTALL)
"""Brackets, and strings that may lack their end."""


# --- JSON ------------------------------------------------------------------------------------------------------


def clean(text: str) -> str:
    """The text with surrogate pairs joined and lone surrogates replaced by U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def read_json(text: str) -> Any:
    """Builtins from strict JSON: no NaN, no infinity, no lone surrogates, at most `MAX_DEPTH` deep.

    Raises:
        ValueError: if it is anything else; the message says what.
    """
    text = clean(text)
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        value = _read_slowly(text)
    except RecursionError:
        raise ValueError(f"it is nested deeper than {MAX_DEPTH} levels") from None
    if text.count("[") + text.count("{") > MAX_DEPTH:
        _measure(value)
    return value


def _read_slowly(text: str) -> Any:
    """What msgspec refuses and JSON allows (surrogates as escapes), or a message that says what is wrong."""
    try:
        return _whole(json.loads(text, parse_constant=_refuse, parse_float=_finite))
    except json.JSONDecodeError as error:
        raise ValueError(f"it is not JSON: {error.msg} at character {error.pos}") from None
    except RecursionError:
        raise ValueError(f"it is nested deeper than {MAX_DEPTH} levels") from None


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON; give a finite number or null")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"the number {digits[:40]} is out of range")
    return number


def _whole(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [_whole(item) for item in value]
    if isinstance(value, dict):
        return {clean(key): _whole(item) for key, item in value.items()}
    return value


def _measure(value: Any) -> None:
    """ValueError if it is nested too deep; level by level, so that no depth can hurt."""
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        inner: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                inner += item.values()
            elif isinstance(item, list):
                inner += item
        if not inner:
            return
        level = inner
    raise ValueError(f"it is nested deeper than {MAX_DEPTH} levels")


def show(value: object) -> str:
    """Builtins as compact JSON."""
    return msgspec.json.encode(value).decode()


# --- JSON inside of text ---------------------------------------------------------------------------------------


def split_thought(text: str) -> tuple[str, str]:
    """What was thought aloud (`<think>…</think>` at the beginning), and the rest."""
    start = text.lstrip()
    if start.startswith(_THINK):
        thought, ended, rest = start[len(_THINK) :].partition(_THOUGHT)
        return thought.strip(), rest if ended else ""
    if not start.startswith(("{", "[", "`", "<")):  # some templates open the thought in the prompt
        at = text.find(_THOUGHT)
        if at >= 0 and not _is_quoted(text, at):
            return text[:at].strip(), text[at + len(_THOUGHT) :]
    return "", text


def every_json(text: str) -> list[str]:
    """Objects and lists of JSON in a text, the longest first, at most `MAX_FOUND`; thoughts are passed over."""
    if len(text) > MAX_CHARS:
        return []
    rest = split_thought(text)[1]
    spans = list(_spans(rest))
    spans.sort(key=lambda span: span[0] - span[1])
    return [rest[start:end] for start, end in spans]


def find_json(text: str) -> str | None:
    """The longest object or list of JSON in a text, bare or in a fence, whatever stands around it."""
    found = every_json(text)
    return found[0] if found else None


def _spans(text: str) -> Iterator[tuple[int, int]]:
    """Where JSON begins and ends; stops when as much was looked at as would be with a few readings of the text."""
    budget = 3 * len(text) + 100_000
    found, place = 0, _bracket(text, 0)
    while place >= 0 and found < MAX_FOUND and budget > 0:
        end, looked_at = _end(text, place)
        budget -= abs(looked_at) + 16
        if end:
            found += 1
            yield place, end
        place = _bracket(text, end or place + max(1, -looked_at))


def _is_quoted(text: str, at: int) -> bool:
    """Whether a place lies inside of a piece of JSON."""
    for start, end in _spans(text):
        if end > at:
            return start < at
    return False


_BRACKET = re.compile(r"[\[{]")


def _bracket(text: str, start: int) -> int:
    found = _BRACKET.search(text, start)
    return found.start() if found else -1


def _end(text: str, start: int) -> tuple[int, int]:
    """Where the JSON that begins at `start` ends (0: there is none), and how many characters were read for that.

    That number is negative where it is nested too deep: then nothing inside of it counts either.
    """
    opened: list[str] = []
    for token in _TOKEN.finditer(text, start):
        sign = token[0]
        if sign in ("[", "{"):
            opened.append("]" if sign == "[" else "}")
        elif sign in ("]", "}") and opened.pop() != sign:
            break
        if not opened:
            size = token.end() - start
            return (token.end(), size) if _is_json(text[start : token.end()]) else (0, 2 * size)
        if len(opened) > MAX_DEPTH:
            return 0, start - token.end()
    else:
        return 0, len(text) - start
    return 0, token.end() - start


def _is_json(text: str) -> bool:
    """Whether it is JSON, strict or not quite; `read_json` says what is not strict."""
    try:
        msgspec.json.decode(text)
    except (ValueError, RecursionError):
        try:
            json.loads(text)
        except (ValueError, RecursionError):
            return False
    return True


# --- tool calls ------------------------------------------------------------------------------------------------


def find_calls(text: str, names: Collection[str], *, first: int = 0) -> tuple[str, tuple[ToolCall, ...], str]:
    """Tool calls that a model wrote as text: what stands before them, the calls, what stands after.

    Marked calls (`<tool_call>`, `<|python_tag|>`, `[TOOL_CALLS]`) are taken whatever they name, so that a wrong name
    can be told; JSON without a mark counts only if it names a tool that there is.

    Args:
        text: What the model wrote.
        names: Tools that there are.
        first: Number of the first call, for its id ('call_0').
    """
    if len(text) > MAX_CHARS:
        return text, (), ""
    text = clean(split_thought(text)[1])
    at, read = min(
        [(place, read) for mark, read in _READERS if (place := text.find(mark)) >= 0], default=(-1, _tagged)
    )
    if at >= 0 and not _is_quoted(text, at):
        found, end = read(text, at)
    else:
        found, at, end = _bare(text, names)
    calls = [ToolCall(f"call_{first + number}", *call) for number, call in enumerate(found[:MAX_CALLS])]
    if not calls:
        return text.strip(), (), ""
    return _FENCE.sub("", text[:at]).strip(), tuple(calls), text[end:].strip("` \r\n\t")


Call = tuple[str, str]
"""Name and arguments."""


def _tagged(text: str, at: int) -> tuple[list[Call], int]:
    """Every `<tool_call>…</tool_call>`; the end of one may be missing."""
    found: list[Call] = []
    end = at
    while at >= 0 and len(found) < MAX_CALLS:
        calls, end = _one_tagged(text, at + len(_CALL))
        found += calls
        at = text.find(_CALL, end)
    return found, end


def _one_tagged(text: str, start: int) -> tuple[list[Call], int]:
    """The calls of one `<tool_call>`, whose inside begins at `start`, and where it ends."""
    close, after = text.find(_CALLED, start), text.find(_CALL, start)
    limit = min([place for place in (close, after, len(text)) if place >= 0])
    bracket = _BRACKET.search(text, start, limit)
    place = bracket.start() if bracket else 0
    stop = _end(text, place)[0] if bracket else 0
    if not stop:
        return [_broken(text[start:limit])], limit + len(_CALLED) * (limit == close)
    ended = re.compile(r"\s*" + _CALLED).match(text, stop)
    return calls_in(text[place:stop]) or [_broken(text[place:stop])], ended.end() if ended else stop


def _after_mark(text: str, at: int) -> tuple[list[Call], int]:
    """What follows `<|python_tag|>` or `[TOOL_CALLS]`: JSON, several split by ';', or a name and then JSON."""
    found: list[Call] = []
    mark = _LLAMA if text.startswith(_LLAMA, at) else _MISTRAL
    end = at
    while len(found) < MAX_CALLS:
        place = end + len(mark) if text.startswith(mark, end) else end
        head = _HEAD.match(text, place)
        start = head.end() if head else _bracket(text, place)
        stop = _end(text, start)[0] if start >= 0 and (head or not text[place:start].strip(" ;\r\n\t")) else 0
        if not stop:
            break
        json_text = text[start:stop]
        found += [(head[1], json_text)] if head else calls_in(json_text) or [_broken(json_text)]
        end = stop
    if not found:
        return [_broken(text[at + len(mark) :])], len(text)
    return found, end


_READERS = ((_CALL, _tagged), (_LLAMA, _after_mark), (_MISTRAL, _after_mark))


def _bare(text: str, names: Collection[str]) -> tuple[list[Call], int, int]:
    """JSON that names a tool that there is; with where it begins and ends."""
    found: list[Call] = []
    at = end = 0
    for start, stop in _spans(text):
        calls = [call for call in calls_in(text[start:stop]) if call[0] in names]
        if calls:
            at = start if not found else at
            end = stop
            found += calls
    return found, at, end


def calls_in(json_text: str) -> list[Call]:
    """Calls that a piece of JSON holds: one, a list of them, or a list under `tool_calls`."""
    try:
        value = read_json(json_text)
    except ValueError:
        return []
    if isinstance(value, dict) and isinstance(value.get("tool_calls"), list):
        value = value["tool_calls"]
    items = value if isinstance(value, list) else [value]
    return [call for item in items[:MAX_CALLS] if (call := _call(item))]


def _call(value: Any) -> Call | None:
    if not isinstance(value, dict):
        return None
    inner = value.get("function")
    if isinstance(inner, dict):
        value = inner
    name = value.get("name") or value.get("tool") or (inner if isinstance(inner, str) else None)
    if not isinstance(name, str):
        return None
    for key in ("arguments", "parameters", "args"):
        if key in value:
            return name, arguments_text(value[key])
    return None


def arguments_text(value: object) -> str:
    """Arguments as JSON text; some models write them as text already."""
    if isinstance(value, str):
        return value
    return "{}" if value is None else show(value)


def _broken(text: str) -> Call:
    """A call that cannot be read: its name as far as there is one, and all of it as its arguments."""
    named = _NAMED.search(text[:2000])
    return named[1] if named else "", text.strip()
