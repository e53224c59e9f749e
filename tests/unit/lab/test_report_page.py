"""The page: the same parts whatever was found, and no word of a candidate ever becomes markup."""

import re
from html.parser import HTMLParser

import msgspec
import pytest
from tests.unit.lab.stories import found, hostile, nothing, understood

from firm.errors import UsageError
from firm.lab.report import page
from firm.lab.report.document import OF_LAW, PARTS, POLICY
from firm.lab.report.story import Archive, Axis, Cell, Champion, Checked, Story


class Reader(HTMLParser):
    """Elements, attributes and text of a page; complains about what is not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []
        self.said = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes += attrs
        if tag not in ("meta", "img", "path", "circle", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.said += data


def read(story: Story) -> Reader:
    reader = Reader()
    reader.feed(page(story))
    assert reader.open == []
    return reader


def headings(story: Story) -> list[str]:
    return re.findall(r"<h2>(.*?)</h2>", page(story))


def claim_of(story: Story) -> str:
    said = re.search(r'<p class="claim">(.*?)</p>', page(story))
    assert said is not None
    return said[1]


@pytest.mark.parametrize(
    "story", [found(), nothing(), understood(), hostile()], ids=["found", "nothing", "law", "hostile"]
)
def test_page_runs_nothing_and_loads_nothing(story: Story) -> None:
    reader = read(story)
    assert not {"script", "iframe", "object", "embed", "link", "base", "form", "a"} & set(reader.elements)
    assert [name for name, _ in reader.attributes if name.startswith("on")] == []
    sources = [
        value or "" for name, value in reader.attributes if name in ("src", "href", "xlink:href", "action")
    ]
    assert [value for value in sources if not value.startswith("data:image/svg+xml;base64,")] == []
    assert ("content", POLICY) in reader.attributes
    assert not re.search(r"url\((?!#)|@import", page(story))


def test_hostile_text_is_shown_as_text_without_marks_of_direction_or_controls() -> None:
    reader = read(hostile())
    assert "<script>alert(1)</script>" in reader.said
    assert not re.search(r"[\x00-\x08\x1b\u202a-\u202e]", page(hostile()))


def test_the_same_sections_stand_there_when_nothing_was_found() -> None:
    assert headings(found()) == headings(nothing())
    assert len(headings(found())) == len(PARTS) + 1


def test_a_law_has_a_section_of_its_own() -> None:
    assert headings(understood())[1] == "The law"
    assert len(headings(understood())) == len(OF_LAW) + 1
    assert "6.2832 * sqrt(length / gravity)" in claim_of(understood())


def test_not_checked_against_the_literature_until_a_person_did() -> None:
    said = "ot checked against the literature"
    assert page(found()).count(said) == 2
    assert said in page(nothing()) and said in page(understood())
    checked = page(found(checked=Checked("Ada", "2026-12-01", "nobody has it")))
    assert (
        said not in checked
        and "Checked against the literature by Ada on 2026-12-01. nobody has it" in checked
    )


def test_a_story_of_the_largest_size_stays_small_and_quick() -> None:
    axes = (Axis("a", 0, 1, 1000), Axis("b", 0, 1, 1000))
    cells = tuple(Cell((x * 7 % 1000, x % 1000), float(x), x) for x in range(20_000))
    story = found()
    large = msgspec.structs.replace(
        story,
        asked=msgspec.structs.replace(story.asked, axes=axes),
        archive=Archive(cells, len(cells), 1_000_000),
        progress=story.progress * 300,
        rejected=story.rejected * 500,
        seeds=story.seeds * 100,
        lineage=story.lineage * 1000,
        lessons=story.lessons * 1000,
    )
    assert len(page(large)) < 1_500_000


@pytest.mark.parametrize("count", [0, 1, 3])
def test_an_archive_of_any_number_of_behaviours_is_drawn_or_told(count: int) -> None:
    story = found()
    axes = tuple(Axis(name, 0, 1, 10) for name in ("a", "b", "c")[:count])
    cells = tuple(Cell((place,) * count, float(place), place) for place in range(10))
    asked = msgspec.structs.replace(story.asked, axes=axes)
    html = page(msgspec.structs.replace(story, asked=asked, archive=Archive(cells, 10, 10**count)))
    assert html.count('class="boxes"') == (1 if count else 0)
    assert ("first two of 3" in html) == (count == 3)


def test_extreme_numbers_do_not_break_the_page() -> None:
    story = found()
    for value in (0.0, -1e300, 1e-300, 1e17):
        champion = msgspec.structs.replace(
            story.champion or Champion(0, [], 0, "exact", "verified"), value=value
        )
        marks = tuple(msgspec.structs.replace(mark, value=value, cpu_s=0.0) for mark in story.progress)
        read(
            msgspec.structs.replace(
                story, champion=champion, progress=marks, baselines=(), known=None, bound=None
            )
        )


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(UsageError, match="a report speaks en, zh"):
        page(found(), "tlh")
