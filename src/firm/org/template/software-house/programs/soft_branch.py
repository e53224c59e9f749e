"""The branch: what was accepted as a repository of git, packed into one file.

One rule: what is delivered is taken out of the bundle and tested again, as whoever clones it would.
"""

import os
import tempfile
from pathlib import Path
from typing import Any

from soft_box import COMMAND, write
from soft_tests import TESTS, code_of, judged, texts_of

from firm.agent.repository.git import Where, git, line, paths
from firm.agent.repository.place import remove_tree
from firm.org.artifact import Artifact, Verdict
from firm.org.assignment import Assignment, Made
from firm.org.house import folder

MAIN, README = "main", "README.md"
IGNORED = "__pycache__/\n*.pyc\n"
TITLES = {
    "en": ("What there is", "It leaves out", "Run its tests", "Begin: what it is to be", "Code and tests"),
    "zh": ("内容", "不包括", "运行测试", "开始：说明文件", "代码与测试"),
}


def branch_of(spec: dict[str, Any]) -> str:
    """Name of the branch."""
    return f"firm/{spec['name']}"


def release(given: Assignment) -> Made:
    """The repository as files and as a bundle; the program that holds the role."""
    spec, place = given.input("spec").data, folder() / given.folder
    files = files_of(given)
    write(place, files)
    bundle = f"{spec['name']}.bundle"
    made = Path(tempfile.mkdtemp(prefix="firm-branch-"))
    try:
        commit = pack(made, files, spec, place / bundle, given.language)
    finally:
        remove_tree(made)
    told = f"git clone -b {branch_of(spec)} {bundle} {spec['name']}"
    return Made(text=f"{told}\n{commit}", files=(bundle, *files))


def files_of(given: Assignment) -> dict[str, str]:
    """All files of the branch: code, tests, and the page that says what it is."""
    spec = given.input("spec").data
    code, tests = code_of(given, given.input("code")), texts_of(given.input("tests").data)
    return {README: readme(spec, given.language), ".gitignore": IGNORED} | code | tests


def readme(spec: dict[str, Any], language: str) -> str:
    """The specification as a page."""
    there, leaves_out, tests, *_ = TITLES[language]
    parts = [f"# {spec['name']}", str(spec["says"]), f"## {there}"]
    for module in spec["modules"]:
        for one in module["names"]:
            examples = [
                f"{example['call']}  # {example['gives'] if 'gives' in example else 'raises ' + str(example['raises'])}"
                for example in one["examples"]
            ]
            shown = "\n".join(examples)
            parts.append(f"`{one['signature']}` ({module['file']}): {one['says']}\n\n```python\n{shown}\n```")
    if spec.get("leaves_out"):
        left = spec["leaves_out"]
        parts += [
            f"## {leaves_out}",
            "\n".join(f"- {one}" for one in left) if isinstance(left, list) else str(left),
        ]
    return "\n\n".join([*parts, f"## {tests}", f"```text\n{COMMAND}\n```"]) + "\n"


def pack(made: Path, files: dict[str, str], spec: dict[str, Any], bundle: Path, language: str) -> str:
    """Make the repository in an empty folder, and the bundle of it; the name of the branch's commit."""
    begun, done = TITLES[language][3:]
    git(Where(folder=made), "init", "-q", "-b", MAIN)
    where = Where(made / ".git", made)
    first = {path: text for path, text in files.items() if path in (README, ".gitignore")}
    parent = ""
    for branch, held, message in ((MAIN, first, begun), (branch_of(spec), files, done)):
        write(made, held)
        git(where, "add", "-A", "--", ".")
        tree = line(where, "write-tree")
        more = ("-p", parent) if parent else ()
        parent = line(where, "commit-tree", tree, *more, stdin=f"{message}\n\n{spec['says']}\n".encode())
        git(where, "update-ref", f"refs/heads/{branch}", parent)
    git(where, "bundle", "create", "-q", str(bundle), MAIN, branch_of(spec), "HEAD")
    return parent


async def is_tested(given: Assignment, made: Artifact) -> Verdict:
    """Whether the branch in the bundle is what was accepted, and its tests pass as it comes out."""
    home = folder()
    bundle = next(home / one.path for one in made.files if one.path.endswith(".bundle"))
    there = unpacked(bundle, branch_of(given.input("spec").data))
    wanted = files_of(given)
    reasons = [
        f"{path} is not on the branch as it was accepted"
        for path in wanted
        if there.get(path) != wanted[path]
    ]
    reasons += [f"{path} is on the branch and was never accepted" for path in there if path not in wanted]
    seen = f"{len(there)} files of the branch compared with what was accepted"
    if reasons:
        return Verdict(accept=False, by="is_tested", reasons=tuple(reasons), evidence=(seen,))
    tests = {path: text for path, text in there.items() if path.startswith(TESTS)}
    code = {path: text for path, text in there.items() if path not in tests}
    verdict = await judged(code, tests, "is_tested")
    return Verdict(
        accept=verdict.accept, by="is_tested", reasons=verdict.reasons, evidence=(seen, *verdict.evidence)
    )


def unpacked(bundle: Path, branch: str) -> dict[str, str]:
    """Path -> text of all files on a branch of a bundle."""
    made = Path(tempfile.mkdtemp(prefix="firm-branch-"))
    try:
        git(Where(folder=made), "init", "-q", "-b", "none")
        where = Where(made / ".git", made)
        listed = os.fsdecode(git(where, "bundle", "unbundle", str(bundle))).splitlines()
        commit = next(one.split()[0] for one in listed if one.endswith(f" refs/heads/{branch}"))
        names = paths(git(where, "ls-tree", "-r", "-z", "--name-only", commit))
        return {
            name: git(where, "cat-file", "blob", f"{commit}:{name}").decode("utf-8", "replace")
            for name in names
        }
    finally:
        remove_tree(made)
