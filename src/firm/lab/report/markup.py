"""HTML and SVG that cannot say more than they are meant to.

One rule: a plain `str` is text and is escaped wherever it is put; only what `tag` made is markup. So a candidate, a
problem's name or a model's words cannot open a tag, and controls and marks of writing direction do not get through.
"""

import re
from collections.abc import Iterable
from html import escape

_CONTROLS = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
VOID = {"meta", "img", "path", "circle", "br"}
"""Elements that hold nothing."""


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
    """One element.

    Args:
        name: Of the element, and trusted.
        inner: What it holds: markup as it is, anything else as text; None is nothing.
        attributes: `cls` is class; an underscore inside a name is a hyphen; None is left out.
    """
    pairs = ((key, value) for key, value in attributes.items() if value is not None)
    said = "".join(
        f' {"class" if key == "cls" else key.strip("_").replace("_", "-")}="{text(value)}"'
        for key, value in pairs
    )
    if name in VOID:
        return Html(f"<{name}{said}/>")
    return Html(f"<{name}{said}>{join(inner)}</{name}>")


def join(parts: Iterable[object], between: str = "") -> Html:
    """Parts after one another; None is nothing."""
    return Html(between.join(text(part) for part in parts if part is not None))
