"""What an address on the web answered.

One rule: nothing that a page says about itself is believed further than how its bytes are read.
"""

import codecs
import re
from dataclasses import dataclass

_CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w.:-]{1,40})", re.IGNORECASE)
_NO_CHARSETS = frozenset({"idna", "punycode", "undefined", "utf-7", "unicode-escape", "raw-unicode-escape"})
"""Encodings of Python that are none of the web."""
_UTF_8 = frozenset({"utf-8", "ascii"})


@dataclass(frozen=True, slots=True)
class Page:
    """What an address answered, whatever its status."""

    url: str
    """Where it came from in the end."""
    status: int
    """HTTP status, 200 to 999; also those that say that something is wrong."""
    headers: dict[str, str]
    """By name in lower case; of a header that came twice the last one."""
    body: bytes
    """Decoded, where it was packed."""
    via: tuple[str, ...] = ()
    """The URLs that led here, the first one first; () without a redirect."""

    def text(self) -> str:
        """The body as text, in the encoding that its headers name, else UTF-8; what cannot be read becomes U+FFFD."""
        named = _CHARSET.search(self.headers.get("content-type", ""))
        if named is not None:
            try:
                name = codecs.lookup(named[1]).name
                if name not in _UTF_8 and name not in _NO_CHARSETS:
                    return self.body.decode(name, "replace")
            except LookupError:  # unknown, or one of Python's from bytes to bytes
                return self.body.decode("utf-8-sig", "replace")
        return self.body.decode("utf-8-sig", "replace")
