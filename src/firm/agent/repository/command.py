"""Which command runs the tests of a repository, and what it needs to be seen in the sandbox.

One rule: what the founder says is taken as it is; what is found out is told, so that he can say otherwise.
"""

import re
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from firm.errors import UsageError
from firm.sandbox.box import Box, check
from firm.sandbox.level import Level

PYTEST, UNITTEST = "python -m pytest -q", "python -m unittest"
_SYSTEM_PATH = ("/usr/local/bin", "/usr/bin", "/bin")
_TARGET = re.compile(r"^(test|check)\s*:(?!=)", re.MULTILINE)
_TEST = re.compile(r"test_.*\.py|.*_test\.py|tests?\.py")
_HOME = re.compile(r"^home\s*=\s*(\S.*?)\s*$", re.MULTILINE)


class Checks(msgspec.Struct, frozen=True):
    """How the tests of a repository are run."""

    command: str
    """For a shell, in the top folder."""
    path: tuple[str, ...] = _SYSTEM_PATH
    """Folders of programs."""
    readable: tuple[str, ...] = ()
    """Folders that are seen besides the files."""
    at_least: int = Level.BUBBLEWRAP
    """Level of the sandbox."""


class Python(msgspec.Struct, frozen=True):
    """A Python with what is installed for it."""

    programs: str
    """Its folder of programs."""
    readable: tuple[str, ...]
    has_pytest: bool


def level_of(word: str) -> Level:
    """A level of the sandbox by its word.

    Raises:
        UsageError: it is none under which anything is run.
    """
    levels = {level.word: level for level in Level if level is not Level.NONE}
    if word not in levels:
        raise UsageError(f"isolation {word!r}; give one of {', '.join(sorted(levels))}")
    return levels[word]


def find_tests(top: Path, files: frozenset[str], read: Callable[[str], str], given: str = "") -> Checks:
    """How the tests are run.

    Args:
        top: The founder's checkout, where a virtual environment may lie.
        files: Of the commit.
        read: The text of one of them.
        given: The founder's own command; '': it is found out.

    Raises:
        UsageError: none is found.
    """
    pythons = list(_pythons(top, files))
    if given:
        return _with(given, pythons)
    if _is_python(files):
        return _with(PYTEST if any(python.has_pytest for python in pythons) else UNITTEST, pythons)
    if command := _other(files, read):
        return _with(command, pythons)
    raise UsageError(
        f"no tests are found in {str(top)!r}: no files test_*.py, package.json, Cargo.toml, go.mod, nor a Makefile "
        "with the target test; say how they are run: --tests 'COMMAND'"
    )


def _with(command: str, pythons: list[Python]) -> Checks:
    if not pythons:
        return Checks(command)
    python = (
        next((one for one in pythons if one.has_pytest), pythons[0]) if "pytest" in command else pythons[0]
    )
    return Checks(command, (python.programs, *_SYSTEM_PATH), python.readable)


def _is_python(files: frozenset[str]) -> bool:
    names = {path.rpartition("/")[2] for path in files}
    return "pytest.ini" in names or any(_TEST.fullmatch(name) for name in names)


def _other(files: frozenset[str], read: Callable[[str], str]) -> str:
    if "package.json" in files and '"test"' in read("package.json"):
        return "npm test"
    if "Cargo.toml" in files:
        return "cargo test --offline"
    if "go.mod" in files:
        return "go test ./..."
    for name in ("Makefile", "makefile", "GNUmakefile"):
        if name in files and (found := _TARGET.search(read(name))):
            return f"make {found.group(1)}"
    return ""


# --- Python -----------------------------------------------------------------------------------------------------


def _pythons(top: Path, files: frozenset[str]) -> Iterator[Python]:
    """Pythons that may be shown in a box, the nearest first.

    An environment that came with the commit, or is a link, could name any folder of this machine as its own.
    """
    own = [
        top / name
        for name in (".venv", "venv")
        if not (top / name).is_symlink() and not any(path.startswith(f"{name}/") for path in files)
    ]
    for folder in (*own, Path(sys.prefix), Path(sys.base_prefix)):
        if (folder / "bin" / "python").exists() and (found := _python(folder)) is not None:
            yield found
    if (found_at := shutil.which("python3", path=":".join(_SYSTEM_PATH))) is not None:
        packages = (
            Path("/usr/lib/python3/dist-packages"),
            *Path("/usr/local/lib").glob("python3*/dist-packages"),
        )
        yield Python(str(Path(found_at).parent), (), any((folder / "pytest").is_dir() for folder in packages))


def _python(prefix: Path) -> Python | None:
    base = prefix
    if (prefix / "pyvenv.cfg").is_file():
        found = _HOME.search((prefix / "pyvenv.cfg").read_text("utf-8", "replace"))
        base = Path(found.group(1)).resolve().parent if found else prefix
    if not list(base.glob("lib/python3*")) or (Path.home().is_relative_to(base) and base != Path("/usr")):
        return None  # what a file names as the home of a Python, and is none
    shown = tuple(str(path) for path in dict.fromkeys((prefix, base)) if not path.is_relative_to("/usr"))
    try:
        for path in shown:
            check(("true",), Box(Path("/usr"), (Path(path),)))
    except UsageError:  # lies where a box shows something else
        return None
    places = (prefix, base) if _sees_base(prefix) else (prefix,)
    has_pytest = any(list(place.glob("lib/python3*/site-packages/pytest")) for place in places)
    return Python(str(prefix / "bin"), shown, has_pytest)


def _sees_base(prefix: Path) -> bool:
    """Whether a virtual environment sees what is installed below it."""
    config = prefix / "pyvenv.cfg"
    if not config.is_file():
        return True
    return "include-system-site-packages = true" in config.read_text("utf-8", "replace").lower()
