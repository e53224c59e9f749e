"""Weights lie under a name with their hash, where the environment says."""

from pathlib import Path

import pytest
from tests.unit.model.embedded.weights import BYTES, HASH, entry

from firm.model.embedded import store
from firm.model.embedded.catalogue import EMBEDDING, find
from firm.model.embedded.error import NotPulled


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FIRM_MODELS", str(tmp_path))
    return tmp_path


def test_the_folder_is_the_one_named_else_that_of_caches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert store.folder() == tmp_path
    monkeypatch.delenv("FIRM_MODELS")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    assert store.folder() == tmp_path / "caches" / "firm" / "models"
    monkeypatch.setenv("XDG_CACHE_HOME", "not/absolute")
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    assert store.folder() == tmp_path / "me" / ".cache" / "firm" / "models"


def test_a_files_name_has_its_hash(models: Path) -> None:
    assert store.place(entry().files[0]) == models / f"tiny-{HASH[:16]}.gguf"
    vocabulary = find(EMBEDDING).files[1]
    assert store.place(vocabulary).name == f"all-minilm-l6-v2.vocab-{vocabulary.sha256[:16]}.txt"


def test_weights_that_are_missing_or_cut_off_are_not_there() -> None:
    tiny = entry()
    with pytest.raises(NotPulled, match="run: firm models pull tiny"):
        store.weights(tiny)
    store.place(tiny.files[0]).write_bytes(BYTES[:-1])
    with pytest.raises(NotPulled):
        store.weights(tiny)
    store.place(tiny.files[0]).write_bytes(BYTES)
    assert store.weights(tiny) == store.place(tiny.files[0])


def test_remove_deletes_the_files_and_what_a_pull_left() -> None:
    tiny = entry()
    store.place(tiny.files[0]).write_bytes(BYTES)
    store.partial(tiny.files[0]).write_bytes(b"1234")
    assert store.remove(tiny) == len(BYTES) + 4
    assert store.remove(tiny) == 0
    assert not store.held(tiny.files[0])


def test_listing_names_only_what_is_whole() -> None:
    two = find(EMBEDDING)
    assert store.listing() == []
    for file in two.files:
        with store.place(file).open("wb") as stream:
            stream.truncate(file.bytes)
    assert [(held.entry.name, held.path) for held in store.listing()] == [
        (EMBEDDING, store.place(two.files[0]))
    ]
