"""What went wrong with one attempt, as the retry layer needs to know it.

One rule: a fault says what kind it is, not what to do; that is the router's to decide, in one place.
"""

import math
import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any

import msgspec

from firm.units import Usage

MAX_TOLD_CHARS = 500
"""How much of a server's own words goes into an error."""
MAX_RETRY_AFTER_S = 3600.0


class Kind(StrEnum):
    """Kinds of faults."""

    KEY = "key refused"
    MODEL = "unknown model"
    CONTEXT = "context too long"
    REQUEST = "request refused"
    FUNDS = "out of funds"
    RATE = "too many requests"
    OVERLOAD = "overloaded"
    SERVER = "server error"
    CONNECT = "no connection"
    LOST = "connection lost"
    SLOW = "time-out"
    JUNK = "unreadable reply"
    SIZE = "reply too large"
    FILTER = "filtered"


PASSING = frozenset({Kind.RATE, Kind.OVERLOAD, Kind.SERVER, Kind.CONNECT, Kind.LOST, Kind.SLOW, Kind.JUNK})
"""Kinds that may go away by themselves."""


class Fault(Exception):
    """One attempt failed.

    Args:
        kind: what kind of failure.
        told: what the server said, or what was seen; shortened.
        status: HTTP status; 0: there was none.
    """

    def __init__(self, kind: Kind, told: str, *, status: int = 0) -> None:
        super().__init__(kind, told)
        self.kind = kind
        self.told = shorten(told)
        self.status = status
        self.retry_after_s: float | None = None
        """The server's own wish."""
        self.asked = 0
        """Tokens that were asked for, for `Kind.CONTEXT`."""
        self.limit = 0
        """Tokens that fit."""
        self.usage: Usage | None = None
        """What the attempt used, where the server says so although it failed."""
        self.begun = False
        """Whether some of the reply had come."""
        self.queue_s = 0.0
        """How long the attempt waited here before it was sent."""

    def __str__(self) -> str:
        return f"{self.kind}{f' ({self.status})' if self.status else ''}: {self.told}"


def shorten(text: str) -> str:
    """A server's words in one line, cut; control characters and lone surrogates taken out."""
    clean = text[: 10 * MAX_TOLD_CHARS].encode("utf-8", "replace").decode()
    words = " ".join("".join(char if char.isprintable() else " " for char in clean).split())
    return words if len(words) <= MAX_TOLD_CHARS else words[: MAX_TOLD_CHARS - 1] + "…"


_BY_STATUS = {
    400: Kind.REQUEST,
    401: Kind.KEY,
    402: Kind.FUNDS,
    403: Kind.KEY,
    404: Kind.MODEL,
    408: Kind.SLOW,
    409: Kind.OVERLOAD,
    413: Kind.REQUEST,
    422: Kind.REQUEST,
    425: Kind.OVERLOAD,
    429: Kind.RATE,
    503: Kind.OVERLOAD,
    504: Kind.SLOW,
    529: Kind.OVERLOAD,
}
_BY_CODE = (
    ("rate_limit", Kind.RATE),
    ("overload", Kind.OVERLOAD),
    ("timeout", Kind.SLOW),
    ("api_key", Kind.KEY),
    ("authentication", Kind.KEY),
    ("permission", Kind.KEY),
    ("quota", Kind.FUNDS),
    ("billing", Kind.FUNDS),
    ("policy", Kind.FILTER),
    ("content_filter", Kind.FILTER),
    ("not_found", Kind.MODEL),
    ("invalid", Kind.REQUEST),
    ("image", Kind.REQUEST),
)
"""What a word in an error's code means; the first that fits."""
_CONTEXT = re.compile(
    r"context[_ ](?:length|window|size)|maximum context|prompt is too long|too many tokens|input is too long"
    r"|exceeds? the (?:available )?context|max_model_len|longer than the model|exceed_context_size",
    re.IGNORECASE,
)
_FUNDS = re.compile(r"insufficient_quota|credit balance|billing|exceeded your current quota", re.IGNORECASE)
_NO_MODEL = re.compile(r"model\b.{0,200}\b(?:not found|does not exist|not exist|unknown)|unknown model", re.I)
_NUMBER = r"([0-9][0-9,]{0,12})"
_LIMITS = (
    re.compile(rf"maximum context length (?:is|of) {_NUMBER}", re.IGNORECASE),
    re.compile(rf"context (?:size|window|length) (?:is |of )?\(?{_NUMBER}", re.IGNORECASE),
    re.compile(rf"> {_NUMBER} maximum", re.IGNORECASE),
    re.compile(rf"limit (?:is|of) {_NUMBER}", re.IGNORECASE),
    re.compile(r'"n_ctx": ?([0-9]{1,15})(?![0-9])'),
)
_ASKED = (
    re.compile(
        rf"(?:requested|resulted in|contains|has|passed) (?:about |at least )?{_NUMBER}", re.IGNORECASE
    ),
    re.compile(rf"{_NUMBER} tokens >", re.IGNORECASE),
    re.compile(rf"request \({_NUMBER} tokens\)", re.IGNORECASE),
    re.compile(r'"n_prompt_tokens": ?([0-9]{1,15})(?![0-9])'),
)


def fault_of(status: int, body: bytes, headers: Mapping[str, str]) -> Fault:
    """What an answer with an error status means; the three protocols and their imitators differ little."""
    text = body[:20_000].decode("utf-8", "replace")
    told, code = _told(text)
    kind = _BY_STATUS.get(status, Kind.SERVER if status >= 500 else Kind.REQUEST)
    if 400 <= status < 500 and kind not in (Kind.KEY, Kind.RATE) and _CONTEXT.search(text):
        kind = Kind.CONTEXT
    elif kind in (Kind.RATE, Kind.REQUEST) and _FUNDS.search(text):
        kind = Kind.FUNDS
    elif kind is Kind.REQUEST and (_NO_MODEL.search(told) or code == "model_not_found"):
        kind = Kind.MODEL
    fault = Fault(kind, told or f"HTTP status {status} and nothing else", status=status)
    if kind is Kind.CONTEXT:
        fault.asked, fault.limit = _number(_ASKED, text), _number(_LIMITS, text)
    fault.retry_after_s = retry_after_s(headers)
    return fault


def fault_in(error: Any) -> Fault:
    """An error that came with status 200, or as an event of a stream: what stands under `error`."""
    found = error if isinstance(error, dict) else {}
    code = found.get("code") or found.get("type") or ""
    code = str(code)[:200] if isinstance(code, str | int) else ""
    told = found.get("message") or error
    told = told[:20_000] if isinstance(told, str) else f"an error without a message, its code is {code!r}"
    text = f"{code} {told}"
    if "rate_limit" not in code and _CONTEXT.search(text):
        fault = Fault(Kind.CONTEXT, told)
        fault.asked, fault.limit = _number(_ASKED, text), _number(_LIMITS, text)
        return fault
    if code.isascii() and code.isdigit():
        return Fault(_BY_STATUS.get(int(code), Kind.SERVER), told)
    return Fault(next((kind for word, kind in _BY_CODE if word in code), Kind.SERVER), told)


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """How long the server asks to wait: `retry-after-ms`, or `Retry-After` in seconds or as a date; 0 to an hour."""
    try:
        if (text := headers.get("retry-after-ms")) is not None:
            wait_s = float(text) / 1000
        elif (text := headers.get("Retry-After")) is None:
            return None
        elif text.strip()[:1].isdigit():
            wait_s = float(text)
        else:
            wait_s = parsedate_to_datetime(text).timestamp() - time.time()
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(wait_s, 0.0), MAX_RETRY_AFTER_S) if math.isfinite(wait_s) else None


def _told(text: str) -> tuple[str, str]:
    """The message and the code in an error body, whatever its shape; else the body itself."""
    try:
        found = msgspec.json.decode(text.encode())
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return text, ""
    if isinstance(found, dict):
        inner = found.get("error", found.get("detail", found))
        if isinstance(inner, dict):
            code = inner.get("code") or inner.get("type") or ""
            return str(inner.get("message") or inner.get("detail") or text), str(code)
        return str(inner), ""
    return text, ""


def _number(patterns: tuple[re.Pattern[str], ...], text: str) -> int:
    for pattern in patterns:
        if found := pattern.search(text):
            return int(found.group(1).replace(",", ""))
    return 0
