"""Keys are shown once, kept as hashes, and a change is seen at once."""

import hashlib
import os
from pathlib import Path

import pytest

from firm.errors import UsageError
from firm.serve.keys import FILE, PREFIX, Keys


def test_a_key_opens_and_only_its_hash_is_kept(tmp_path: Path) -> None:
    keys = Keys(tmp_path)
    assert keys.name_of("anything") is None
    secret = keys.make("notebook")
    assert secret.startswith(PREFIX)
    assert len(secret) > 40
    assert keys.name_of(secret) == "notebook"
    assert keys.name_of(secret + "x") is None
    kept = (tmp_path / FILE).read_text()
    assert secret.removeprefix(PREFIX) not in kept
    assert hashlib.sha256(secret.encode()).hexdigest() in kept
    assert os.stat(tmp_path / FILE).st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_another_process_sees_a_change_at_its_next_look(tmp_path: Path) -> None:
    here, there = Keys(tmp_path), Keys(tmp_path)
    first, second = here.make("first"), there.make("second")
    assert [here.name_of(first), here.name_of(second)] == ["first", "second"]
    there.remove("first")
    assert [here.name_of(first), here.name_of(second)] == [None, "second"]
    assert [key.name for key in here.all()] == ["second"]


@pytest.mark.parametrize("secret", ["", "\ud800", "firm-", "é" * 1000, "a\0b"])
def test_what_is_no_key_opens_nothing(tmp_path: Path, secret: str) -> None:
    keys = Keys(tmp_path)
    keys.make("first")
    assert keys.name_of(secret) is None


def test_names_are_taken_once_and_must_be_names(tmp_path: Path) -> None:
    keys = Keys(tmp_path)
    keys.make("first")
    with pytest.raises(UsageError, match="a key named 'first' already"):
        keys.make("first")
    with pytest.raises(UsageError, match="unprintable"):
        keys.make("a\nb")
    with pytest.raises(UsageError, match="no key named 'other'; there are: 'first'"):
        keys.remove("other")


SPOILED = ["junk", '{"keys":[{"name":"first","sha256":"é","made_at":1}]}', "[" * 100_000]


@pytest.mark.parametrize("spoiled", SPOILED)
def test_a_spoiled_file_lets_nobody_in_and_says_so(tmp_path: Path, spoiled: str) -> None:
    keys = Keys(tmp_path)
    secret = keys.make("first")
    (tmp_path / FILE).write_text(spoiled, "utf-8")
    with pytest.raises(UsageError, match="remove it and make new ones with `firm key new NAME`"):
        keys.name_of(secret)
