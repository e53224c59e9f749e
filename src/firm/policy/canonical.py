"""Canonical JSON (JCS, RFC 8785) and the hash that an approval is bound to.

One rule: two values have the same bytes only if they are the same value; what JSON cannot say exactly is refused.

Beyond the RFC, which knows no whole numbers over 2^53: they are written with all their digits and `e0` at the end,
so that none is rounded and none looks like a float.
"""

import hashlib
import math
from decimal import Decimal
from json.encoder import encode_basestring
from typing import Any

import msgspec

from firm.errors import UsageError
from firm.policy.action import Action

MAX_DEPTH = 100
"""Lists and tables in one another."""
MAX_EXACT = 2**53
"""Whole numbers up to here are what JSON holds exactly."""
MAX_BITS = 4096
"""Of a whole number."""
APPROVAL = b"firm/v1/approval"
"""Stands before what is hashed, so that a hash for one purpose is none for another."""


def canonical(value: Any) -> bytes:
    """`value` as canonical JSON.

    Raises:
        UsageError: NaN, infinity, half a surrogate pair, a key that is no text, too deep, or another type than None,
            bool, int, float, str, list, tuple and dict.
    """
    pieces: list[str] = []
    _write(value, pieces, MAX_DEPTH)
    try:
        return "".join(pieces).encode()
    except UnicodeEncodeError as error:
        raise UsageError(f"text with half a surrogate pair ({error}): give valid Unicode") from None


def number(value: float) -> str:
    """A float as ECMAScript writes it.

    Raises:
        UsageError: NaN or infinity.
    """
    if not math.isfinite(value):
        raise UsageError(f"{value!r} is no number that JSON knows: give a finite one")
    if value == 0:
        return "0"
    sign, figures, exponent = Decimal(repr(value)).as_tuple()
    digits = "".join(map(str, figures))
    point = len(digits) + int(exponent)
    digits = digits.rstrip("0")
    return ("-" if sign else "") + _placed(digits, point)


def _placed(digits: str, point: int) -> str:
    count = len(digits)
    if count <= point <= 21:
        return digits + "0" * (point - count)
    if 0 < point <= 21:
        return f"{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return "0." + "0" * -point + digits
    mantissa = digits if count == 1 else f"{digits[0]}.{digits[1:]}"
    return f"{mantissa}e{point - 1:+d}"


def _write(value: Any, pieces: list[str], deeper: int) -> None:
    kind = type(value)
    if kind is str:
        pieces.append(encode_basestring(value))
    elif value is None or kind is bool:
        pieces.append("null" if value is None else "true" if value else "false")
    elif kind is int:
        pieces.append(_whole(value))
    elif kind is float:
        pieces.append(number(value))
    elif not deeper:
        raise UsageError(f"more than {MAX_DEPTH} lists and tables in one another: give it flatter")
    elif kind in (list, tuple):
        pieces.append("[")
        for count, item in enumerate(value):
            if count:
                pieces.append(",")
            _write(item, pieces, deeper - 1)
        pieces.append("]")
    elif kind is dict:
        _write_object(value, pieces, deeper - 1)
    else:
        raise UsageError(f"{value!r:.80} is a {kind.__name__}, which JSON does not know: give text instead")


def _whole(value: int) -> str:
    if -MAX_EXACT <= value <= MAX_EXACT:
        return str(value)
    if value.bit_length() > MAX_BITS:
        raise UsageError(f"a whole number of {value.bit_length()} bits: give at most {MAX_BITS}, or text")
    return f"{value}e0"


def _write_object(value: dict[Any, Any], pieces: list[str], deeper: int) -> None:
    for key in value:
        if type(key) is not str:
            raise UsageError(f"key {key!r:.80} is no text: JSON knows only text as keys")
    pieces.append("{")
    for count, key in enumerate(sorted(value, key=_utf16)):
        pieces.append(f"{',' if count else ''}{encode_basestring(key)}:")
        _write(value[key], pieces, deeper)
    pieces.append("}")


def _utf16(key: str) -> bytes:
    return key.encode("utf-16-be", "surrogatepass")


def canonical_action(action: Action, *, place: int = 0, effect: str = "", until_us: int = 0) -> bytes:
    """Everything that makes an action this one, as canonical JSON; what a founder approves.

    Args:
        action: With its real arguments.
        place: Number of the call in its run.
        effect: 'repeatable', 'keyed' or 'once'.
        until_us: When the approval ends, microseconds since 1970; 0: never.

    Raises:
        UsageError: arguments that JSON cannot say exactly.
    """
    fields = msgspec.structs.asdict(action)
    fields |= {"to": list(action.destinations), "marks": sorted(action.marks)}
    try:
        return canonical(fields | {"place": place, "effect": effect, "until_us": until_us})
    except UsageError as error:
        raise UsageError(f"the arguments of {action.tool!r} cannot be written exactly: {error}") from None


def action_hash(action: Action, *, place: int = 0, effect: str = "", until_us: int = 0) -> str:
    """64 hexadecimal digits: SHA-256 over `APPROVAL` and `canonical_action`; an approval holds for this alone."""
    body = canonical_action(action, place=place, effect=effect, until_us=until_us)
    return hashlib.sha256(APPROVAL + body).hexdigest()
