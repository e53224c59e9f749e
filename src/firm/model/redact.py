"""Takes a key out of what a server said, in whichever form the server repeats it.

One rule: of a key nothing is left, not its beginning either, which is all that a text may hold that was cut.
"""

import base64
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

SHOWN = "[key]"
MIN_CHARS = 4
"""Shorter ones are no keys; taking them out would only garble messages."""
STEM_CHARS = 8
"""So much of the beginning of a key is taken for the key."""


def without(text: str, keys: Iterable[str]) -> str:
    """The text without these keys: as they are, in base64 at any place of it, in a URL, in hex."""
    for key in keys:
        if len(key) >= MIN_CHARS:
            for form in forms_of(key):
                text = _without(text, form)
    return text


def forms_of(key: str) -> list[str]:
    """How a key may be written."""
    raw = key.encode("utf-8", "surrogatepass")
    found = [key, quote(raw, safe=""), quote_plus(raw), raw.hex(), raw.hex().upper()]
    for before in range(3):
        code = base64.b64encode(b"\0" * before + raw).decode()
        whole = code[(0, 2, 3)[before] : (before + len(raw)) * 4 // 3]
        found += [whole, whole.replace("+", "-").replace("/", "_")]
    return [form for form in dict.fromkeys(found) if len(form) >= MIN_CHARS]


def _without(text: str, form: str) -> str:
    stem = form[:STEM_CHARS]
    at = text.find(stem)
    while at >= 0:
        end = at + len(stem)
        while end < len(text) and end - at < len(form) and text[end] == form[end - at]:
            end += 1
        text = text[:at] + SHOWN + text[end:]
        at = text.find(stem, at + len(SHOWN))
    return text
