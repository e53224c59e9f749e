"""What an agent must not win by changing is put back, and what speaks to the judge is found."""

import pytest

from firm.agent.repository.guard import Guard, guard_for, suspicious


@pytest.mark.parametrize(
    "path",
    [
        "tests/test_a.py",
        "pkg/tests/helper.py",
        "test_a.py",
        "pkg/a_test.go",
        "src/a.spec.ts",
        "Tests/data.json",
        "conftest.py",
        "pkg/conftest.py",
        "pytest.ini",
        "tox.ini",
        "setup.cfg",
        "pyproject.toml",
        "Makefile",
        "package.json",
        "sitecustomize.py",
        "src/usercustomize.py",
        "evil.pth",
        "x.egg-info/entry_points.txt",
        "pkg/__pycache__/a.cpython-311.pyc",
    ],
)
def test_what_decides_how_the_tests_run_is_put_back(path: str) -> None:
    assert Guard().why(path, is_new=False)
    assert Guard().why(path, is_new=True)


@pytest.mark.parametrize(
    "path",
    [
        "pkg/cart.py",
        "src/pkg/json.py",
        "README.md",
        "attest.py",
        "contest/a.py",
        "data.json",
        "calendar/a.txt",
    ],
)
def test_the_program_itself_is_not_put_back(path: str) -> None:
    assert Guard().why(path, is_new=False) == ""
    assert Guard().why(path, is_new=True) == ""


@pytest.mark.parametrize(
    "path", ["pytest.py", "_pytest/__init__.py", "json.py", "src/unittest/__init__.py", "pluggy.so"]
)
def test_a_new_file_that_hides_a_module_is_put_back_and_an_old_one_is_not(path: str) -> None:
    assert "hides" in Guard().why(path, is_new=True)
    assert Guard().why(path, is_new=False) == ""


def test_files_and_folders_that_the_command_names_are_put_back() -> None:
    files = frozenset({"scripts/run.sh", "checks/deep/one.py", "pkg/a.py"})
    guard = guard_for("sh ./scripts/run.sh && python -m pytest checks/ -q", files)
    assert guard.named == ("checks", "scripts/run.sh")
    assert guard.why("scripts/run.sh", is_new=False) and guard.why("checks/deep/one.py", is_new=False)
    assert guard.why("pkg/a.py", is_new=False) == ""


PATCH = b"""diff --git a/pkg/a.py b/pkg/a.py
--- a/pkg/a.py
+++ b/pkg/a.py
@@ -3,0 +4,3 @@ def f():
+    x = 1
+    import os; os._exit(0)
+    return x
@@ -9 +12 @@ def g():
-    atexit
+    y = 2
"""


def test_lines_that_speak_to_the_runner_are_found_with_their_place() -> None:
    assert suspicious(PATCH, {}) == ("pkg/a.py:5: import os; os._exit(0)",)


def test_what_a_file_spoke_of_before_is_no_news() -> None:
    assert suspicious(PATCH, {"pkg/a.py": "os._exit(1)"}) == ()


def test_a_change_that_is_too_large_to_look_through_is_suspicious() -> None:
    assert len(suspicious(b"+x\n" * 2_000_000, {})) == 1
