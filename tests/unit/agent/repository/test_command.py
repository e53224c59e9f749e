"""Which command runs the tests is found out from what a repository has."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from firm.agent.repository.command import PYTEST, UNITTEST, Checks, Python, find_tests, level_of
from firm.errors import UsageError
from firm.sandbox import Level

WITH = Python("/with/bin", ("/with",), True)
WITHOUT = Python("/without/bin", (), False)


def found(
    monkeypatch: pytest.MonkeyPatch, files: Mapping[str, str], *pythons: Python, given: str = ""
) -> Checks:
    monkeypatch.setattr("firm.agent.repository.command._pythons", lambda top, files: iter(pythons))
    return find_tests(Path("/top"), frozenset(files), files.__getitem__, given)


@pytest.mark.parametrize(
    ("files", "pythons", "command"),
    [
        ({"tests/test_a.py": ""}, (WITHOUT, WITH), PYTEST),
        ({"tests/test_a.py": ""}, (WITHOUT,), UNITTEST),
        ({"pkg/a_test.py": ""}, (WITH,), PYTEST),
        ({"package.json": '{"scripts": {"test": "jest"}}'}, (), "npm test"),
        ({"Cargo.toml": ""}, (), "cargo test --offline"),
        ({"go.mod": ""}, (), "go test ./..."),
        ({"Makefile": "all:\n\ntest: all\n\t./run\n"}, (), "make test"),
        ({"Makefile": "check:\n\t./run\n"}, (WITH,), "make check"),
    ],
)
def test_the_command_is_found_out(
    monkeypatch: pytest.MonkeyPatch, files: Mapping[str, str], pythons: tuple[Python, ...], command: str
) -> None:
    assert found(monkeypatch, files, *pythons).command == command


def test_the_founders_word_goes_before_what_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    tests = found(monkeypatch, {"tests/test_a.py": ""}, WITHOUT, WITH, given="pytest -x checks")
    assert tests.command == "pytest -x checks"
    assert tests.path[0] == "/with/bin" and tests.readable == ("/with",)


@pytest.mark.parametrize("files", [{"README.md": ""}, {"Makefile": "test := 1\n"}, {"package.json": "{}"}])
def test_where_no_tests_are_found_it_is_said_how_to_name_them(
    monkeypatch: pytest.MonkeyPatch, files: Mapping[str, str]
) -> None:
    with pytest.raises(UsageError, match="--tests"):
        found(monkeypatch, files, WITH)


def test_levels_have_words() -> None:
    assert level_of("limits") is Level.LIMITS
    with pytest.raises(UsageError, match="'bubblewrap', 'limits'|bubblewrap, limits"):
        level_of("none")


def test_an_environment_that_came_with_the_commit_or_is_a_link_is_not_used(tmp_path: Path) -> None:
    for name in (".venv", "real"):
        (tmp_path / name / "bin").mkdir(parents=True)
        (tmp_path / name / "bin" / "python").touch()
        (tmp_path / name / "lib" / "python3.11").mkdir(parents=True)
    (tmp_path / "venv").symlink_to("real")
    own = str(tmp_path / ".venv" / "bin")
    read = {"test_a.py": "", ".venv/pyvenv.cfg": ""}.__getitem__
    assert find_tests(tmp_path, frozenset({"test_a.py"}), read, "python a.py").path[0] == own
    committed = find_tests(tmp_path, frozenset({"test_a.py", ".venv/pyvenv.cfg"}), read, "python a.py")
    assert not committed.path[0].startswith(str(tmp_path))
