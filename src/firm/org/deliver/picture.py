"""Pictures among delivered files, put into the page so that they cannot do anything.

One rule: a picture is shown as an image of its own (`<img src="data:…">`), where no script runs and nothing is loaded;
what is not surely a picture of a bearable size is only named.
"""

import base64
import re
from pathlib import Path
from xml.etree import ElementTree

MAX_BYTES = 2 * 1024 * 1024
"""Of one picture."""
MAX_ALL_BYTES = 12 * 1024 * 1024
"""Of all pictures of a page."""
SVG = "http://www.w3.org/2000/svg"
_SIGNATURES = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}
SUFFIXES = (".svg", ".png", ".jpg", ".jpeg", ".gif")


def source_of(path: Path) -> str:
    """What stands in `src` for a picture's file; '' where it is none."""
    if not path.name.lower().endswith(SUFFIXES) or path.stat().st_size > MAX_BYTES:
        return ""
    body = path.read_bytes()
    if path.name.lower().endswith(".svg"):
        kind, body = "image/svg+xml", _svg(body)
    else:
        kind = next((kind for sign, kind in _SIGNATURES.items() if body.startswith(sign)), "")
    return f"data:{kind};base64,{base64.b64encode(body).decode('ascii')}" if kind and body else ""


def _svg(body: bytes) -> bytes:
    """One well-formed SVG, with the name of its language; nothing where it is none."""
    try:
        drawn = body.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        return b""
    drawn = re.sub(r"^<\?xml[^>]*\?>\s*", "", drawn)
    if "<!" in re.sub(r"<!--.*?-->", "", drawn, flags=re.DOTALL):
        return b""
    if drawn.startswith("<svg") and "xmlns=" not in drawn[:2000]:
        drawn = f'<svg xmlns="{SVG}"{drawn[4:]}'
    try:
        root = ElementTree.fromstring(drawn)
    except ElementTree.ParseError:
        return b""
    return drawn.encode("utf-8") if root.tag == f"{{{SVG}}}svg" else b""
