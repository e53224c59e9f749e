"""The tests: whether they test anything, and what they say of the code.

One rule: a test that passes without the code tests nothing, and whoever writes the code does not touch them.
"""

import ast
from typing import Any

from soft_box import is_path, passing, run_tests, write
from soft_spec import name_of, names_of, stubs

from firm.org.artifact import Artifact, Verdict
from firm.org.assignment import Assignment, Made
from firm.org.house import folder

TESTS = "tests/"


def texts_of(tests: dict[str, Any]) -> dict[str, str]:
    """Path -> text."""
    return {str(one["path"]): str(one["text"]) for one in tests["files"]}


async def are_tests(given: Assignment, made: Artifact) -> Verdict:
    """Whether they are tests of this specification, each of which fails as long as there is no code."""
    spec, files = given.input("spec").data, texts_of(made.data)
    count = sum(count_of(text) for text in files.values())
    reasons = faults_of(files, [name_of(one["signature"]) for one in names_of(spec)])
    seen = f"{count} tests in {len(files)} files read"
    if reasons:
        return Verdict(accept=False, by="are_tests", reasons=tuple(reasons), evidence=(seen,))
    tally, text, passed = await passing(stubs(spec) | files)
    if tally.total < count:
        reasons.append(f"{count} tests were written and {tally.total} could be run:\n{text}")
    elif passed or tally.left_out:
        reasons.append(
            f"without any code {passed} tests pass and {tally.left_out} are left out: they test nothing"
        )
    ran = f"run without the code in {tally.isolation}: {tally.words}"
    return Verdict(accept=not reasons, by="are_tests", reasons=tuple(reasons), evidence=(seen, ran))


def faults_of(files: dict[str, str], names: list[str]) -> list[str]:
    """What is wrong with test files before they are run."""
    reasons = []
    for path, text in files.items():
        name = path.removeprefix(TESTS)
        if not (
            path.startswith(TESTS) and is_path(path) and name.startswith("test_") and name.endswith(".py")
        ):
            reasons.append(f"{path!r}: give tests/test_….py")
        try:
            tree = ast.parse(text)
        except SyntaxError as error:
            reasons.append(f"{path}, line {error.lineno}: {error.msg}")
            continue
        if not count_of(text):
            reasons.append(f"{path} has no method test_… of a unittest.TestCase")
        reasons += [
            f"{path} uses {used}, which is not installed" for used in _imported(tree) if used == "pytest"
        ]
    said = "\n".join(files.values())
    return reasons + [f"{name} is not tested" for name in names if name not in said]


def _imported(tree: ast.AST) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {one.name.partition(".")[0] for one in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


def count_of(text: str) -> int:
    """How many tests a file has; 0 where it cannot be read."""
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return 0
    return sum(
        isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef) and one.name.startswith("test")
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        for one in node.body
    )


def lay_out(given: Assignment) -> Made:
    """Write the tests into files; the program that holds the role."""
    files = texts_of(given.input("tests").data)
    write(folder() / given.folder, files)
    return Made(files=tuple(files), text=f"{len(files)} files")


def are_laid_out(given: Assignment, made: Artifact) -> Verdict:
    """Whether the files say what was accepted."""
    home, wanted = folder(), texts_of(given.input("tests").data)
    there = {one.path.removeprefix(f"{given.folder}/"): one.path for one in made.files}
    reasons = [
        f"{path} is not as it was accepted"
        for path, text in wanted.items()
        if path not in there or (home / there[path]).read_text("utf-8") != text
    ]
    seen = f"{len(wanted)} files compared with what was accepted"
    return Verdict(accept=not reasons, by="are_laid_out", reasons=tuple(reasons), evidence=(seen,))


def code_of(given: Assignment, made: Artifact) -> dict[str, str]:
    """Path below the task's folder -> text, of the code that was handed in."""
    home = folder()
    before = f"{made.files[0].path.partition(f'/{made.task}/')[0]}/{made.task}/" if made.files else ""
    return {
        one.path.removeprefix(before): (home / one.path).read_text("utf-8", "replace") for one in made.files
    }


async def pass_on_the_code(given: Assignment, made: Artifact) -> Verdict:
    """Whether all tests, as they were accepted, pass on the code that was handed in."""
    return await judged(code_of(given, made), texts_of(given.input("tests").data), "pass_on_the_code")


async def judged(code: dict[str, str], tests: dict[str, str], by: str) -> Verdict:
    """What the tests say of the code."""
    count = sum(count_of(text) for text in tests.values())
    tally, text = await run_tests(code | tests)
    reasons = []
    if not tally.ok:
        reasons.append(f"{tally.words}\n{text}")
    elif tally.total < count or tally.left_out:
        reasons.append(f"of {count} tests {tally.total} were run and {tally.left_out} of them left out")
    seen = f"{tally.words} of {count} tests in {tally.took_s:.1f} s, in {tally.isolation}"
    return Verdict(accept=not reasons, by=by, reasons=tuple(reasons), evidence=(seen,))
