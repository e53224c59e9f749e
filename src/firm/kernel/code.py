"""From a function to a reference that outlives the process, and back.

One rule: a script that runs as `__main__` is found again as `__main__` and never imported a second time.

A reference is `module:qualname`, or `/path/to/file.py:qualname` for functions of a script. The hash of a
reference is that of its whole file: whatever changed in it makes waiting runs prove that they still fit.
"""

import hashlib
import importlib
import importlib.util
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from firm.errors import UsageError

FILE_MODULE = "firm_file_"
"""Prefix of the module names under which files are imported by path."""

_hashes: dict[tuple[str, int, int], str] = {}
_loading = threading.RLock()
"""Held while a file is imported: a thread that looks for it meanwhile must not be given a module that is half made."""


def reference_of(function: Callable[..., Any]) -> str:
    """The reference of a function: by file for scripts and files imported by path, else by module."""
    module = function.__module__ or "__main__"
    file = sys.modules[module].__dict__.get("__file__") if module in sys.modules else None
    if file and (module == "__main__" or module.startswith(FILE_MODULE)):
        return f"{Path(file).resolve()}:{function.__qualname__}"
    return f"{module}:{function.__qualname__}"


def load_file(path: Path) -> ModuleType:
    """Import a file by its path; the running script is given as it is.

    Raises:
        UsageError: the file is not there, or importing it raised.
    """
    with _loading:
        return _load_file(path.resolve())


def _load_file(path: Path) -> ModuleType:
    main = sys.modules.get("__main__")
    if main is not None and getattr(main, "__file__", None) and Path(str(main.__file__)).resolve() == path:
        return main
    for module in list(sys.modules.values()):
        if getattr(module, "__file__", None) == str(path):
            return module
    if not path.is_file():
        raise UsageError(f"there is no file {str(path)!r}")
    name = FILE_MODULE + hashlib.sha256(str(path).encode()).hexdigest()[:8] + "_" + path.stem
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{str(path)!r} is not a Python file; give one that ends in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    if str(path.parent) not in sys.path:  # as `python file.py` does, so that it finds its neighbours
        sys.path.insert(0, str(path.parent))
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        del sys.modules[name]
        if not isinstance(error, Exception | SystemExit):
            raise
        raise UsageError(f"{str(path)!r} cannot be imported: {type(error).__name__}: {error}") from error
    return module


def load(reference: str) -> Any:
    """The object behind a reference.

    Raises:
        UsageError: with what is missing; the run waits until it is there.
    """
    place, _, qualname = reference.rpartition(":")
    if "<locals>" in qualname:
        raise UsageError(f"{qualname!r} is a function inside a function: it can be found only by who made it")
    if place.endswith(".py"):
        module = load_file(Path(place))
    else:
        try:
            module = importlib.import_module(place)
        except (Exception, SystemExit) as error:
            raise UsageError(
                f"module {place!r} cannot be imported: {type(error).__name__}: {error}"
            ) from error
    found: Any = module
    for part in qualname.split("."):
        found = getattr(found, part, None)
        if found is None:
            raise UsageError(f"{place!r} has no {qualname!r}")
    return found


def file_hash(path: Path) -> str:
    """16 hexadecimal digits of a file's content; OSError if it cannot be read."""
    stat = path.stat()
    key = (str(path), stat.st_mtime_ns, stat.st_size)
    if key not in _hashes:
        _hashes[key] = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    return _hashes[key]


def hash_of(function: Callable[..., Any]) -> str:
    """16 hexadecimal digits of the function's file, or of its bytecode where it has no file."""
    code = function.__code__
    try:
        return file_hash(Path(code.co_filename))
    except OSError:
        return hashlib.sha256(code.co_code + repr(code.co_names).encode()).hexdigest()[:16]
