"""A mission from its start to its report, with tests that are read instead of run."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from tests.examples.repository import git

from firm import Budget, Firm
from firm.agent.repository import scene, steps
from firm.agent.repository.command import Checks
from firm.agent.repository.mission import mend
from firm.agent.repository.order import Order, RepositoryReport, Tally
from firm.agent.repository.scene import scene_of
from firm.agent.repository.sources import sources_of
from firm.agent.repository.words import markdown, text_of
from firm.errors import NotIsolated, RunCancelled, UsageError
from firm.model import ScriptedModel, ToolCall
from firm.model.request import Request
from firm.model.wire.fault import Fault, Kind
from firm.sandbox import Level
from firm.sandbox.probe import Probe

RIGHT = {"one": "1", "two": "2", "three": "3"}
FILES = {
    "a.py": "one = 1\ntwo = 0\nthree = 0\n",
    "tests/test_a.py": "from a import one\n",
    "README.md": "words\n",
}


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "theirs"
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "first")
    monkeypatch.setattr(steps, "run_all", read_tests)
    monkeypatch.setattr(scene, "probe", lambda: Probe(Level.BUBBLEWRAP, ""))
    monkeypatch.delenv("FIRM_HOME", raising=False)
    return folder


async def read_tests(tests: Checks, folder: Path) -> tuple[Tally, str]:
    """One test for each line that should be right."""
    lines = (folder / "a.py").read_text().splitlines()
    passed = sum(f"{name} = {value}" in lines for name, value in RIGHT.items())
    failed = len(RIGHT) - passed
    words = f"{passed} passed, {failed} failed"
    return Tally(
        not failed, words, passed, len(RIGHT), 0, ("tests/test_a.py::test_it",) if failed else ()
    ), words


def edit(name: str, value: str) -> ToolCall:
    words = f'{{"path": "a.py", "old": "{name} = 0", "new": "{name} = {value}"}}'
    return ToolCall("1", "edit_file", words)


def write(path: str, text: str) -> ToolCall:
    return ToolCall("1", "write_file", f'{{"path": "{path}", "text": "{text}"}}')


def carry(
    repository: Path, answers: Any, *, more: Callable[[Firm], Awaitable[Any]] | None = None, **given: Any
) -> tuple[RepositoryReport, ScriptedModel]:
    """One mission to its end."""
    model = ScriptedModel(answers)
    budget = given.pop("budget", None)
    order = Order("make these tests pass", str(repository), **given)

    async def main() -> RepositoryReport:
        async with Firm.open(repository.parent / "home", models={"default": model}) as firm:
            run = await firm.start(mend, order, budget=budget)
            return await run.result()  # type: ignore[no-any-return]

    return asyncio.run(asyncio.wait_for(main(), 60)), model


def branches(repository: Path) -> list[str]:
    return git(repository, "branch", "--format=%(refname:short)").split()


def test_what_an_agent_mends_stands_on_a_branch_with_its_words(repository: Path) -> None:
    report, model = carry(repository, [edit("two", "2"), edit("three", "3"), "Two lines were wrong."])
    assert report.reached and report.how == "the tests pass after 1 round"
    assert (report.before.passed, report.after.passed) == (1, 3)
    assert [(one.path, one.added, one.removed) for one in report.files] == [("a.py", 2, 2)]
    message = git(repository, "log", "-1", "--format=%B", report.branch)
    assert message.startswith("make these tests pass\n\nTwo lines were wrong.") and report.run in message
    assert "two = 0" in model.requests[0].messages[1].text, "the file that matters is shown at once"
    assert "Begin with this one: tests/test_a.py::test_it" in model.requests[0].messages[1].text
    assert Path(report.file).read_text().startswith("# make these tests pass\n\n**Reached**")


def test_where_the_tests_pass_already_nothing_is_done(repository: Path) -> None:
    (repository / "a.py").write_text("one = 1\ntwo = 2\nthree = 3\n")
    git(repository, "commit", "-q", "-a", "-m", "right")
    report, model = carry(repository, [])
    assert report.reached and "already" in report.how and not report.branch
    assert model.requests == [] and branches(repository) == ["main"]


def test_after_a_no_the_agent_is_told_and_goes_on(repository: Path) -> None:
    report, model = carry(repository, [edit("two", "2"), "Done.", edit("three", "3"), "Now it is."])
    assert report.reached and [one.tests.passed for one in report.rounds] == [2, 3]
    told = model.requests[2].messages[1].text
    assert "2 passed, 1 failed" in told and "a.py +1 -1" in told and "Done." in told and "two = 2" in told


def test_what_was_not_reached_is_said_and_what_was_tried_is_kept(repository: Path) -> None:
    report, _ = carry(repository, [edit("two", "2"), "Done.", "I give up."], rounds=3)
    assert not report.reached and report.how.startswith("the tests say no: 2 passed, 1 failed after 2 rounds")
    assert (
        report.after.passed == 2
        and git(repository, "diff", "--name-only", f"main...{report.branch}") == "a.py"
    )
    assert "what was tried is on branch" in text_of(report) and "I give up." in markdown(report)


def test_the_best_round_is_what_the_branch_holds(repository: Path) -> None:
    answers = [edit("two", "2"), "Done.", write("a.py", "worse\\n"), "Better, I think.", "No idea."]
    report, _ = carry(repository, answers, rounds=3)
    assert report.after.passed == 2 and [one.tests.passed for one in report.rounds] == [2, 0, 0]
    assert "two = 2" in git(repository, "show", f"{report.branch}:a.py")


def test_what_judges_is_put_back_and_the_agent_is_told(repository: Path) -> None:
    answers = [write("tests/test_a.py", "pass"), "Done.", edit("two", "2"), edit("three", "3"), "Done."]
    report, model = carry(repository, answers)
    assert report.reached and [one.path for one in report.files] == ["a.py"]
    assert [one.path for one in report.rounds[0].put_back] == ["tests/test_a.py"]
    assert "tests/test_a.py: belongs to the tests" in model.requests[2].messages[1].text
    assert "put back: tests/test_a.py" in text_of(report)


def test_a_hard_budget_ends_it_with_what_was_reached(repository: Path) -> None:
    answers = [edit("two", "2"), edit("three", "0"), edit("three", "1"), edit("three", "3"), "Done."]
    report, model = carry(repository, answers, budget=Budget(calls=2))
    assert not report.reached and len(model.requests) == 2
    assert report.rounds[0].ended.startswith("calls: ") and len(report.rounds) == 1
    assert report.after.passed == 2 and report.spent.calls == 2


def test_a_model_that_fails_ends_in_a_report(repository: Path) -> None:
    def answer(request: Request) -> Any:
        return edit("two", "2") if request.messages[-1].role == "user" else Fault(Kind.REQUEST, "no")

    report, _ = carry(repository, answer, rounds=1)
    assert not report.reached and report.rounds[0].ended and report.after.passed == 2


def test_two_runs_have_two_branches_and_leave_nothing_behind(repository: Path) -> None:
    answers = [edit("two", "2"), edit("three", "3"), "Done."]
    first, _ = carry(repository, answers)
    second, _ = carry(repository, answers)
    assert branches(repository) == sorted([first.branch, second.branch, "main"])
    assert not list((repository.parent / "home" / "work").iterdir())
    assert len(git(repository, "worktree", "list").splitlines()) == 1
    assert git(repository, "status", "--porcelain") == ""


def test_a_home_in_the_checkout_keeps_the_work_out_of_it(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    seen: list[str] = []

    async def look_on(tests: Checks, folder: Path) -> tuple[Tally, str]:
        seen.append(str(folder))
        return await read_tests(tests, folder)

    monkeypatch.setattr(steps, "run_all", look_on)
    order = Order("make these tests pass", str(repository))

    async def main() -> RepositoryReport:
        model = ScriptedModel([edit("two", "2"), edit("three", "3"), "Done."])
        async with Firm.open(repository, models={"default": model}) as firm:
            return await (await firm.start(mend, order)).result()  # type: ignore[no-any-return]

    report = asyncio.run(main())
    assert report.reached and report.file.startswith(f"{repository}/.firm/reports/")
    assert seen and all(place.startswith(str(tmp_path / "cache")) for place in seen)
    assert git(repository, "status", "--porcelain") == "?? .firm/"


def test_a_mission_that_is_cancelled_leaves_no_worktree_and_no_branch(repository: Path) -> None:
    asked = asyncio.Event()

    async def wait(request: Request) -> Any:
        asked.set()
        await asyncio.Event().wait()

    async def main() -> None:
        async with Firm.open(repository.parent / "home", models={"default": ScriptedModel(wait)}) as firm:
            run = await firm.start(mend, Order("make these tests pass", str(repository)))
            await asked.wait()
            await run.cancel()
            with pytest.raises(RunCancelled):
                await run.result()

    asyncio.run(asyncio.wait_for(main(), 60))
    assert branches(repository) == ["main"]
    assert len(git(repository, "worktree", "list").splitlines()) == 1
    assert not list((repository.parent / "home" / "work").iterdir())


def test_tests_that_cannot_be_run_are_no_work_for_an_agent(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def no_program(tests: Checks, folder: Path) -> tuple[Tally, str]:
        return Tally(False, "exit code 1"), "/venv/bin/python: No module named pytest"

    monkeypatch.setattr(steps, "run_all", no_program)
    with pytest.raises(UsageError, match="--readable"):
        carry(repository, [])
    assert branches(repository) == ["main"]


def test_work_that_cannot_be_handed_over_is_kept(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise UsageError("no room")

    monkeypatch.setattr(steps, "hand_over", refuse)
    with pytest.raises(UsageError, match="no room; what the agent did stays in"):
        carry(repository, [edit("two", "2"), edit("three", "3"), "Done."])
    (kept,) = (repository.parent / "home" / "work").glob("*/tree/a.py")
    assert kept.read_text() == "one = 1\ntwo = 2\nthree = 3\n"


def test_names_of_files_may_be_anything_that_git_takes(repository: Path) -> None:
    for name in (b"\xff.txt", "größe & co.py".encode(), b"new\nline"):
        (repository / os.fsdecode(name)).write_bytes(b"text\n")
    git(repository, "add", "-A")
    git(repository, "commit", "-q", "-m", "names")
    (repository / os.fsdecode(b"\xfe.txt")).write_bytes(b"not committed\n")
    report, _ = carry(
        repository, [edit("two", "2"), write("naïve file.py", "x = 1\\n"), edit("three", "3"), "Done."]
    )
    assert report.reached and [one.path for one in report.files] == ["a.py", "naïve file.py"]
    assert "\\udcfe.txt" in report.notes[0]


# --- before it begins -------------------------------------------------------------------------------------------


def test_less_isolation_than_is_asked_for_is_refused_with_what_to_do(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scene, "probe", lambda: Probe(Level.LIMITS, "bubblewrap is missing: install it"))
    with pytest.raises(NotIsolated, match=r"bubblewrap is missing: install it.*--isolation limits"):
        scene_of(Order("mend", str(repository)))
    assert scene_of(Order("mend", str(repository), isolation="limits")).tests.at_least == Level.LIMITS


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"mission": "  "}, "mission is empty"),
        ({"rounds": 0}, "rounds=0"),
        ({"isolation": "none"}, "isolation 'none'"),
        ({"repository": "/nowhere"}, "is no folder"),
        ({"readable": ("/nowhere",)}, "/nowhere"),
    ],
)
def test_an_order_that_cannot_be_is_refused(repository: Path, given: dict[str, Any], said: str) -> None:
    order = Order(**{"mission": "mend", "repository": str(repository), **given})
    with pytest.raises(UsageError, match=said):
        scene_of(order)


# --- what is shown ----------------------------------------------------------------------------------------------


def test_sources_are_the_modules_that_failing_tests_import_and_the_tests(tmp_path: Path) -> None:
    files = {
        "src/shop/cart.py": "total = 1\n",
        "src/shop/__init__.py": "",
        "tests/test_cart.py": "from shop.cart import total\nimport json\n",
        "tests/test_other.py": "import shop\n",
        "big.py": "x" * 100_000,
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    shown = sources_of(tmp_path, list(files), ["tests/test_cart.py::test_a"], "big.py:3: AssertionError\n")
    assert shown.text.startswith("--- src/shop/cart.py\ntotal = 1\n\n--- tests/test_cart.py\n")
    assert "test_other" not in shown.text and "xxx" not in shown.text
    assert shown.first == ("src/shop/cart.py",)


def test_a_source_that_became_a_link_out_of_the_worktree_is_not_shown(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "a.py").symlink_to(tmp_path / "secret")
    assert sources_of(tmp_path / "tree", ["a.py"], ["a.py::test"], "").text == ""


def test_a_report_shows_what_an_agent_wrote_and_obeys_none_of_it(repository: Path) -> None:
    words = "# Done\n```\n<script>alert(1)</script> \x1b[31m| a | b |"
    report, _ = carry(repository, [edit("two", "2"), words], rounds=1)
    page = markdown(report)
    assert "\n# Done" not in page and "\x1b" not in page and "\n    # Done\n    ```\n" in page
