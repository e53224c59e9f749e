"""A report as files: `report.html` to read, `report.json` for machines.

One rule: a file is there whole or not at all, and writing the same story again gives the same files.
"""

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

from firm.lab.report.document import page
from firm.lab.report.markup import Html
from firm.lab.report.sealing import plain_story, sealed
from firm.lab.report.story import Story


@dataclass(frozen=True, slots=True)
class Written:
    """Where a report lies; absolute paths."""

    html: Path
    json: Path


def write(story: Story, folder: Path, language: str = "en", *, extra: Html | None = None) -> Written:
    """Write both files; the folder is made where it is not there. `extra`: see `page`.

    Raises:
        OSError: it cannot be written.
    """
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    html = page(story, language, extra=extra).encode("utf-8")
    seals = sealed(story) | {"page": hashlib.sha256(html).hexdigest()}
    record = json.dumps({"story": plain_story(story), "sha256": seals}, ensure_ascii=False, indent=1)
    return Written(
        html=_put(folder / "report.html", html),
        json=_put(folder / "report.json", record.encode("utf-8") + b"\n"),
    )


def _put(path: Path, data: bytes) -> Path:
    half = path.with_name(f"{path.name}.{os.getpid()}.part")
    half.write_bytes(data)
    os.replace(half, path)
    return path
