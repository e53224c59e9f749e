"""Numbers as people write them, in English and in Chinese: where they stand in a text, and what they are.

One rule: a number that nobody wrote is never found; what is not understood is left out.
"""

import re
import unicodedata
from dataclasses import dataclass

MAX_NUMBERS = 2_000
"""Of one text; what comes behind is not looked at."""

_SUPER = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_SCALE = {
    "thousand": 1e3, "million": 1e6, "billion": 1e9, "k": 1e3, "百": 1e2, "千": 1e3, "万": 1e4, "萬": 1e4,
    "百万": 1e6, "千万": 1e7, "亿": 1e8, "億": 1e8,
}  # fmt: skip
_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
)
_TENS = {"seventeen": 17, "eighteen": 18, "nineteen": 19, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50,
         "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90}  # fmt: skip
_WORDS = {word: value for value, word in enumerate(_ONES.split(" "))} | _TENS
_DIGITS = {digit: value for value, digit in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_PLACES = {"十": 10, "百": 100, "千": 1000}
_LARGE = {"万": 10**4, "亿": 10**8}
_HAN = "零〇一二两三四五六七八九十百千万亿"
_NUMBER = re.compile(
    r"(?P<part>百分之)?(?:"
    r"(?P<arabic>(?<![a-z0-9_.])[-+]?(?:\d{1,3}(?:,\d{3})+|\d{1,300})(?!\d)(?:[.,]\d{1,40}(?!\d))?(?:[eE][-+]?\d{1,3}(?!\w))?"
    r"|(?<![a-z0-9_.])[-+]?\.\d{1,40})"
    r"(?:\s{0,2}[x×*·]\s{0,2}10\s?(?:\^|\*\*)\s?(?P<power>[-+]?\d{1,3}))?"
    rf"|(?P<han>负?[{_HAN}]{{1,30}}(?:点[零〇一二两三四五六七八九]{{1,20}})?)"
    rf"|(?<![a-z])(?P<word>{'|'.join(_WORDS)})(?![a-z])"
    r")"
    r"(?P<scale>\s?(?:thousand|million|billion|百万|千万|[百千万萬亿億])|k(?![a-z]))?"
    r"(?P<percent>\s?(?:%|percent|per cent|个百分点))?",
    re.IGNORECASE,
)
_UNIT = re.compile(r"\s{0,2}([^\W\d_]{1,12}(?:/[^\W\d_]{1,4})?|[$€¥°])")


@dataclass(frozen=True, slots=True)
class Number:
    """A number in a text."""

    value: float
    start: int
    end: int
    percent: bool
    unit: str
    """The word right behind it, lower case; '': none."""


def even(text: str) -> str:
    """Text in one form: full width as half width, one kind of minus, powers as `^`, lower case."""
    text = re.sub(r"10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)", lambda hit: "10^" + hit[1].translate(_SUPER), text)
    text = unicodedata.normalize("NFKC", text)
    return text.translate({0x2212: "-", 0x2013: "-", 0x2014: "-"}).lower()


def numbers(text: str) -> list[Number]:
    """All numbers of a text that `even` has made.

    Args:
        text: At most some ten thousand characters.
    """
    found: list[Number] = []
    for hit in _NUMBER.finditer(text):
        value = _value(hit)
        if value is not None:
            unit = _UNIT.match(text, hit.end())
            percent = bool(hit["percent"] or hit["part"])
            found.append(Number(value, hit.start(), hit.end(), percent, unit[1] if unit else ""))
        if len(found) >= MAX_NUMBERS:
            break
    return found


def _value(hit: re.Match[str]) -> float | None:
    if hit["arabic"]:
        value = _arabic(hit["arabic"])
        if hit["power"]:
            value = (
                _safe(f"{value!r}e{hit['power']}") if value is not None and "e" not in repr(value) else None
            )
    elif hit["han"]:
        value = _han(hit["han"])
    else:
        value = float(_WORDS[hit["word"].lower()])
    scale = (hit["scale"] or "").strip().lower()
    if value is None or abs(value) > 1e300:
        return None
    return value * _SCALE.get(scale, 1.0)


def _arabic(words: str) -> float | None:
    if re.fullmatch(r"[-+]?\d{1,3}(,\d{3})+(\.\d+)?", words) and not words.lstrip("+-").startswith("0,"):
        return _safe(words.replace(",", ""))
    return _safe(words.replace(",", "."))


def _safe(words: str) -> float | None:
    try:
        value = float(words)
    except ValueError:
        return None
    return value if abs(value) <= 1e300 else None


def _han(words: str) -> float | None:
    sign = -1.0 if words.startswith("负") else 1.0
    whole, _, part = words.lstrip("负").partition("点")
    value = _han_whole(whole)
    if value is None:
        return None
    for place, digit in enumerate(part, 1):
        value += _DIGITS[digit] / 10**place
    return sign * value


def _han_whole(words: str) -> float | None:
    if all(one in _DIGITS for one in words):  # 二〇二六
        return float("".join(str(_DIGITS[one]) for one in words))
    total = section = digit = 0
    for one in words:
        if one in _DIGITS:
            digit = _DIGITS[one]
        elif one in _PLACES:
            section += (digit or 1) * _PLACES[one]
            digit = 0
        else:
            section += digit
            if not (section or total):
                return None
            total = (
                (total + section) * _LARGE[one]
                if total and _LARGE[one] > 10**4
                else total + section * _LARGE[one]
            )
            section = digit = 0
    return float(total + section + digit)
