"""Looks for secrets in everything that a firm leaves behind: by decoding what it finds, not by `firm`'s own search.

`stains(folder, values)` reads every file below a folder; `stains_in(text, values)` one text. Files in which secrets
lie sealed hold random bytes, so they are read too.
"""

import base64
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import unquote_to_bytes

_RUN = re.compile(rb"[A-Za-z0-9+/_-]{11,}")


def stains(folder: Path, values: Mapping[str, str]) -> list[str]:
    """Where a value stands below `folder`, one sentence each."""
    found = []
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            found += [
                f"{path.relative_to(folder)}: {stain}" for stain in stains_in(path.read_bytes(), values)
            ]
    return found


def stains_in(text: str | bytes, values: Mapping[str, str]) -> list[str]:
    """In which forms a value stands in a text."""
    body = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    found = []
    for name, value in values.items():
        raw = value.encode()
        found += [f"{name} {how}" for how, view in _views(body) if raw in view]
        if any(raw[1:-1] in view for view in _based(body)):
            found.append(f"{name} in base64")
    return found


def _views(body: bytes) -> Iterable[tuple[str, bytes]]:
    yield "itself", body
    yield "percent-encoded", unquote_to_bytes(body)
    yield "wrapped", b"".join(body.split())
    digits = re.findall(rb"(?:[0-9a-fA-F]{2}){8,}", body)
    yield "in hexadecimal", b"\0".join(bytes.fromhex(run.decode()) for run in digits)
    shifted = re.findall(rb"(?<=[0-9a-fA-F])(?:[0-9a-fA-F]{2}){8,}", body)
    yield "in hexadecimal", b"\0".join(bytes.fromhex(run.decode()) for run in shifted)


def _based(body: bytes) -> Iterable[bytes]:
    for text in (body, unquote_to_bytes(body), b"".join(body.replace(b"\\n", b"").split())):
        for run in _RUN.findall(text):
            for start in range(4):
                piece = run[start:].replace(b"-", b"+").replace(b"_", b"/")
                yield base64.b64decode(piece[: len(piece) // 4 * 4])
