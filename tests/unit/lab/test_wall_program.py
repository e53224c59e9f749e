"""A program is looked at before it is run, and one file of strict JSON is all that is taken from it."""

import os
from pathlib import Path
from typing import Any

import pytest

from firm.lab.candidate import Status
from firm.lab.wall.program import ARTIFACT, Trouble, check_source, read_artifact, strict_json
from firm.lab.wall.shape import ARTIFACT_BYTES


@pytest.mark.parametrize(
    "source",
    ["def solve(x): return x", "async def solve(x): ...", "solve = lambda x: x", "solve: object = print",
     "from math import sqrt as solve", "try:\n    import solve\nexcept ImportError:\n    pass", "class solve: pass"],
)  # fmt: skip
def test_what_defines_its_entry_may_run(source: str) -> None:
    check_source(source, "solve")


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("x = 1\ndef solve(x:\n    pass", "line 2"),
        ("x = 1\n  y = 2", "line 2: unexpected indent"),
        ("def other(): pass", "no function 'solve'"),
        ("def other():\n    def solve(): pass", "no function 'solve'"),
        ("x = 1\0", "null"),
        ("-" * 190_000 + "1", "nested too deeply"),
        ("1+" * 90_000 + "1", "nested too deeply"),
        ("(" * 100_000, "line 1"),
        ("x = '\ud800'", "cannot be parsed"),
        ("#" * 200_001, "200,001 characters"),
        (None, "NoneType"),
    ],
)
def test_what_does_not_parse_says_where_and_what(source: Any, why: str) -> None:
    with pytest.raises(Trouble) as trouble:
        check_source(source, "solve")
    assert trouble.value.status is Status.UNREADABLE
    assert why in str(trouble.value)


@pytest.mark.parametrize(
    "body",
    [b"NaN", b"[Infinity]", b"-Infinity", b"1e999", b'{"a": 1, "a": 2}', b"", b"[1,]", b"\xff", b"[" * 100_000,
     b"1" * 5000, b"{'a': 1}", b"[1] 2"],
)  # fmt: skip
def test_json_that_is_not_strict_is_not_read(body: bytes) -> None:
    with pytest.raises(Trouble) as trouble:
        strict_json(body)
    assert trouble.value.status is Status.UNREADABLE


def test_strict_json_is_read_as_it_is() -> None:
    assert strict_json(b'{"a": [1, 2.5, null, true, "x"]}') == {"a": [1, 2.5, None, True, "x"]}


def _link(place: Path) -> None:
    (place.parent / "other.json").write_text("1")
    place.symlink_to(place.parent / "other.json")


def _large(place: Path) -> None:
    with place.open("wb") as file:
        file.truncate(ARTIFACT_BYTES + 1)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda place: None, "wrote no artifact.json"),
        (_link, "no regular file"),
        (os.mkfifo, "no regular file"),
        (Path.mkdir, "no regular file"),
        (_large, "at most 16,777,216"),
    ],
    ids=["nothing", "link", "pipe", "folder", "large"],
)
def test_what_is_no_plain_file_is_not_read(make: Any, why: str, tmp_path: Path) -> None:
    make(tmp_path / ARTIFACT)
    with pytest.raises(Trouble, match=why):
        read_artifact(tmp_path / ARTIFACT)
