"""Whether a program parses and has the functions that are wanted.

One rule: the program is only read here, never run; the messages are for the model that wrote it.
"""

import ast
import warnings

from firm.lab.author.block import Unclear
from firm.lab.wall.program import Trouble, check_source

OPERATORS = {"propose": 1, "improve": 2, "perturb": 3}
"""Functions of an operator program, with how many arguments each is given; `propose` has to be there."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


def check_program(source: str, entry: str) -> None:
    """Whether a program can be tried.

    Args:
        source: Python.
        entry: Name of the function that it has to define at its top; '': any.

    Raises:
        Unclear: it does not parse, or does not define it.
    """
    _parsed(source, entry)


def check_operators(source: str) -> None:
    """Whether a program defines `propose(rng)`, and rightly what else of the three it defines.

    Raises:
        Unclear: it does not parse, `propose` is missing, or a function takes another number of arguments.
    """
    found = {node.name: node for node in _parsed(source, "propose").body if isinstance(node, Function)}
    for name, count in OPERATORS.items():
        node = found.get(name)
        if isinstance(node, ast.AsyncFunctionDef):
            raise Unclear(f"{name!r} is `async def`; make it a plain function")
        if isinstance(node, ast.FunctionDef) and not _takes(node.args, count):
            given = ", ".join(("rng", "x", "reach")[:count])
            raise Unclear(f"{name!r} in line {node.lineno} cannot be called as {name}({given})")


def _parsed(source: str, entry: str) -> ast.Module:
    """By the wall's own rules, with the line quoted where it does not parse."""
    try:
        check_source(source, entry)
    except Trouble as trouble:
        raise Unclear(f"the program cannot be taken: {trouble}{_line(source)}") from None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a candidate's odd escapes are no concern of ours
        return ast.parse(source)


def _line(source: str) -> str:
    """The line that does not parse; '' where that is not the trouble."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(source)
    except SyntaxError as error:
        return f": {(error.text or '').strip()[:120]!r}"
    except (ValueError, RecursionError, MemoryError):
        return ""
    return ""


def _takes(arguments: ast.arguments, count: int) -> bool:
    places = [*arguments.posonlyargs, *arguments.args]
    needed = len(places) - len(arguments.defaults)
    keywords = [
        one
        for one, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        if default is None
    ]
    return needed <= count and (count <= len(places) or arguments.vararg is not None) and not keywords
