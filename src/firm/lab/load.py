"""From `file.py:name` to the problem that is stated there, and to the hash of what scores it.

One rule: the same file, name and settings give the same problem in every process; a file that has been changed since
it was imported is imported again.
"""

import difflib
import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

import msgspec

from firm.errors import UsageError
from firm.kernel.code import load_file
from firm.lab.order import Source
from firm.lab.problem import MARK, Problem
from firm.lab.wall import evaluator

if TYPE_CHECKING:
    from firm.lab.phenomenon import Phenomenon

_loaded: dict[Path, tuple[dict[str, str], ModuleType | None]] = {}
"""The files that made up a problem when it was imported."""
_WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def source_of(target: str, settings: Mapping[str, Any]) -> Source:
    """What `firm lab` was given, as a place.

    Args:
        target: `file.py` or `file.py:name`.
        settings: The problem's own parameters, as text or as values.

    Raises:
        UsageError: there is no such file.
    """
    file, colon, name = target.rpartition(":")
    if not (colon and file.endswith(".py")):
        file, name = target, ""
    path = Path(file).expanduser()
    if path.suffix != ".py":
        raise UsageError(f"{target!r} is no problem; give file.py or file.py:name")
    if not path.is_file():
        near = difflib.get_close_matches(path.name, [each.name for each in path.parent.glob("*.py")], n=1)
        hint = f"; did you mean {str(path.with_name(near[0]))!r}?" if near else ""
        raise UsageError(f"there is no file {file!r}{hint}")
    return Source(str(path.resolve()), name, dict(settings))


def find_problem(source: Source) -> "Problem | Phenomenon":
    """The problem that a source names, with its settings.

    Raises:
        UsageError: the file cannot be imported, has no such problem or several, or a setting is unknown or of the
            wrong type; it names what there is.
    """
    stated = _pick(_import(Path(source.path))[0], source)
    if not callable(stated):
        if source.settings:
            raise UsageError(
                f"{source.name or stated.name!r} takes no settings, and was given {_names(source.settings)}"
            )
        return cast("Problem | Phenomenon", stated)
    settings = _typed(stated, source.settings)
    made = stated(**settings)
    if not _is_stated(made):
        raise UsageError(f"{stated.__name__!r} gave {type(made).__name__} and no Problem; let it return one")
    return replace(made, settings=settings) if isinstance(made, Problem) else made


def evaluator_hash(source: Source) -> str:
    """16 hexadecimal digits of all that scores a problem's candidates: files, settings and the wall's own version.

    The files are the problem's, those it imports from its folder, and those that `EVALUATOR_FILES` names. A setting
    that is left out counts as its default.

    Raises:
        UsageError: as `find_problem`.
    """
    module, parts = _import(Path(source.path))
    stated = _pick(module, source)
    name, settings = source.name, dict[str, Any]()
    if callable(stated):
        name = stated.__name__
        defaults = {each.name: each.default for each in _parameters(stated).values()}
        settings = {**defaults, **_typed(stated, source.settings)}
    return evaluator.hash_of(parts, settings, name)


def evaluator_parts(source: Source) -> dict[str, str]:
    """The hash of each file that scores, by its name relative to the problem's folder."""
    return evaluator.parts_of(Path(source.path))


def _import(path: Path) -> tuple[ModuleType, dict[str, str]]:
    """The problem's module, imported again where one of its files has changed, and the hashes of its files."""
    if not path.is_file():
        raise UsageError(f"there is no file {str(path)!r}")
    parts = evaluator.parts_of(path)
    known, module = _loaded.get(path, (parts, None))
    if known != parts:
        _forget(path.parent, {*parts, *known})
    if known != parts or module is None or sys.modules.get(module.__name__) is not module:
        module = load_file(path)
        _loaded[path] = (parts, module)
    return module, parts


def _forget(folder: Path, names: set[str]) -> None:
    places = {str(folder / name) for name in names}
    for name, module in list(sys.modules.items()):
        if name != "__main__" and getattr(module, "__file__", None) in places:
            del sys.modules[name]


def _is_stated(value: Any) -> bool:
    """Whether it is a Problem or a Phenomenon; the latter's package is not imported for the question."""
    if isinstance(value, Problem):
        return True
    kinds = {
        each.__name__ for each in type(value).__mro__ if each.__module__.startswith("firm.lab.phenomenon")
    }
    return "Phenomenon" in kinds


def _pick(module: ModuleType, source: Source) -> Any:
    """The one that is meant: a Problem, a Phenomenon, or a function that makes one."""
    if source.name:
        found = getattr(module, source.name, None)
        if _is_stated(found) or getattr(found, MARK, False):
            return found
        raise UsageError(f"{source.path!r} states no problem {source.name!r}; {_there(module, source.name)}")
    stated = _stated(module)
    if len(stated) != 1:
        raise UsageError(
            f"{source.path!r} states {len(stated)} problems; {_there(module, '')}"
            if stated
            else f"{source.path!r} states no problem; put @problem on a function that returns a Problem"
        )
    return next(iter(stated.values()))


def _stated(module: ModuleType) -> dict[str, Any]:
    """All that a file states, by name; what it only imported counts where it states nothing of its own."""
    found, own, seen = dict[str, Any](), dict[str, Any](), set[int]()
    for name, value in vars(module).items():
        marked = inspect.isfunction(value) and getattr(value, MARK, False)
        if (marked or _is_stated(value)) and id(value) not in seen:
            seen.add(id(value))
            found[name] = value
            if not marked or value.__module__ == module.__name__:
                own[name] = value
    return own or found


def _there(module: ModuleType, wanted: str) -> str:
    names = sorted(_stated(module))
    if not names:
        return "put @problem on a function that returns a Problem"
    near = difflib.get_close_matches(wanted, names, n=1)
    return (
        f"did you mean {near[0]!r}?"
        if near
        else f"there are {', '.join(map(repr, names))}: give file.py:NAME"
    )


def _parameters(stated: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """What can be set: parameters with a default."""
    known = inspect.signature(stated).parameters
    for name, each in known.items():
        if each.default is each.empty:
            raise UsageError(
                f"parameter {name!r} of {stated.__name__!r} has no default; give it one, so that it can be set"
            )
    return dict(known)


def _typed(stated: Callable[..., Any], given: Mapping[str, Any]) -> dict[str, Any]:
    known = _parameters(stated)
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"it has {_names(known)}"
            raise UsageError(f"{stated.__name__!r} has no setting {name!r}; {hint}")
    return {name: _setting(name, value, known[name].default) for name, value in given.items()}


def _names(of: Mapping[str, Any]) -> str:
    return ", ".join(map(repr, of)) or "none"


def _setting(name: str, given: Any, default: Any) -> Any:
    """A value of the default's type."""
    wanted = type(default)
    try:
        if wanted is bool:
            return given if isinstance(given, bool) else _WORDS[str(given).lower()]
        if wanted is str:
            return given if isinstance(given, str) else str(given)
        if wanted is int or wanted is float:
            return _numeral(given, wanted)
        value = msgspec.json.decode(given) if isinstance(given, str) else given
        return value if default is None else msgspec.convert(value, wanted, strict=False)
    except (KeyError, ValueError, TypeError, msgspec.MsgspecError):
        if default is None and isinstance(given, str):
            return given
        raise UsageError(
            f"setting {name}={given!r} is no {wanted.__name__}; its default is {default!r}"
        ) from None


def _numeral(given: Any, wanted: type) -> Any:
    """32, "32" or 32.0 as an int; no True, no 1.5 for an int, no infinity."""
    if isinstance(given, bool):
        raise ValueError
    if wanted is int and isinstance(given, float):
        if given != int(given):
            raise ValueError
        return int(given)
    value = wanted(given)
    if value != value or value in (float("inf"), float("-inf")):
        raise ValueError
    return value
