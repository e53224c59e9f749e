"""The files of a report, their hashes, and pictures that cannot do anything."""

import hashlib
import json
from pathlib import Path

import msgspec
import pytest
from tests.unit.lab.stories import PICTURE, found, hostile, nothing, understood

from firm.lab.report import broken, page, write
from firm.lab.report.picture import picture
from firm.lab.report.story import Story


def test_writing_twice_gives_the_same_files(tmp_path: Path) -> None:
    first, second = write(found(), tmp_path / "a" / "b"), write(found(), tmp_path / "c")
    assert first.html.read_bytes() == second.html.read_bytes()
    assert first.json.read_bytes() == second.json.read_bytes()
    assert sorted(path.name for path in (tmp_path / "c").iterdir()) == ["report.html", "report.json"]


@pytest.mark.parametrize(
    "story", [found(), nothing(), understood(), hostile()], ids=["found", "nothing", "law", "hostile"]
)
def test_json_holds_the_whole_story_and_hashes_that_anybody_can_compute(story: Story, tmp_path: Path) -> None:
    written = write(story, tmp_path)
    record = json.loads(written.json.read_bytes())
    assert msgspec.convert(record["story"], Story) == msgspec.json.decode(
        msgspec.json.encode(story), type=Story
    )
    assert broken(record) == []
    champion = json.dumps(
        record["story"]["champion"], sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )
    assert record["sha256"]["champion"] == hashlib.sha256(champion.encode()).hexdigest()
    assert record["sha256"]["page"] == hashlib.sha256(written.html.read_bytes()).hexdigest()
    assert record["sha256"]["whole"] in written.html.read_text("utf-8")


def test_a_changed_part_is_named(tmp_path: Path) -> None:
    record = json.loads(write(found(), tmp_path).json.read_bytes())
    record["story"]["champion"]["value"] = 300.0
    assert broken(record) == ["champion", "whole"]
    del record["story"]["known"]
    assert broken(record) == ["champion", "known", "whole"]


def test_a_picture_is_an_image_of_its_own() -> None:
    shown = picture(PICTURE, "the winner")
    assert shown is not None and shown.startswith(
        '<img class="picture" alt="the winner" src="data:image/svg+xml;base64,'
    )
    assert "base64," in page(found())


@pytest.mark.parametrize(
    "svg",
    [
        "",
        "no picture",
        "<html></html>",
        "<svg><circle></svg>",
        '<!DOCTYPE svg [<!ENTITY a "b">]><svg xmlns="http://www.w3.org/2000/svg">&a;</svg>',
        '<svg xmlns="http://example.com/other"/>',
        "<svg>" + " " * 2_000_001 + "</svg>",
    ],
)
def test_what_is_no_svg_is_not_shown(svg: str) -> None:
    assert picture(svg, "x") is None
