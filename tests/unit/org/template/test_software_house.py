"""The software house: tests that test something, code that cannot touch them, and a branch that was tested as it is."""

import asyncio
import json
import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest
from tests.examples.repository import git
from tests.unit.org.template.rehearsing import (
    TEMPLATES,
    Rehearsal,
    ends,
    given,
    plan_faults,
    program,
    refusals,
)

from firm import Firm
from firm.errors import UsageError
from firm.model import ScriptedModel, ToolCall
from firm.model.request import Request
from firm.org.artifact import Artifact
from firm.org.carry import carry_out
from firm.org.check import check_known
from firm.org.mission import Mission, Outcome
from firm.org.plan import faults
from firm.org.roster import read_staff, read_workflow
from firm.sandbox import Level, probe

HERE = TEMPLATES / "software-house"
spec = program("software-house", "soft_spec")
tests = program("software-house", "soft_tests")
code = program("software-house", "soft_code")
branch = program("software-house", "soft_branch")
repository = program("software-house", "soft_repository")

DOUBLE = {
    "signature": "double(number: int, *, times: int = 1) -> int",
    "says": "Twice a number.",
    "examples": [{"call": "double(2)", "gives": "4"}, {"call": "double('a')", "raises": "TypeError"}],
}
SPEC: dict[str, Any] = {
    "name": "doubles",
    "says": "Doubles numbers.",
    "modules": [{"file": "doubles.py", "names": [DOUBLE, {**DOUBLE, "signature": "class Doubler"}]}],
}
CODE = "def double(number, *, times=1):\n    return number * 2**times\n\n\nclass Doubler:\n    pass\n"
TESTS = """import unittest

from doubles import Doubler, double


class TestDouble(unittest.TestCase):
    def test_it_doubles(self):
        for number in (1, 2, 3):
            with self.subTest(number=number):
                self.assertEqual(double(number), 2 * number)

    def test_a_doubler_is_made(self):
        Doubler()
"""
NOTHING = "\n    def test_nothing(self):\n        self.assertTrue(Doubler)\n"


@pytest.fixture
def boxed() -> None:
    """Only where code can be isolated."""
    found = probe()
    if found.level < Level.BUBBLEWRAP:
        pytest.skip(f"bubblewrap is not here: {found.why}")


def test_the_plans_have_no_faults() -> None:
    assert plan_faults("software-house", usd=3.0) == []
    plan = read_workflow(HERE, "repository")
    for task in plan.tasks:
        for check in task.done.checks:
            check_known(check, task=task, folder=HERE)
    assert faults(plan, read_staff(HERE).held, usd=3.0) == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"signature": "double(number"}, "the signature 'double(number' cannot be read"),
        ({"signature": "double(): import os\ndef f()"}, "cannot be read"),
        ({"says": " "}, "it is not said what it does"),
        ({"examples": []}, "it has no example"),
        ({"examples": [{"call": "double(2)"}]}, "has neither gives nor raises"),
        ({"examples": [{"call": "double(", "gives": "1"}]}, "is no expression of Python"),
    ],
)
def test_a_specification_that_leaves_something_to_guess_is_refused(
    change: dict[str, Any], reason: str
) -> None:
    wrong = SPEC | {"modules": [{"file": "doubles.py", "names": [DOUBLE | change]}]}
    assert spec.faults_of(SPEC) == []
    assert any(reason in one for one in spec.faults_of(wrong))


@pytest.mark.parametrize(
    "file", ["../doubles.py", "/doubles.py", "unittest.py", "tests/doubles.py", "doubles.txt"]
)
def test_a_module_that_would_stand_elsewhere_or_in_the_way_is_refused(file: str) -> None:
    [reason] = spec.faults_of(SPEC | {"modules": [{"file": file, "names": [DOUBLE]}]})
    assert reason.startswith(f"module {file!r}: ")


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"test_doubles.py": TESTS}, "give tests/test_….py"),
        ({"tests/../test_doubles.py": TESTS}, "give tests/test_….py"),
        ({"tests/test_doubles.py": "def test("}, "tests/test_doubles.py, line 1"),
        ({"tests/test_doubles.py": "from doubles import double"}, "has no method test_…"),
        ({"tests/test_doubles.py": f"import pytest\n{TESTS}"}, "uses pytest, which is not installed"),
        ({"tests/test_doubles.py": TESTS.replace("double(", "twice(").replace("double\n", "twice\n")}, ""),
    ],
)
def test_files_that_are_no_tests_are_refused_before_they_are_run(files: dict[str, str], reason: str) -> None:
    assert tests.faults_of({"tests/test_doubles.py": TESTS}, ["double", "Doubler"]) == []
    assert any(reason in one for one in tests.faults_of(files, ["triple"]))


def test_tests_that_pass_without_the_code_are_refused(boxed: None) -> None:
    work = given("test", spec=SPEC)
    for text, good in ((TESTS, True), (TESTS + NOTHING, False)):
        made = Artifact(name="tests", data={"files": [{"path": "tests/test_doubles.py", "text": text}]})
        verdict = asyncio.run(tests.are_tests(work, made))
        assert verdict.accept is good, verdict
    assert "without any code 1 tests pass" in verdict.reasons[0]


def test_code_is_judged_by_how_many_tests_were_run_and_passed(boxed: None) -> None:
    files = {"tests/test_doubles.py": TESTS}
    good, wrong, gone = (
        asyncio.run(tests.judged({"doubles.py": text}, files, "judged"))
        for text in (CODE, CODE.replace("2**times", "3"), "import os\n\nos._exit(0)\n")
    )
    assert good.accept and "2 passed of 2 tests" in good.evidence[0]
    assert not wrong.accept and "AssertionError: 3 != 2" in wrong.reasons[0]
    assert gone.reasons == ("of 2 tests 0 were run and 0 of them left out",)


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({}, "doubles.py is not in your folder"),
        (
            {"doubles.py": CODE, "tests/test_doubles.py": ""},
            "tests/test_doubles.py is no module of the specification",
        ),
        ({"doubles.py": CODE, "unittest.py": ""}, "unittest.py is no module"),
        ({"doubles.py": CODE.replace("number, *", "value, *")}, "double takes ['value', 'times']"),
        ({"doubles.py": CODE.replace("class Doubler", "def Doubler()")}, "class Doubler is missing"),
        ({"doubles.py": "def double(:"}, "doubles.py, line 1"),
    ],
)
def test_code_that_is_not_what_was_specified_is_refused_before_it_is_run(
    files: dict[str, str], reason: str
) -> None:
    wanted = {"doubles.py": [DOUBLE["signature"], "class Doubler"]}
    assert code.faults_of({"doubles.py": CODE}, wanted) == []
    assert any(reason in one for one in code.faults_of(files, wanted))


def test_what_is_packed_comes_out_of_the_bundle_as_it_was(tmp_path: Path) -> None:
    files = {"README.md": branch.readme(SPEC, "zh"), ".gitignore": branch.IGNORED, "a/doubles.py": CODE}
    folder = tmp_path / "made"
    folder.mkdir()
    commit = branch.pack(folder, files, SPEC, tmp_path / "doubles.bundle", "zh")
    assert branch.unpacked(tmp_path / "doubles.bundle", "firm/doubles") == files
    assert sorted(branch.unpacked(tmp_path / "doubles.bundle", "main")) == [".gitignore", "README.md"]
    git(tmp_path, "clone", "-q", "-b", "firm/doubles", "doubles.bundle", "theirs")
    assert git(tmp_path / "theirs", "rev-parse", "HEAD").strip() == commit
    assert "double('a')  # raises TypeError" in (tmp_path / "theirs" / "README.md").read_text("utf-8")


def test_the_repository_is_the_folder_that_the_mission_names(tmp_path: Path) -> None:
    for name in ("one", "with space"):
        (tmp_path / name).mkdir()
    find = repository.find_repository
    assert find(f"mend {tmp_path}/one.", tmp_path) == f"{tmp_path}/one"
    assert find(f"请修复{tmp_path}/one的测试", tmp_path) == f"{tmp_path}/one"
    assert find("mend “with space” now", tmp_path) == f"{tmp_path}/with space"
    with pytest.raises(UsageError, match="names no folder that is there; name one by its path"):
        find("mend /no/such/folder", tmp_path)
    with pytest.raises(UsageError, match="which repository is it"):
        find(f"mend {tmp_path}/one or 'with space'", tmp_path)


@pytest.mark.parametrize("key", ["mission", "mission_zh"])
def test_its_small_mission_is_reached_in_rehearsal(tmp_path: Path, key: str, boxed: None) -> None:
    mission = tomllib.loads((HERE / "template.toml").read_text("utf-8"))[key]
    firm = Rehearsal("software-house", tmp_path / "firm")
    outcome = firm.carry(mission)
    assert (outcome.ending, outcome.why) == ("reached", "")
    tasks = ends(outcome)
    assert refusals(tasks["test"]) == ["architect"]
    assert refusals(tasks["code"]) == ["programs/soft_tests.py:pass_on_the_code"]
    [made] = outcome.artifacts
    assert made.name == "branch" and len(made.files) == 5
    bundle = next(firm.folder.joinpath(outcome.folder).rglob("*.bundle"))
    assert "86_400" in branch.unpacked(bundle, "firm/durations")["durations.py"]
    assert outcome.language == ("zh" if key == "mission_zh" else "en")


def played(request: Request) -> str | dict[str, Any] | ToolCall:
    """The mender's agent, and the reviewer."""
    asked = request.messages[1].text
    if asked.startswith("Review of"):
        good = "+    return number * 2" in asked
        return {"accept": good, "reasons": ["it does not double"], "evidence": ["read the change"]}
    if any(message.role == "tool" for message in request.messages):
        return "It tripled; it doubles now."
    old, new = "    return number * 3", "    return number * 2"
    return ToolCall("1", "edit_file", json.dumps({"path": "doubles.py", "old": old, "new": new}))


def test_a_repository_is_mended_on_a_branch_that_is_tested_again_and_reviewed(
    tmp_path: Path, boxed: None
) -> None:
    theirs, home = tmp_path / "theirs", tmp_path / "firm"
    (theirs / "tests").mkdir(parents=True)
    (theirs / "doubles.py").write_text("def double(number):\n    return number * 3\n", "utf-8")
    said = "import unittest\n\nfrom doubles import double\n\n\nclass TestDouble(unittest.TestCase):\n"
    said += "    def test_it_doubles(self):\n        self.assertEqual(double(2), 4)\n"
    (theirs / "tests" / "test_doubles.py").write_text(said, "utf-8")
    git(theirs, "init", "-q", "-b", "main")
    git(theirs, "add", "-A")
    git(theirs, "commit", "-q", "-m", "first")
    shutil.copytree(HERE, home, ignore=shutil.ignore_patterns("__pycache__"))

    async def main() -> Outcome:
        async with Firm.open(home, models={"default": ScriptedModel(played)}) as firm:
            mission = Mission(text=f"Make the tests of {theirs} pass.", workflow="repository", usd=3.0)
            run = await firm.start(carry_out, mission, id="m-1")
            outcome: Outcome = await run.result()
            return outcome

    outcome = asyncio.run(asyncio.wait_for(main(), 60))
    assert (outcome.ending, outcome.why) == ("reached", "")
    mended = ends(outcome)["mend"].artifact
    assert mended is not None and mended.data["reached"]
    assert "number * 2" in git(theirs, "show", f"{mended.data['branch']}:doubles.py")
    assert "number * 3" in (theirs / "doubles.py").read_text("utf-8"), "the checkout is only read"
    [change] = outcome.artifacts
    assert change.text.startswith(f"branch {mended.data['branch']}, commit ")
