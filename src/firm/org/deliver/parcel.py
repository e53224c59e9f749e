"""What is delivered, as files: copied, and held against what was accepted while it is copied.

One rule: nothing is taken on trust. An artifact must have the digest that its last verdict accepted, and a file the
SHA-256 that stands in the artifact.
"""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import msgspec

from firm.errors import UsageError
from firm.org.artifact import Artifact, FileMade
from firm.org.check.intact import parts_of, read_through
from firm.org.mission import Outcome, TaskEnd
from firm.org.plan import Task, is_name

TASK_PARTS = 3
"""`work/RUN/TASK/` before a file of a task."""


@dataclass(frozen=True, slots=True)
class Packed:
    """One file of a delivery."""

    path: str
    """In its folder, with `/`."""
    sha256: str
    bytes: int
    artifact: str
    """Name of the artifact that it belongs to."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """All that is delivered."""

    artifacts: tuple[Artifact, ...] = ()
    files: tuple[Packed, ...] = ()

    def of(self, name: str) -> list[Packed]:
        """The files of an artifact."""
        return [one for one in self.files if one.artifact == name]


def pack(outcome: Outcome, home: Path, folder: Path, *, reserved: tuple[str, ...] = ()) -> Parcel:
    """Copy what is to be delivered into a folder.

    Args:
        outcome: Of the mission.
        home: The firm's folder, below which the files lie.
        folder: Empty.
        reserved: Names in it that are somebody else's.

    Raises:
        UsageError: something is not what was accepted.
    """
    if outcome.plan is None:
        return Parcel()
    tasks = {task.id: task for task in outcome.plan.tasks}
    ends = [
        one
        for one in outcome.tasks
        if one.status == "accepted" and (task := tasks.get(one.id)) and task.deliver
    ]
    taken = {name.casefold() for name in reserved}
    artifacts, files = [], []
    for end in ends:
        artifact = accepted(end, tasks[end.id])
        artifacts.append(artifact)
        files += _packed(artifact, home, folder, taken)
    _sync(folder)
    return Parcel(tuple(artifacts), tuple(files))


def accepted(end: TaskEnd, task: Task) -> Artifact:
    """The artifact of a task that was accepted.

    Raises:
        UsageError: it is not the one that was checked, was checked by nobody else, or cannot be a file's name.
    """
    artifact = end.artifact
    last = end.verdicts[-1] if end.verdicts else None
    if artifact is None or last is None or not last.accept:
        raise UsageError(f"task {end.id!r} counts as accepted, and no verdict says so; nothing is delivered")
    if last.digest != artifact.digest:
        raise UsageError(
            f"the artifact {artifact.name!r} of task {end.id!r} has the digest {artifact.digest!r}, and "
            f"{last.digest!r} was accepted; nothing is delivered: have it checked again"
        )
    if last.by == artifact.maker:
        raise UsageError(
            f"the artifact {artifact.name!r} was accepted by {last.by!r}, who made it; nothing is delivered"
        )
    if artifact.name != task.makes or not is_name(artifact.name):
        raise UsageError(
            f"task {end.id!r} makes {task.makes!r}, and handed over {artifact.name!r}; nothing is delivered"
        )
    return artifact


def _packed(artifact: Artifact, home: Path, folder: Path, taken: set[str]) -> list[Packed]:
    found = []
    for kind, body in _contents(artifact):
        name = _free(f"{artifact.name}.{kind}", taken)
        (folder / name).write_bytes(body)
        found.append(Packed(name, hashlib.sha256(body).hexdigest(), len(body), artifact.name))
    if artifact.files:
        top = _free(artifact.name, taken)
        inside: set[str] = set()
        found += [_copied(made, artifact.name, home, folder / top, inside) for made in artifact.files]
    return found


def _contents(artifact: Artifact) -> list[tuple[str, bytes]]:
    """Its text and its data, each as a file."""
    found = []
    if artifact.text.strip() and not (artifact.files and artifact.data is None):
        found.append(("md", artifact.text.rstrip("\n").encode("utf-8", "backslashreplace") + b"\n"))
    if artifact.data is not None:
        found.append(("json", msgspec.json.format(msgspec.json.encode(artifact.data), indent=2) + b"\n"))
    return found


def _copied(made: FileMade, artifact: str, home: Path, folder: Path, taken: set[str]) -> Packed:
    parts = parts_of(made.path)
    inner = "/".join(parts[TASK_PARTS:]) if parts[0] == "work" and len(parts) > TASK_PARTS else parts[-1]
    path = folder / _free(inner, taken)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:
        seen = read_through(home, made, file.write)
    if seen != made.sha256 or path.stat().st_size != made.bytes:
        raise UsageError(
            f"the file {made.path!r} is not the one that was accepted: SHA-256 {seen[:16]}…, not {made.sha256[:16]}…; "
            "nothing is delivered: have it checked again"
        )
    return Packed(path.relative_to(folder.parent).as_posix(), seen, made.bytes, artifact)


def _free(name: str, taken: set[str]) -> str:
    """A name that nobody has, also where letters' case does not count."""
    path = PurePosixPath(name)
    found, number = name, 1
    while found.casefold() in taken:
        number += 1
        found = str(path.with_name(f"{path.stem}-{number}{path.suffix}"))
    taken.add(found.casefold())
    return found


def _sync(folder: Path) -> None:
    """Make all that was copied durable."""
    for at, _, names in os.walk(folder):
        for name in [*names, "."]:
            handle = os.open(os.path.join(at, name), os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
