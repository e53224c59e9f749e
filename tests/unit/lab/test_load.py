"""The same file, name and settings give the same problem; what scores it has one hash, wherever it lies."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from firm.errors import UsageError
from firm.lab import Problem
from firm.lab.load import evaluator_hash, evaluator_parts, find_problem, source_of
from firm.lab.order import Source

HEAD = """
from firm.lab import Allowance, Objective, Problem, Stage, Vector, problem
EVALUATOR_FILES = ("table.json",)

def score(x):
    import neighbour_%s
    return neighbour_%s.weight * sum(x)

@problem
def packing(
    *, n: int = 3, scale: float = 1.0, strict: bool = True, kind: str = "a", sizes: tuple[int, ...] = (1, 2), extra=None
):
    return Problem(
        name=f"packing {n} {scale} {strict} {kind} {sizes} {extra}", question="What?", artifact=Vector(0.0, 1.0, (n,)),
        stages=(Stage("exact", score),), objective=Objective("sum"), allowance=Allowance(evaluations=9),
    )
"""
SECOND = "\nfixed = packing(n=7)\n"


def folder(place: Path, mark: str, more: str = "") -> Path:
    place.mkdir(parents=True)
    (place / "stated.py").write_text(HEAD.replace("%s", mark) + more)
    (place / f"neighbour_{mark}.py").write_text("from deep import value\nweight = 1.0\n")
    (place / "deep").mkdir()
    (place / "deep" / "__init__.py").write_text("from .value import number as value\n")
    (place / "deep" / "value.py").write_text("number = 1\n")
    (place / "table.json").write_text("[1]")
    (place / "bystander.py").write_text("x = 1\n")
    return place / "stated.py"


def load(file: Path, name: str = "", **settings: Any) -> Problem:
    found = find_problem(source_of(f"{file}:{name}" if name else str(file), settings))
    assert isinstance(found, Problem)
    return found


def test_settings_are_of_the_type_of_their_default(tmp_path: Path) -> None:
    file = folder(tmp_path / "a", "a")
    given = {"n": "32", "scale": "2", "strict": "no", "kind": 5, "sizes": "[4, 5]", "extra": '{"a": 1}'}
    found = load(file, **given)
    assert found.settings == {
        "n": 32,
        "scale": 2.0,
        "strict": False,
        "kind": "5",
        "sizes": (4, 5),
        "extra": {"a": 1},
    }
    assert found.artifact.size == 32  # type: ignore[union-attr]
    assert load(file).settings == {}
    assert load(file, n=32.0).settings == {"n": 32}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"stric": 3}, "no setting 'stric'; did you mean 'strict'"),
        ({"wibble": 3}, "no setting 'wibble'; it has 'n', 'scale'"),
        ({"n": "many"}, "setting n='many' is no int; its default is 3"),
        ({"n": 1.5}, "no int"),
        ({"n": True}, "no int"),
        ({"scale": "inf"}, "no float"),
        ({"strict": "perhaps"}, "no bool"),
        ({"sizes": "4"}, "no tuple"),
        ({"n": "0"}, "shape"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_refused(
    settings: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=message):
        load(folder(tmp_path / "a", "a"), **settings)


def test_the_one_problem_of_a_file_needs_no_name_and_several_do(tmp_path: Path) -> None:
    one, two = folder(tmp_path / "one", "b"), folder(tmp_path / "two", "c", SECOND)
    assert load(one).name == load(one, "packing").name
    assert load(two, "fixed").artifact.size == 7  # type: ignore[union-attr]
    with pytest.raises(
        UsageError, match="states 2 problems; there are 'fixed', 'packing': give file.py:NAME"
    ):
        load(two)
    with pytest.raises(UsageError, match="no problem 'packin'; did you mean 'packing'"):
        load(two, "packin")
    with pytest.raises(UsageError, match="'fixed' takes no settings, and was given 'n'"):
        load(two, "fixed", n=3)


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    file = folder(tmp_path / "a", "d")
    with pytest.raises(UsageError, match="did you mean .*stated.py"):
        source_of(str(tmp_path / "a" / "state.py"), {})
    with pytest.raises(UsageError, match=r"give file.py or file.py:name"):
        source_of("circles", {})
    (tmp_path / "empty.py").write_text("x = 1\n")
    with pytest.raises(UsageError, match="states no problem; put @problem on a function"):
        load(tmp_path / "empty.py")
    (tmp_path / "broken.py").write_text("x = \n")
    with pytest.raises(UsageError, match=r"broken.py' cannot be parsed"):
        load(tmp_path / "broken.py")
    (tmp_path / "raises.py").write_text("1 / 0\n")
    with pytest.raises(UsageError, match="cannot be imported: ZeroDivisionError"):
        load(tmp_path / "raises.py")
    (tmp_path / "wrong.py").write_text("from firm.lab import problem\n@problem\ndef p():\n    return 3\n")
    with pytest.raises(UsageError, match="'p' gave int and no Problem"):
        load(tmp_path / "wrong.py")
    (tmp_path / "needs.py").write_text("from firm.lab import problem\n@problem\ndef p(n):\n    return 3\n")
    with pytest.raises(UsageError, match="parameter 'n' of 'p' has no default"):
        load(tmp_path / "needs.py")
    file.unlink()
    with pytest.raises(UsageError, match="there is no file"):
        find_problem(Source(str(file), ""))


def test_the_hash_covers_what_scores_and_nothing_else(tmp_path: Path) -> None:
    file = folder(tmp_path / "a", "e")
    source = source_of(str(file), {})
    assert set(evaluator_parts(source)) == {
        "stated.py",
        "neighbour_e.py",
        "deep/__init__.py",
        "deep/value.py",
        "table.json",
    }
    first = evaluator_hash(source)
    assert len(first) == 16
    (file.parent / "bystander.py").write_text("x = 22\n")
    assert evaluator_hash(source) == first
    seen = {first}
    for name in ("stated.py", "neighbour_e.py", "deep/__init__.py", "deep/value.py", "table.json"):
        place = file.parent / name
        kept = place.read_text()
        place.write_text(kept + (" " if name.endswith("json") else "# changed\n"))
        seen.add(evaluator_hash(source))
        place.write_text(kept)
    assert len(seen) == 6
    assert evaluator_hash(source) == first


def test_the_hash_does_not_depend_on_where_the_folder_lies_or_how_a_setting_is_written(
    tmp_path: Path,
) -> None:
    file = folder(tmp_path / "a", "f")
    shutil.copytree(file.parent, tmp_path / "elsewhere" / "deeper")
    here, there = (
        source_of(str(file), {}),
        source_of(str(tmp_path / "elsewhere" / "deeper" / "stated.py"), {}),
    )
    assert evaluator_hash(here) == evaluator_hash(there)
    hashes = [evaluator_hash(source_of(str(file), given)) for given in ({}, {"n": "3"}, {"n": 3}, {"n": 4})]
    assert hashes[0] == hashes[1] == hashes[2] != hashes[3]
    assert evaluator_hash(here) == evaluator_hash(source_of(f"{file}:packing", {}))


def test_a_file_that_has_changed_is_imported_again(tmp_path: Path) -> None:
    file = folder(tmp_path / "a", "g")
    assert load(file).stages[0].score([1.0]) == 1.0
    neighbour = file.parent / "neighbour_g.py"
    neighbour.write_text("weight = 250.0  # another length\n")
    assert load(file).stages[0].score([1.0]) == 250.0
    file.write_text(file.read_text().replace("* sum(x)", "* sum(x) + 5"))
    assert load(file).stages[0].score([1.0]) == 255.0


@pytest.mark.parametrize("named", ['"table.json"', "[str(1)]", '("no.json",)', '("../x.json",)'])
def test_further_files_are_named_in_a_list_and_lie_in_the_folder(named: str, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("1")
    file = folder(tmp_path / "a", "h")
    file.write_text(file.read_text().replace('("table.json",)', named))
    with pytest.raises(UsageError, match="EVALUATOR_FILES"):
        load(file)
