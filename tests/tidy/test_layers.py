"""The order of the packages: each imports only those to its left, and the kernel almost nothing.

Imports are read, not run. Those inside functions and under `TYPE_CHECKING` count for the order too, since they
are knowledge all the same; for cycles inside a package only what is imported when the module loads counts.
"""

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "firm"

# `errors` stands alone at the far left: everything raises, so everything may know what can be raised.
COLUMNS = (
    "errors | ids units | kernel | store ledger policy trace sandbox | model | reason memory evals | agent | lab | "
    "org | fleet | root | serve testing | cli"
)
LEVEL = {name: level for level, column in enumerate(COLUMNS.split("|")) for name in column.split()}

MAY_USE_THE_FRONT_DOOR = {"serve", "testing", "cli"}
"""Who may `import firm` itself, which re-exports everything to the left of them."""

KERNEL_STANDS_ON = {"errors", "ids", "units", "kernel"}
KERNEL_THIRD_PARTY = {"msgspec"}
NOT_FOR_THE_KERNEL = {"sqlite3", "http", "urllib", "smtplib", "ftplib", "xmlrpc"}

SQL = re.compile(
    r"""^\s*select\b.+\bfrom\b | \binsert\s+(or\s+\w+\s+)?into\b | \bupdate\s+\w+\s+set\b | \bdelete\s+from\b
      | \bcreate\s+(unique\s+|virtual\s+|temp\s+)?(table|index|trigger|view)\b | ^\s*pragma\s+\w+
      | ^\s*begin\s+(immediate|exclusive|transaction)\b""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Import:
    """One imported name: `target` is dotted and absolute."""

    target: str
    line: int
    at_load: bool
    """Whether it happens when the module itself is imported."""


def modules(source: Path) -> dict[str, Path]:
    """Every module under `source` by its dotted name, which starts with `firm`."""
    found = {}
    for path in sorted(source.rglob("*.py")):
        parts = ("firm", *path.relative_to(source).with_suffix("").parts)
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(module: str, path: Path) -> Iterator[Import]:
    """All imports of one file; `from a import b` gives `a.b`."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node, at_load in _walk(ast.parse(path.read_text("utf-8"), str(path)), at_load=True):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, node.lineno, at_load)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *([base] if base else [])])
            for alias in node.names:
                yield Import(f"{base}.{alias.name}", node.lineno, at_load)


def _walk(node: ast.AST, *, at_load: bool) -> Iterator[tuple[ast.AST, bool]]:
    yield node, at_load
    for child in ast.iter_child_nodes(node):
        lazy = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        typing_only = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
        yield from _walk(child, at_load=at_load and not lazy and not typing_only)


def package_of(module: str) -> str:
    """`kernel` for `firm.kernel.loop`; the empty string for `firm` itself."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


def layer_faults(source: Path) -> list[str]:
    """Imports that go to the right, to a sibling, or through the front door."""
    faults = []
    for module, path in modules(source).items():
        here = package_of(module)
        if here in ("", "__main__"):
            continue
        if here not in LEVEL:
            faults.append(f"{path}: package {here!r} stands in no column; add it to the design first")
            continue
        for found in imports(module, path):
            if found.target.split(".")[0] != "firm":
                continue
            there = package_of(found.target)
            if there in LEVEL and (there == here or LEVEL[there] < LEVEL[here]):
                continue
            if there not in LEVEL and here in MAY_USE_THE_FRONT_DOOR:
                continue
            faults.append(f"{path}:{found.line}: {here} must not import {found.target}")
    return faults


def kernel_faults(source: Path) -> list[str]:
    """Imports of the kernel beyond the standard library, msgspec and what lies to its left."""
    allowed = (sys.stdlib_module_names - NOT_FOR_THE_KERNEL) | KERNEL_THIRD_PARTY
    faults = []
    for module, path in modules(source).items():
        if package_of(module) != "kernel":
            continue
        for found in imports(module, path):
            top = found.target.split(".")[0]
            fine = package_of(found.target) in KERNEL_STANDS_ON if top == "firm" else top in allowed
            if not fine:
                faults.append(f"{path}:{found.line}: the kernel must not import {found.target}")
    return faults


def cycle_faults(source: Path) -> list[str]:
    """Cycles among modules of one package through imports that happen at load."""
    known = modules(source)
    graph: dict[str, set[str]] = {}
    for module, path in known.items():
        targets = (found.target for found in imports(module, path) if found.at_load)
        named = {_module_named(target, known) for target in targets}
        graph[module] = {
            target
            for target in named
            if target and target != module and package_of(target) == package_of(module)
        }
    faults = []
    done: set[str] = set()

    def visit(module: str, trail: tuple[str, ...]) -> None:
        if module in trail:
            faults.append("cycle: " + " -> ".join((*trail[trail.index(module) :], module)))
        elif module not in done:
            for target in sorted(graph[module]):
                visit(target, (*trail, module))
            done.add(module)

    for module in graph:
        visit(module, ())
    return faults


def _module_named(target: str, known: dict[str, Path]) -> str | None:
    """The module that `target` is, or is a name in."""
    if target in known:
        return target
    above = target.rpartition(".")[0]
    return above if above in known else None


def sql_faults(source: Path) -> list[str]:
    """Strings that look like SQL, and imports of sqlite3, outside `store`."""
    faults = [
        f"{path}: SQL lives in firm/store" for path in source.rglob("*.sql") if "store" not in path.parts
    ]
    for module, path in modules(source).items():
        if package_of(module) == "store":
            continue
        tree = ast.parse(path.read_text("utf-8"))
        prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            text = node.value if isinstance(node, ast.Constant) and id(node) not in prose else None
            if isinstance(text, str) and SQL.search(text):
                faults.append(f"{path}:{node.lineno}: SQL lives in firm/store, here is {text[:60]!r}")
        if package_of(module) == "testing":
            continue  # it makes the database's errors happen
        faults += [
            f"{path}:{found.line}: only firm/store imports {found.target}"
            for found in imports(module, path)
            if found.target.split(".")[0] in ("sqlite3", "asyncpg", "psycopg")
        ]
    return faults


def test_packages_import_only_to_their_left() -> None:
    assert layer_faults(SOURCE) == []


def test_kernel_stands_on_the_standard_library_and_msgspec() -> None:
    assert kernel_faults(SOURCE) == []


def test_no_package_imports_in_a_circle() -> None:
    assert cycle_faults(SOURCE) == []


def test_sql_lives_in_store() -> None:
    assert sql_faults(SOURCE) == []


def plant(tmp_path: Path, files: dict[str, str]) -> Path:
    """A small source tree with these files in it."""
    source = tmp_path / "firm"
    for name, text in files.items():
        path = source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return source


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("kernel/loop.py", "from firm.store import sqlite"),
        ("kernel/loop.py", "def later():\n    import firm.agent.loop"),
        (
            "kernel/loop.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from ..model import wire",
        ),
        ("store/sqlite.py", "from firm.ledger.account import Account"),
        ("agent/loop.py", "from firm import workflow"),
        ("errors.py", "import firm.units"),
        ("gadget/thing.py", "x = 1"),
    ],
)
def test_a_planted_import_to_the_right_is_found(tmp_path: Path, name: str, text: str) -> None:
    assert len(layer_faults(plant(tmp_path, {name: text}))) == 1


def test_imports_to_the_left_are_fine(tmp_path: Path) -> None:
    files = {
        "__init__.py": "def __getattr__(name):\n    from firm.root.home import Firm\n    return Firm",
        "__main__.py": "from firm.cli import main",
        "store/sqlite.py": "from firm.kernel.journal import Event\nfrom . import lease\nfrom ..errors import DiskFull",
        "store/lease.py": "import sqlite3",
        "cli/main.py": "from firm import Firm",
    }
    assert layer_faults(plant(tmp_path, files)) == []


@pytest.mark.parametrize(
    "text", ["import numpy", "import sqlite3", "from urllib import request", "import firm.store"]
)
def test_a_planted_import_of_the_kernel_is_found(tmp_path: Path, text: str) -> None:
    assert len(kernel_faults(plant(tmp_path, {"kernel/deep/loop.py": text}))) == 1


def test_a_planted_cycle_is_found_and_a_lazy_one_is_not(tmp_path: Path) -> None:
    here = {"kernel/a.py": "from firm.kernel import b", "kernel/b.py": "from firm.kernel.c import thing"}
    assert len(cycle_faults(plant(tmp_path / "bad", here | {"kernel/c.py": "from .a import x"}))) == 1
    assert (
        cycle_faults(plant(tmp_path / "good", here | {"kernel/c.py": "def f():\n    from .a import x"})) == []
    )


def test_planted_sql_is_found_and_prose_is_not(tmp_path: Path) -> None:
    bad = "def f(db, name):\n    return db.execute(f'SELECT x FROM {name}')\n"
    assert len(sql_faults(plant(tmp_path / "bad", {"kernel/a.py": bad}))) == 1
    prose = '"""Select what you like from it."""\nMESSAGE = "delete it, or select another one"\n'
    assert sql_faults(plant(tmp_path / "good", {"kernel/a.py": prose, "store/s.py": bad})) == []
