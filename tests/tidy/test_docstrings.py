"""Every public module, class and function of `firm` says what it is."""

import ast
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src" / "firm"

Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def undocumented(path: Path) -> list[str]:
    """Public names of one file that have no docstring."""
    tree = ast.parse(path.read_text("utf-8"), str(path))
    missing = [] if ast.get_docstring(tree) or not tree.body else [f"{path}: the module"]
    return missing + [
        f"{path}:{node.lineno}: {name}" for name, node in public(tree.body) if not ast.get_docstring(node)
    ]


def public(body: list[ast.stmt], inside: str = "") -> Iterator[tuple[str, ast.ClassDef | ast.FunctionDef]]:
    """Public functions and classes, and the public methods of those classes; not what is nested in functions.

    Overloads, setters and what `@override` marks have their words elsewhere.
    """
    for node in body:
        if isinstance(node, (ast.If, ast.Try)):
            yield from public(node.body, inside)
        if not isinstance(
            node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
        ) or node.name.startswith("_"):
            continue
        decorators = {ast.unparse(decorator).rpartition(".")[2] for decorator in node.decorator_list}
        if decorators & {"overload", "setter", "override"}:
            continue
        yield inside + node.name, node  # type: ignore[misc]
        if isinstance(node, ast.ClassDef):
            yield from public(node.body, f"{inside}{node.name}.")


def test_public_names_have_docstrings() -> None:
    missing = [fault for path in sorted(SOURCE.rglob("*.py")) for fault in undocumented(path)]
    assert missing == []


def test_a_planted_name_without_a_docstring_is_found(tmp_path: Path) -> None:
    path = tmp_path / "thing.py"
    path.write_text(
        '"""A module."""\n\ndef said() -> None:\n    """Said."""\n\n'
        'class Thing:\n    """A thing."""\n\n    async def unsaid(self) -> None: ...\n'
        "    def _own(self) -> None: ...\n",
        "utf-8",
    )
    assert undocumented(path) == [f"{path}:9: Thing.unsaid"]
