"""HTML, SVG and Markdown that cannot say more than they are meant to.

One rule: a plain `str` is text and is escaped wherever it is put; only what `tag` made is markup.
"""

import re
from collections.abc import Iterable
from html import escape

_CONTROLS = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|~!$&])")
_VOID = {"meta", "img", "path", "br"}


class Html(str):
    """Markup: not escaped again."""

    __slots__ = ()


def plain(text: str) -> str:
    """Without control characters and without marks that turn the direction of writing."""
    return _CONTROLS.sub("", text.replace("\r\n", "\n"))


def text(value: object) -> Html:
    """A value as text of a page."""
    return value if isinstance(value, Html) else Html(escape(plain(str(value)), quote=True))


def tag(name: str, /, *inner: object, **attributes: object) -> Html:
    """One element; `cls` is class, an underscore in a name is a hyphen, None is left out."""
    said = "".join(
        f' {"class" if key == "cls" else key.strip("_").replace("_", "-")}="{text(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Html(f"<{name}{said}/>" if name in _VOID else f"<{name}{said}>{join(inner)}</{name}>")


def join(parts: Iterable[object], between: str = "") -> Html:
    """Parts after one another; None is nothing."""
    return Html(between.join([text(part) for part in parts if part is not None]))


def escaped(said: str) -> str:
    """Text as one line of Markdown that says only what it says: no link, no picture, no markup, no table's bar."""
    line = " ".join(plain(said).split())
    line = _MARKDOWN.sub(r"\\\1", line)
    line = re.sub(r"(?i)\b(https?|ftp|mailto|www)([:.])", r"\1\\\2", line)
    return re.sub(r"^(\d+)([.)])(?=\s|$)|^([-+=])", lambda hit: f"{hit[1] or ''}\\{hit[2] or hit[3]}", line)
