"""Sealed bodies, and files that others must not read."""

import os
from pathlib import Path

import pytest

from firm.errors import DiskFull, UsageError
from firm.policy import seal
from firm.policy.seal import (
    KeyFault,
    Sealed,
    check_passphrase,
    read_private,
    read_unchangeable,
    remove_private,
    seal_with_passphrase,
    unseal,
    unseal_with_passphrase,
    write_private,
)

KEY = bytes(range(32))


def test_what_is_sealed_opens_with_the_same_key_and_purpose_only() -> None:
    box = seal.seal(b"body", KEY, "a")
    assert unseal(box, KEY, "a") == b"body"
    assert unseal(box, KEY, "b") is None
    assert unseal(box, KEY[::-1], "a") is None
    assert unseal(box, KEY[:16], "a") is None
    assert box != seal.seal(b"body", KEY, "a")


def test_any_changed_bit_keeps_it_closed() -> None:
    box = seal.seal(b"body", KEY, "a")
    for place in range(len(box)):
        changed = bytearray(box)
        changed[place] ^= 1
        assert unseal(bytes(changed), KEY, "a") is None
        assert unseal(box[:place], KEY, "a") is None


def test_a_passphrase_is_the_same_however_it_is_composed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seal, "SCRYPT_N", 16)
    sealed = seal_with_passphrase(b"body", "Ärger über 7 Öfen", "a")
    assert unseal_with_passphrase(sealed, "A\u0308rger u\u0308ber \uff17 O\u0308fen", "a") == b"body"
    assert unseal_with_passphrase(sealed, "Arger uber 7 Ofen", "a") is None


@pytest.mark.parametrize(
    "words", ["", "short", "1234567", "x" * 1001, "a tab\tin the middle", "half \ud800 a pair"]
)
def test_what_cannot_be_a_passphrase_is_refused_without_repeating_it(words: str) -> None:
    with pytest.raises(UsageError) as refused:
        check_passphrase(words)
    assert not words or words not in str(refused.value)


@pytest.mark.parametrize(
    "cost",
    [(2**30, 8, 1), (2**17, 1000, 1), (2**17, 8, 1000), (1000, 8, 1), (0, 8, 1), (-4, 8, 1), (16, 0, 1)],
)
def test_a_file_that_asks_for_absurd_work_is_refused(cost: tuple[int, int, int]) -> None:
    with pytest.raises(KeyFault, match="firm never wrote"):
        unseal_with_passphrase(Sealed(*cost, salt=b"", box=b""), "whatever it is", "a")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / ".firm").mkdir(mode=0o700)
    return tmp_path / ".firm" / "thing"


def test_a_private_file_is_readable_for_its_owner_alone(path: Path) -> None:
    before = os.umask(0)
    try:
        write_private(path, b"one")
        write_private(path, b"two")
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_private(path, "it") == b"two"
    assert [one.name for one in path.parent.iterdir()] == ["thing"]
    assert (remove_private(path), remove_private(path), read_private(path, "it")) == (True, False, None)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601, 0o644, 0o777])
def test_a_file_that_is_too_open_is_not_read(path: Path, mode: int) -> None:
    write_private(path, b"body")
    path.chmod(mode)
    with pytest.raises(KeyFault, match=f"it in .* is too open.*mode {mode:03o}.*chmod 600"):
        read_private(path, "it")


@pytest.mark.parametrize("mode", [0o664, 0o646])
def test_a_file_that_others_can_change_is_not_believed(path: Path, mode: int) -> None:
    write_private(path, b"body", mode=0o644)
    assert read_unchangeable(path, "it") == b"body"
    path.chmod(mode)
    with pytest.raises(KeyFault, match="other users can change it"):
        read_unchangeable(path, "it")


def test_a_folder_into_which_others_can_write_is_not_believed(path: Path) -> None:
    write_private(path, b"body")
    path.parent.chmod(0o770)
    with pytest.raises(KeyFault, match="chmod 700"):
        read_private(path, "it")


def test_links_pipes_folders_and_huge_files_are_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = path.with_name("other")
    write_private(other, b"body")
    path.symlink_to(other)
    with pytest.raises(KeyFault, match="it is a link"):
        read_private(path, "it")
    path.unlink()
    os.mkfifo(path, 0o600)
    with pytest.raises(KeyFault, match="not a plain file"):
        read_private(path, "it")
    path.unlink()
    path.mkdir(0o700)
    with pytest.raises(KeyFault, match="not a plain file"):
        read_private(path, "it")
    monkeypatch.setattr(seal, "MAX_FILE_BYTES", 3)
    with pytest.raises(KeyFault, match="over 3 bytes"):
        read_private(other, "it")


def test_a_file_of_another_user_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_private(path, b"body")
    monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)
    with pytest.raises(KeyFault, match="belongs to user"):
        read_private(path, "it")


def test_a_disk_that_is_full_is_said_and_leaves_what_was_there(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_private(path, b"old")

    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(DiskFull, match="free some space"):
            write_private(path, b"new")
    assert read_private(path, "it") == b"old"
    with pytest.raises(UsageError, match="cannot be written"):
        write_private(path / "below", b"new")
