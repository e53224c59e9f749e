"""An existing repository: found, mended on a branch, tested again, shown.

One rule: the founder's checkout is only read; what an agent says of its work counts for nothing, the tests do.
"""

import re
import tempfile
from pathlib import Path
from typing import Any

import msgspec

from firm.agent.repository.git import Where, git, make_store
from firm.agent.repository.mission import mend
from firm.agent.repository.order import Order, RepositoryReport
from firm.agent.repository.place import remove_tree, write_files
from firm.agent.repository.scene import Scene, scene_of
from firm.agent.repository.tests import run_all
from firm.agent.repository.verdict import refusal
from firm.errors import UsageError
from firm.kernel.definition import workflow
from firm.org.artifact import Artifact, Verdict
from firm.org.assignment import Assignment, Made
from firm.org.house import folder

ROUNDS = 4
"""How often the agent begins anew after a no of the tests."""
SHOWN_CHARS = 20_000
"""Of a change."""
_QUOTED = re.compile(r"[“\"'`「]([^“”\"'`「」\n]+)[”\"'`」]")
_PATH = re.compile(r"(?<![\w/])(?:~|\.{1,2})?/[\w./~+@-]+", re.ASCII)


def survey(given: Assignment) -> Made:
    """The repository that the mission names; the program that holds the role."""
    scene = scene_of(order_of(given, find_repository(given.mission, folder())))
    found = scene.found
    data = {
        "repository": found.top,
        "branch": found.branch,
        "head": found.head,
        "command": scene.tests.command,
    }
    return Made(data=data | {"files": len(scene.files), "notes": list(found.notes)})


def find_repository(mission: str, home: Path) -> str:
    """Absolute path of the folder that a mission names.

    Raises:
        UsageError: it names none that is there, or more than one.
    """
    named = [*_QUOTED.findall(mission), *(hit.rstrip(".") for hit in _PATH.findall(mission))]
    found = {str(path.resolve()) for one in named if (path := home / Path(one).expanduser()).is_dir()}
    if len(found) != 1:
        what = f"it names {', '.join(sorted(found))}" if found else "it names no folder that is there"
        raise UsageError(f"which repository is it? {what}; name one by its path, such as ~/project")
    return found.pop()


def order_of(given: Assignment, repository: str) -> Order:
    """What is asked of the mender."""
    return Order(mission=given.mission, repository=repository, rounds=ROUNDS)


@workflow
async def mend_repository(given: Assignment) -> Made:
    """The report of the repository's own mission, which is carried out as a run below this one."""
    if given.model not in ("", "default"):
        raise UsageError(
            f"a repository is mended by the model 'default' of firm.toml, not by {given.model!r}; leave --model out"
        )
    report = await mend(order_of(given, given.input("repository").data["repository"]))
    return Made(
        text=report.how, data=msgspec.to_builtins(report), how="model", model="default", untrusted=True
    )


async def branch_passes(given: Assignment, made: Artifact) -> Verdict:
    """Whether the tests pass on the branch's commit, laid out anew where no agent has been."""
    report = msgspec.convert(made.data, RepositoryReport)
    seen = (f"before: {report.before.words}", f"by {report.command!r} in {report.isolation}")
    if not report.reached:
        reasons = (report.how, *([report.printed[-1_000:]] if report.printed else []))
        return Verdict(accept=False, by="branch_passes", reasons=reasons, evidence=seen)
    scene = scene_of(order_of(given, report.repository))
    tally, text = await tested(scene, report.commit or report.base)
    why = refusal(report.before, tally, ())
    reasons = (f"{why}\n{text}",) if why else ()
    where = f"commit {(report.commit or report.base)[:10]} laid out again: {tally.words}"
    return Verdict(accept=not reasons, by="branch_passes", reasons=reasons, evidence=(*seen, where))


async def tested(scene: Scene, commit: str) -> tuple[Any, str]:
    """What the tests say of a commit."""
    made = Path(tempfile.mkdtemp(prefix="firm-commit-"))
    try:
        store = make_store(made / "git", Path(scene.found.common), scene.found.sha256)
        write_files(store, commit, made / "tree", "index")
        return await run_all(scene.tests, made / "tree")
    finally:
        remove_tree(made)


def show_change(given: Assignment) -> Made:
    """What the branch changes, line by line; the program that holds the role."""
    report = msgspec.convert(given.input("mended").data, RepositoryReport)
    if not report.commit:
        return Made(text=report.how)
    where = Where(Path(git_directory(report.repository)))
    change = git(where, "diff-tree", "-r", "-p", "--no-ext-diff", "--no-textconv", report.base, report.commit)
    text = change.decode("utf-8", "replace")
    if len(text) > SHOWN_CHARS:
        text = f"{text[:SHOWN_CHARS]}\n[… {len(text) - SHOWN_CHARS:,} characters are left out here …]"
    return Made(text=f"branch {report.branch}, commit {report.commit}\n\n{text}", untrusted=True)


def git_directory(repository: str) -> str:
    """The git directory of a repository."""
    from firm.agent.repository.look import look

    return look(repository).common
