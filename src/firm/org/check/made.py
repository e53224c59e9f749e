"""Checks of an artifact's files.

One rule: a file that is not there, or is not what was handed over, refuses the whole, whatever its name.
"""

from fnmatch import fnmatchcase

from firm.org.artifact import FileMade
from firm.org.check.look import Look, Seen, some


def has_files(look: Look, pattern: str, least: float, most: float | None) -> Seen:
    """So many files whose name, or path in the task's folder, fits a pattern; each as it was handed over."""
    if wrong := _wrong(look):
        return wrong
    found = [made for made in look.artifact.files if _fits(look, made, pattern)]
    if len(found) < least:
        told = {"count": len(found), "pattern": pattern, "least": f"{least:g}"}
        return look.no("files that fit {pattern}: {count}; at least {least} are wanted", **told)
    if most is not None and len(found) > most:
        told = {"count": len(found), "pattern": pattern, "most": f"{most:g}"}
        return look.no("files that fit {pattern}: {count}; at most {most} are wanted", **told)
    size = sum(made.bytes for made in found)
    told = {
        "count": f"{len(found):,}",
        "bytes": f"{size:,}",
        "what": some([within(look, made) for made in found]),
    }
    return look.yes("files that fit: {count}, {bytes} bytes, each as it was handed over: {what}", **told)


def has_file(look: Look, name: str) -> Seen:
    """This file, not empty."""
    if wrong := _wrong(look):
        return wrong
    found = [
        made for made in look.artifact.files if name in (within(look, made), made.path.rpartition("/")[2])
    ]
    if not found:
        return look.no("there is no file {name}", name=name)
    if not found[0].bytes:
        return look.no("the file {name} is empty", name=name)
    told = {"name": name, "bytes": f"{found[0].bytes:,}", "sha": found[0].sha256[:16]}
    return look.yes("{name}: {bytes} bytes, SHA-256 {sha}…", **told)


def _wrong(look: Look) -> Seen | None:
    return Seen(False, look.wrong_file) if look.wrong_file else None


def _fits(look: Look, made: FileMade, pattern: str) -> bool:
    return fnmatchcase(within(look, made), pattern) or fnmatchcase(made.path.rpartition("/")[2], pattern)


def within(look: Look, made: FileMade) -> str:
    """A file's path in the folder of its task, or below the home where it lies elsewhere."""
    folder = look.assignment.folder.strip("/")
    return made.path.removeprefix(f"{folder}/") if folder else made.path
