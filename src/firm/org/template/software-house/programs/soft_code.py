"""The code: whether it is what the specification says, before it is run.

One rule: nothing lies beside it that could stand in for the tests or for Python itself.
"""

import ast

from soft_spec import arguments_of, name_of
from soft_tests import code_of

from firm.org.artifact import Artifact, Verdict
from firm.org.assignment import Assignment


def fits_the_spec(given: Assignment, made: Artifact) -> Verdict:
    """Whether there are exactly the modules of the specification, each with its names."""
    spec = given.input("spec").data
    wanted = {str(one["file"]): [str(name["signature"]) for name in one["names"]] for one in spec["modules"]}
    reasons = faults_of(code_of(given, made), wanted)
    seen = f"{len(made.files)} files compared with {len(wanted)} modules of the specification"
    return Verdict(accept=not reasons, by="fits_the_spec", reasons=tuple(reasons), evidence=(seen,))


def faults_of(code: dict[str, str], wanted: dict[str, list[str]]) -> list[str]:
    """What is missing, and what should not be there.

    Args:
        code: Path -> text.
        wanted: Path -> signatures.
    """
    reasons = [f"{path} is not in your folder" for path in wanted if path not in code]
    reasons += [
        f"{path} is no module of the specification; take it out"
        for path in code
        if path not in wanted and not _may_lie(path, wanted)
    ]
    for path in [path for path in wanted if path in code]:
        try:
            tree = ast.parse(code[path])
        except SyntaxError as error:
            reasons.append(f"{path}, line {error.lineno}: {error.msg}")
            continue
        reasons += [f"{path}: {fault}" for signature in wanted[path] if (fault := _fault_of(signature, tree))]
    return reasons


def _may_lie(path: str, wanted: dict[str, list[str]]) -> bool:
    """Whether it is the `__init__.py` of a package that a module of the specification lies in."""
    package, _, name = path.rpartition("/")
    return name == "__init__.py" and any(module.startswith(f"{package}/") for module in wanted if package)


def _fault_of(signature: str, tree: ast.Module) -> str:
    name, arguments = name_of(signature), arguments_of(signature)
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == name and arguments is None:
            return ""
        if (
            isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            and node.name == name
            and arguments is not None
        ):
            args = node.args
            found = [one.arg for one in (*args.posonlyargs, *args.args, *args.kwonlyargs)]
            return "" if found == arguments else f"{name} takes {found}; the specification says {arguments}"
    return f"{'class' if arguments is None else 'function'} {name} is missing"
