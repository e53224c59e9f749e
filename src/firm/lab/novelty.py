"""Whether a candidate is new: by its normal form, then by what it means; by its hash the block knows.

One rule: each is exact in its own sense and never guesses; what counts as near enough is the caller's
word. Sentence embeddings come through a port, so that this knows no model.
"""

import ast
import math
import re
from collections.abc import Awaitable, Callable, Sequence

import numpy as np

from firm.lab.artifact import Floats, Kind, Program, Vector

DIGITS = 12
"""Significant digits of a number in a normal form."""
AT_ONCE = 1_024
"""Texts of one call to the embedder."""

Embed = Callable[[Sequence[str]], Awaitable[Sequence[Sequence[float]]]]
"""Vectors of texts, one each, in order: `async def embed(texts): return (await models.embed(texts)).vectors`."""


def normal_form(kind: Kind, packed: bytes) -> bytes:
    """What two candidates have in common that differ in form alone.

    Of a program its code without comments and docstrings, with local names in the order of their appearance; of a
    text or prompt its words in small letters; of a vector its numbers to `DIGITS` significant digits.
    """
    if isinstance(kind, Vector):
        return ",".join(
            f"{value + 0.0:.{DIGITS}g}" for value in np.frombuffer(packed, "<f8").tolist()
        ).encode()
    text = packed.decode("utf-8", "surrogatepass")
    if not isinstance(kind, Program):
        return _words(text.casefold())
    try:
        tree = ast.parse(text)
        return ast.unparse(_Canonical().visit(tree)).encode("utf-8", "surrogatepass")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return _words(text)


def _words(text: str) -> bytes:
    return re.sub(r"\s+", " ", text).strip().encode("utf-8", "surrogatepass")


class _Canonical(ast.NodeTransformer):
    """Takes docstrings out, and calls local names v0, v1, …"""

    def __init__(self) -> None:
        self.scopes: list[dict[str, str]] = []
        self.count = 0

    def visit_Module(self, node: ast.Module) -> ast.AST:
        node.body = _without_docstring(node.body)
        return self.generic_visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        node.name = self._called(node.name)
        node.body = _without_docstring(node.body)
        return self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._function(node)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        node.body = _without_docstring(node.body)
        node.name = self._called(node.name)
        node.decorator_list = [self.visit(one) for one in node.decorator_list]
        node.returns = node.returns and self.visit(node.returns)
        scope: dict[str, str] = {}
        for name in _bound(node):
            scope[name] = f"v{self.count}"
            self.count += 1
        self.scopes.append(scope)
        node.args = self.visit(node.args)
        node.body = [self.visit(one) for one in node.body]
        self.scopes.pop()
        return node

    def visit_Name(self, node: ast.Name) -> ast.AST:
        node.id = self._called(node.id)
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.arg = self._called(node.arg)
        node.annotation = node.annotation and self.visit(node.annotation)
        return node

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:
        node.name = node.name and self._called(node.name)
        return self.generic_visit(node)

    def visit_Nonlocal(self, node: ast.Nonlocal) -> ast.AST:
        node.names = [self._called(name) for name in node.names]
        return node

    def _called(self, name: str) -> str:
        return next((scope[name] for scope in reversed(self.scopes) if name in scope), name)


def _without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    first = body[0] if body else None
    if (
        isinstance(first, ast.Expr)
        and isinstance(first.value, ast.Constant)
        and isinstance(first.value.value, str)
    ):
        return body[1:] or [ast.Pass()]
    return body


def _bound(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    """Names that a function binds, in the order in which they stand in it; not those of functions inside it."""
    arguments = function.args
    every = [
        *arguments.posonlyargs,
        *arguments.args,
        *arguments.kwonlyargs,
        arguments.vararg,
        arguments.kwarg,
    ]
    names = [one.arg for one in every if one is not None]
    foreign: set[str] = set()
    waiting: list[ast.AST] = list(reversed(function.body))
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Global | ast.Nonlocal):
            foreign.update(node.names)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.append(node.name)
            continue
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.append(node.id)
        elif isinstance(node, ast.arg):  # of a lambda
            names.append(node.arg)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            names.append(node.name)
        waiting.extend(reversed(list(ast.iter_child_nodes(node))))
    return [name for name in dict.fromkeys(names) if name not in foreign]


async def nearest(texts: Sequence[str], text: str, embed: Embed) -> tuple[int, float]:
    """Which of the texts means most nearly the same, and how nearly: 1 is the same, 0 has nothing in common.

    Args:
        texts: At least one.
        text: What is compared with them.
        embed: Makes vectors of texts.

    Raises:
        ValueError: there are no texts.
    """
    if not texts:
        raise ValueError("nearest() of no texts; give at least one")
    best, place = -math.inf, 0
    (own,) = _unit(await embed([text]))
    for first in range(0, len(texts), AT_ONCE):
        found = _unit(await embed(texts[first : first + AT_ONCE])) @ own
        if float(found.max()) > best:
            best, place = float(found.max()), first + int(found.argmax())
    return place, best


def _unit(vectors: Sequence[Sequence[float]]) -> Floats:
    matrix: Floats = np.array([np.asarray(vector, float) for vector in vectors])
    lengths: Floats = np.linalg.norm(matrix, axis=1, keepdims=True)
    return matrix / np.maximum(lengths, 1e-300)
