"""Numbers and words as a person reads them.

One rule: a small sum is never shown as none.
"""

import re

from firm.org.words import Say

_SPACE = re.compile(r"\s+")


def money(usd_micro: int, say: Say) -> str:
    """US dollars: '0.12 USD'; less than a cent with the digits that it needs."""
    usd = usd_micro / 1e6
    small = usd_micro and abs(usd) < 0.01
    return say("{usd} USD", usd=f"{usd:.6f}".rstrip("0") if small else f"{usd:,.2f}")


def span(seconds: float, say: Say) -> str:
    """A time: '12 s', '3 min 5 s', '2 h 10 min'."""
    whole = round(seconds)
    if seconds < 10:
        return say("{count} s", count=f"{seconds:.1f}".removesuffix(".0"))
    if whole < 120:
        return say("{count} s", count=whole)
    if whole < 7_200:
        minutes, rest = divmod(whole, 60)
        return say("{count} min", count=minutes) + (f" {say('{count} s', count=rest)}" if rest else "")
    hours, rest = divmod(round(whole / 60), 60)
    return say("{count} h", count=f"{hours:,}") + (f" {say('{count} min', count=rest)}" if rest else "")


def size(count: int) -> str:
    """Bytes: '812 B', '3.1 kB', '2.0 MB'."""
    if count < 1_000:
        return f"{count} B"
    return f"{count / 1e3:,.1f} kB" if count < 1e6 else f"{count / 1e6:,.1f} MB"


def one_line(text: str, limit: int) -> str:
    """Its words on one line, cut at so many characters."""
    line = _SPACE.sub(" ", text).strip()
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"
