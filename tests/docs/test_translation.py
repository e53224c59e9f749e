"""The README in Chinese says what the README says: the same code, places, links and figures, section by section."""

import re

import pytest
from tests.docs.blocks import README, TRANSLATION, Block, blocks_of, prose

PAIR = (README, TRANSLATION)
_FIRST = re.compile(r"\s*\S+(?:, \S+)*")
"""The first column of a line of a text block: its place, with the depth at which it stands."""


def sections(text: str) -> list[tuple[str, str]]:
    """Headings with what stands below them, from the first on: (marks of the level, text)."""
    parts = re.split(r"^(#+) .+$", text, flags=re.MULTILINE)
    return list(zip(parts[1::2], parts[2::2], strict=True))


def told(block: Block) -> tuple[str, object]:
    """What of a block no translation may change: all of it, or of a text block the first column."""
    if block.kind != "text":
        return block.kind, block.text
    return block.kind, [found.group() for line in block.text.splitlines() if (found := _FIRST.match(line))]


def test_blocks_are_those_of_the_readme() -> None:
    english, chinese = ([told(block) for block in blocks_of(path)] for path in PAIR)
    assert len(english) > 5
    assert chinese == english


def test_sections_are_those_of_the_readme() -> None:
    english, chinese = ([level for level, _ in sections(prose(path))] for path in PAIR)
    assert len(english) > 5
    assert chinese == english


KEPT = {
    "link": r"\]\(([^)\s]+)\)",
    "figure": r"(?<![\w.])\d+(?:[.,]\d+)*",
    "name in code": r"`([^`\n]+)`",
    "point of a list": r"^(- )",
}
"""What a translation keeps as it is, and how it is found."""


@pytest.mark.parametrize("what", KEPT)
def test_each_section_keeps_what_the_readme_has(what: str) -> None:
    english, chinese = (
        [re.findall(KEPT[what], text, re.MULTILINE) for _, text in sections(prose(path))] for path in PAIR
    )
    assert any(english)
    lost = [
        f"section {number}: {what} {name!r} stands {there.count(name)} times, not {wanted.count(name)}"
        for number, (wanted, there) in enumerate(zip(english, chinese, strict=True))
        for name in sorted(set(wanted) - {TRANSLATION.name})
        if there.count(name) < wanted.count(name)
    ]
    assert lost == []


def test_each_readme_leads_to_the_other() -> None:
    assert f"]({TRANSLATION.name})" in README.read_text("utf-8")
    assert f"]({README.name})" in TRANSLATION.read_text("utf-8")
