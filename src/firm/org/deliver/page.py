"""The report as a page: one HTML file, to be read anywhere, without a network and without scripts.

One rule: it holds no markup but ours; whatever anybody said is text.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from firm.org.deliver.block import (
    Account,
    Badge,
    Cell,
    Code,
    Drawing,
    Lines,
    Link,
    Part,
    Points,
    Result,
    Table,
    Words,
)
from firm.org.deliver.markup import Html, join, tag
from firm.org.deliver.picture import MAX_ALL_BYTES, source_of
from firm.org.deliver.share import linked
from firm.org.words import words

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
"""What a browser may load for this page: nothing."""
STYLE = Path(__file__).with_name("report.css")
FEW, MANY = 2, 8
"""Lines that are shown in a table and in a list; more are folded."""


def page(told: Account, folder: Path) -> str:
    """The page of a report.

    Args:
        told: What it says.
        folder: Where the files lie that are delivered; their pictures are put into the page.
    """
    top = join(
        [
            tag("meta", charset="utf-8"),
            tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
            tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
            tag("meta", name="color-scheme", content="light dark"),
            tag("meta", name="description", content=told.says),
            tag("title", told.title),
            tag("style", Html(STYLE.read_text("utf-8"))),
        ],
        "\n",
    )
    writer = _Writer(folder, told.language)
    body = tag("main", _head(told), *(writer.part(part) for part in told.parts), tag("footer", told.closing))
    html = tag("html", "\n", tag("head", top), "\n", tag("body", body), "\n", lang=told.language)
    return f"<!doctype html>\n{html}\n"


def _head(told: Account) -> Html:
    figures = [tag("div", tag("dt", name), tag("dd", value)) for name, value in told.figures]
    return tag(
        "header",
        tag("p", _badge(told.badge), cls="badges"),
        tag("h1", told.title),
        tag("p", told.says, cls="claim"),
        *(tag("p", doubt, cls="doubt") for doubt in told.doubts),
        tag("dl", *figures, cls="figures"),
    )


def _badge(badge: Badge) -> Html:
    return tag("span", badge.word, cls=f"badge {badge.mood}")


class _Writer:
    """Writes parts; keeps count of the pictures."""

    def __init__(self, folder: Path, language: str) -> None:
        self.folder, self.pictured = folder, 0
        self.say = words(language, "firm.org.deliver.chinese")
        self.writers: dict[type, Callable[[Any], Html]] = {
            Words: self.words,
            Points: self.points,
            Table: self.table,
            Result: self.result,
            Drawing: self.drawing,
        }

    def part(self, part: Part) -> Html:
        """A section."""
        blocks = [self.writers[type(block)](block) for block in part.blocks]
        return tag("section", tag("h2", part.title), *blocks, id=part.name)

    def words(self, block: Words) -> Html:
        """A paragraph."""
        return tag("p", block.text, cls="note" if block.kind == "note" else None)

    def points(self, block: Points) -> Html:
        """A list."""
        return tag("ul", *(tag("li", *self.lines(item, MANY)) for item in block.items), cls="points")

    def table(self, block: Table) -> Html:
        """A table; on a narrow screen each row is a card."""
        head = tag(
            "tr", *(tag("th", title, cls=_figure(block, place)) for place, title in enumerate(block.titles))
        )
        rows = [
            tag(
                "tr",
                *(
                    tag(
                        "td" if place else "th",
                        *self.cell(cell),
                        cls=_figure(block, place),
                        data_title=block.titles[place] or None,
                        scope=None if place else "row",
                    )
                    for place, cell in enumerate(row)
                ),
            )
            for row in block.rows
        ]
        named = any(block.titles)
        inner = [tag("thead", head), tag("tbody", *rows)] if named else [tag("tbody", *rows)]
        return tag("table", *inner, cls="cards" if named else "pairs")

    def cell(self, cell: Cell) -> list[Html]:
        """What stands in a table."""
        if isinstance(cell, Lines):
            return self.lines(cell)
        if isinstance(cell, Badge):
            return [_badge(cell)]
        if isinstance(cell, Code):
            return [tag("code", cell.text)]
        if isinstance(cell, Link):
            return [tag("a", cell.text, href=quote(cell.path)) if cell.path else tag("span", cell.text)]
        return [tag("span", cell)]

    def lines(self, lines: Lines, shown: int = FEW) -> list[Html]:
        """Something and what explains it; many lines are folded."""
        more = [tag("span", line, cls="more") for line in lines.more]
        if len(more) <= shown:
            return [tag("span", lines.head, cls="what"), *more]
        folded = tag("details", tag("summary", self.say("{count} lines", count=len(more))), *more)
        return [tag("span", lines.head, cls="what"), folded]

    def result(self, block: Result) -> Html:
        """What is delivered, with its pictures."""
        name = block.artifact.name
        pictures = [self.picture(one.path) for one in block.files]
        links = [tag("li", *self.cell(linked(one))) for one in block.files]
        shown = (
            tag("pre", block.excerpt + (f"\n{block.more}" if block.more else "")) if block.excerpt else None
        )
        return tag(
            "article",
            tag("h3", name),
            tag("p", block.head, cls="note"),
            *pictures,
            shown,
            tag("ul", *links, cls="files") if links else None,
        )

    def picture(self, path: str) -> Html | None:
        """A picture's file as an image; None where it is none, or there are too many."""
        source = source_of(self.folder / path)
        self.pictured += len(source)
        if not source or self.pictured > MAX_ALL_BYTES:
            return None
        return tag("img", cls="picture", alt=path.rpartition("/")[2], src=source)

    def drawing(self, block: Drawing) -> Html:
        """The plan."""
        return tag("div", block.svg, cls="drawn")


def _figure(block: Table, place: int) -> str | None:
    return "figure" if place in block.figures else None
