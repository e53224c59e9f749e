"""The specification: whether tests and code can be written from it, and stubs that stand for the code.

One rule: it is data; nothing of it runs outside of the sandbox.
"""

import ast
import re
import sys
from collections.abc import Iterator
from typing import Any

from soft_box import is_path

from firm.org.artifact import Artifact, Verdict
from firm.org.assignment import Assignment

_NAME = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
_CLASS = re.compile(r"class ([A-Za-z_]\w*)")
NOT_YET = "raise NotImplementedError"


def is_buildable(given: Assignment, made: Artifact) -> Verdict:
    """Whether each module and each signature can be, and each name has an example that can be read."""
    reasons = faults_of(made.data)
    count = len(list(names_of(made.data)))
    seen = f"{len(made.data['modules'])} modules, {count} signatures and their examples read"
    return Verdict(accept=not reasons, by="is_buildable", reasons=tuple(reasons), evidence=(seen,))


def faults_of(spec: dict[str, Any]) -> list[str]:
    """What is wrong with a specification."""
    name = str(spec["name"])
    reasons = (
        [] if _NAME.fullmatch(name) else [f"name {name!r}; give lower case letters and digits with dashes"]
    )
    files = [str(one["file"]) for one in spec["modules"]]
    reasons += [f"two modules are called {file!r}" for file in dict.fromkeys(files) if files.count(file) > 1]
    reasons += [f"module {file!r}: {fault}" for file in files if (fault := _fault_of_file(file))]
    for module in spec["modules"]:
        for one in module["names"]:
            reasons += _faults_of_name(one)
    known = [name_of(str(one.get("signature", ""))) for one in names_of(spec)]
    return reasons + [
        f"the name {one!r} stands there twice" for one in dict.fromkeys(known) if known.count(one) > 1
    ]


def _fault_of_file(file: str) -> str:
    if not (is_path(file) and file.endswith(".py")):
        return "give a path such as words.py"
    first = file.partition("/")[0].removesuffix(".py")
    if first in sys.stdlib_module_names or first in ("tests", "conftest", "sitecustomize", "usercustomize"):
        return f"{first} would stand in the way of Python's own; take another name"
    return ""


def _faults_of_name(one: dict[str, Any]) -> list[str]:
    signature = str(one.get("signature", ""))
    if not name_of(signature):
        return [f"the signature {signature!r} cannot be read; write name(first: str) -> int, or class Name"]
    found = [] if str(one.get("says", "")).strip() else [f"{signature}: it is not said what it does"]
    examples = one.get("examples") or []
    if not examples:
        found.append(f"{signature}: it has no example")
    for example in examples:
        if not isinstance(example, dict) or not ("gives" in example or "raises" in example):
            found.append(f"{signature}: the example {example!r} has neither gives nor raises")
        elif not _is_expression(str(example.get("call", ""))):
            found.append(f"{signature}: the call {example.get('call')!r} is no expression of Python")
    return found


def _is_expression(text: str) -> bool:
    try:
        ast.parse(text, mode="eval")
    except (SyntaxError, ValueError):
        return False
    return True


def names_of(spec: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What the modules hold, one after the other."""
    for module in spec["modules"]:
        yield from module["names"]


def name_of(signature: str) -> str:
    """The name in a signature; '' where it is none."""
    if hit := _CLASS.fullmatch(signature.strip()):
        return hit[1]
    try:
        body = ast.parse(f"def {signature.strip().removeprefix('def ').rstrip(':')}: pass").body
    except (SyntaxError, ValueError):
        return ""
    only = body[0] if len(body) == 1 else None
    return only.name if isinstance(only, ast.FunctionDef) and len(only.body) == 1 else ""


def arguments_of(signature: str) -> list[str] | None:
    """Names of a function's arguments; None for a class."""
    if _CLASS.fullmatch(signature.strip()):
        return None
    [found] = ast.parse(f"def {signature.strip().removeprefix('def ').rstrip(':')}: pass").body
    assert isinstance(found, ast.FunctionDef)
    args = found.args
    return [one.arg for one in (*args.posonlyargs, *args.args, *args.kwonlyargs)]


def stubs(spec: dict[str, Any]) -> dict[str, str]:
    """Each module with its names, and nothing behind them."""
    found = {}
    for module in spec["modules"]:
        lines = []
        for one in module["names"]:
            signature = str(one["signature"]).strip().removeprefix("def ").rstrip(":")
            if arguments_of(signature) is None:
                lines += [f"{signature}:", "    def __init__(self, *args, **more):", f"        {NOT_YET}", ""]
            else:
                lines += [f"def {signature}:", f"    {NOT_YET}", ""]
        found[str(module["file"])] = "from __future__ import annotations\n\n" + "\n".join(lines)
    return found
