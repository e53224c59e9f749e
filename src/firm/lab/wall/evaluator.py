"""The evaluator as a hash: everything that decides what a candidate is worth.

One rule: the hash follows from what files hold and from the settings, never from where they lie, what has been
imported so far, or when. So imports are read from the source, also those inside functions; a file that is opened
instead of imported is named in the problem's `EVALUATOR_FILES = ("table.json",)`.
"""

import ast
import functools
import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from firm.errors import UsageError
from firm.kernel.code import file_hash

VERSION = 1
"""Of this wall: raised when the same artifact could get another verdict from it."""
NAMED = "EVALUATOR_FILES"
"""Names further files, relative to the problem's folder; a folder stands for all files in it."""


def parts_of(path: Path) -> dict[str, str]:
    """Every file that scores, by its name relative to the problem's folder, with 16 hexadecimal digits of its hash.

    Raises:
        UsageError: a file that cannot be read or parsed, or one that is named and is not there.
    """
    folder, todo, found = path.resolve().parent, [path.resolve()], dict[str, str]()
    while todo:
        file = todo.pop()
        name = file.relative_to(folder).as_posix()
        if name in found:
            continue
        found[name] = _hash(file)
        if file.suffix == ".py":
            imports, named = _read(file, found[name])
            for level, dotted in imports:
                start = file.parents[level - 1] if level else folder
                todo.extend(_files(start, dotted) if start.is_relative_to(folder) else ())
            for each in named:
                todo.extend(_inside(folder, each, file))
    return dict(sorted(found.items()))


def hash_of(parts: Mapping[str, str], settings: Mapping[str, Any], main: str) -> str:
    """16 hexadecimal digits over files, settings and this wall's version.

    Args:
        parts: As `parts_of` gives them.
        settings: By name; of any types that `repr` tells apart, where JSON has them not.
        main: Name of the problem in its file.
    """
    told = [
        VERSION,
        main,
        sorted(parts.items()),
        sorted((name, _told(value)) for name, value in settings.items()),
    ]
    return hashlib.sha256(msgspec.json.encode(told)).hexdigest()[:16]


def _told(value: Any) -> str:
    try:
        return msgspec.json.encode(value, order="deterministic").decode()
    except (TypeError, ValueError):
        return repr(value)


def _hash(file: Path) -> str:
    try:
        return file_hash(file)
    except OSError as error:
        raise UsageError(f"{str(file)!r} scores candidates and cannot be read: {error.strerror}") from None


@functools.lru_cache(maxsize=1024)
def _read(file: Path, hash: str) -> tuple[tuple[tuple[int, str], ...], tuple[str, ...]]:
    """What a file imports, each with its level (0: absolute), and what it names; parsed once for each content."""
    try:
        tree = ast.parse(file.read_bytes(), str(file))
    except (SyntaxError, ValueError) as error:
        raise UsageError(f"{str(file)!r} cannot be parsed: {error}") from None
    named = [
        name
        for node in tree.body
        if _is_naming(node)
        for name in _literal(getattr(node, "value", None), file)
    ]
    return tuple(dict.fromkeys(_imports(tree))), tuple(named)


def _imports(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Each import of a file, also inside functions; of `from a import b` both a and a.b, as either may be a file."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((0, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.module:
                yield node.level, node.module
            yield from (
                (node.level, ".".join(filter(None, (node.module, alias.name)))) for alias in node.names
            )


def _files(start: Path, dotted: str) -> Iterator[Path]:
    """What importing `dotted` from `start` reads, as far as it lies there."""
    here = os.fspath(start)
    for word in dotted.split("."):
        here = os.path.join(here, word)
        file = os.path.join(here, "__init__.py")
        if not os.path.isdir(here):
            if os.path.isfile(f"{here}.py"):
                yield Path(f"{here}.py")
            return
        if os.path.isfile(file):
            yield Path(file)


def _is_naming(node: ast.stmt) -> bool:
    """Whether a statement sets `EVALUATOR_FILES`."""
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return any(isinstance(target, ast.Name) and target.id == NAMED for target in targets)


def _inside(folder: Path, name: str, file: Path) -> Iterator[Path]:
    """The file, or all files of the folder, that `EVALUATOR_FILES` names."""
    place = (folder / name).resolve()
    if not place.is_relative_to(folder) or not place.exists():
        raise UsageError(f"{NAMED} of {str(file)!r} names {name!r}, which is not in {str(folder)!r}")
    inside = sorted(place.rglob("*")) if place.is_dir() else [place]
    yield from (each for each in inside if each.is_file() and "__pycache__" not in each.parts)


def _literal(value: ast.expr | None, file: Path) -> tuple[str, ...]:
    try:
        given = ast.literal_eval(value) if value is not None else None
    except ValueError:
        given = None
    if (
        isinstance(given, str)
        or not isinstance(given, tuple | list)
        or not all(isinstance(each, str) for each in given)
    ):
        raise UsageError(f'{NAMED} of {str(file)!r} is no list of names; write {NAMED} = ("table.json",)')
    return tuple(given)
