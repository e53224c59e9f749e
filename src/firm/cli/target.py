"""`file.py:workflow` and its arguments, as a person types them.

One rule: what is wrong is said before anything is started, with what to type instead.
"""

import difflib
import inspect
import json
import shlex
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, get_type_hints

import msgspec

from firm.errors import UsageError
from firm.kernel.code import load_file
from firm.kernel.definition import StepDef, WorkflowDef

if TYPE_CHECKING:
    from firm.agent.agent import Agent


def find_target(target: str) -> Any:
    """The workflow behind `file.py:workflow` or `module:workflow`; the name may be left out if there is only one.

    Raises:
        UsageError: no such file, it cannot be imported, no such name in it, or it is not a workflow.
    """
    place, name = _split(target)
    module = find_module(place)
    known = _workflows(module)
    if not name:
        if len(known) == 1:
            return getattr(module, known[0])
        raise UsageError(_which(place, known))
    found: Any = module
    for part in name.split("."):
        found = getattr(found, part, None)
    if found is None:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {place}:{near[0]}?" if near else _which(place, known)
        raise UsageError(f"{place!r} has no {name!r}; {hint}")
    definition = getattr(found, "definition", None)
    if isinstance(definition, StepDef):
        raise UsageError(
            f"{target!r} is a step; a run is a workflow: decorate it with @workflow. {_which(place, known)}"
        )
    if not isinstance(definition, WorkflowDef):
        raise UsageError(
            f"{target!r} is not a workflow; put @workflow above its `async def`. {_which(place, known)}"
        )
    return found


def _split(target: str) -> tuple[str, str]:
    if target.endswith(".py") or "\0" in target:
        return target, ""
    place, colon, name = target.rpartition(":")
    if not colon or not place:
        if any(letter.isspace() for letter in target):
            raise UsageError(
                f"a mission in words ({target[:60]!r}) needs a repository to work on: --repo DIR; else give "
                "file.py:workflow"
            )
        raise UsageError(
            f"{target!r} is no target; give file.py:workflow, for example dinner.py:dinner, or a mission in words"
        )
    return place, name


def find_module(place: str) -> ModuleType:
    """The module of a file or of a dotted name.

    Raises:
        UsageError: there is none, or it cannot be imported.
    """
    if place.endswith(".py") or "/" in place:
        path = Path(place)
        if "\0" in place or not path.is_file():
            raise UsageError(
                f"there is no file {place!r} in {str(Path.cwd())!r}; give the path of a Python file"
            )
        return load_file(path)
    import importlib

    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        return importlib.import_module(place)
    except ModuleNotFoundError as error:
        if error.name and place.split(".")[0] == error.name.split(".")[0]:
            hint = (
                f"; did you mean {place}.py?" if Path(f"{place}.py").is_file() else "; give file.py:workflow"
            )
            raise UsageError(f"there is no module {place!r}{hint}") from None
        raise UsageError(f"module {place!r} cannot be imported: {error}") from error
    except Exception as error:
        raise UsageError(f"module {place!r} cannot be imported: {type(error).__name__}: {error}") from error


def _workflows(module: ModuleType) -> list[str]:
    return sorted(
        name
        for name, value in vars(module).items()
        if isinstance(getattr(value, "definition", None), WorkflowDef)
        and module.__name__ in (getattr(value, "__module__", ""), getattr(value, "module", ""))
    )


def _which(place: str, known: list[str]) -> str:
    if not known:
        return f"{place!r} has no workflow: put @workflow above an `async def` in it"
    return f"workflows in {place!r}: {', '.join(known)}; for example `firm run {place}:{known[0]}`"


# --- arguments -------------------------------------------------------------------------------------------------


def check_task(target: str, agent: "Agent[Any]", words: list[str]) -> None:
    """An agent is told what to do in one argument; UsageError where the quotes were forgotten, or it is missing."""
    if len(words) == 1 and words[0].strip():
        return
    what = " ".join(words).strip()
    example = shlex.quote(what[:200]) if what else '"what it shall do"'
    came = f"got {len(words)} arguments: {what[:200]!r}" if what else "it was told nothing"
    raise UsageError(
        f"agent {agent.name!r} is told what to do in one argument, in quotes; {came}. "
        f"Write `firm run {target} {example}`"
    )


def read_args(definition: WorkflowDef, words: list[str]) -> list[object]:
    """Words of the command line as the arguments of a workflow, in their declared types.

    Raises:
        UsageError: a word that is not JSON (and not for a parameter of text), wrong number or types.
    """
    declared = _declared(definition, len(words))
    values = [_read(word, name, kind) for word, (name, kind) in zip(words, declared, strict=False)]
    values += [_json_or_text(word) for word in words[len(values) :]]
    return definition.signature.convert_args(values)


def _declared(definition: WorkflowDef, count: int) -> list[tuple[str, Any]]:
    hints = get_type_hints(definition.function)
    found: list[tuple[str, Any]] = []
    for parameter in inspect.signature(definition.function).parameters.values():
        kind = hints.get(parameter.name, Any)
        if parameter.kind is parameter.VAR_POSITIONAL:
            found += [(parameter.name, kind)] * max(0, count - len(found))
        elif parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            found.append((parameter.name, kind))
    return found


def _read(word: str, name: str, kind: Any) -> object:
    text = _takes(kind, "text")
    try:
        value = json.loads(word)
    except (ValueError, RecursionError) as error:
        if text:
            return word
        quoted = "'" + json.dumps(word, ensure_ascii=False) + "'"
        raise UsageError(
            f"argument {name!r}: {word!r} is not JSON ({error}); text goes in two kinds of quotes: {quoted}, "
            """a list: '["a", "b"]', a record: '{"key": 1}'"""
        ) from None
    if text and not isinstance(value, str) and not _takes(kind, value):
        return word
    return value


def _takes(kind: Any, value: object) -> bool:
    if kind is Any or kind is object:
        return value != "text"  # undeclared: only JSON says what is meant
    try:
        msgspec.convert(value, kind)
    except (msgspec.ValidationError, TypeError, ValueError, NotImplementedError):
        return False
    return True


def _json_or_text(word: str) -> object:
    try:
        return json.loads(word)
    except (ValueError, RecursionError):
        return word


def read_answer(options: list[Any] | None, word: str) -> object:
    """An answer as it was typed: the option that it names, else JSON, else text."""
    for option in options or ():
        if word == option:
            return option
    return _json_or_text(word)
