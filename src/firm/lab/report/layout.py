"""The pieces a page is put together from: sections and tables.

One rule: a section is there whether or not there is anything to say; then it says so.
"""

from collections.abc import Iterable, Sequence

from firm.lab.report.markup import Html, tag

Row = Sequence[object]


def section(title: str, *inner: object, name: str) -> Html:
    """A part of the page; `name` is what a link to it ends with."""
    return tag("section", tag("h2", title), *inner, id=name)


def note(words: str) -> Html:
    """Something in small letters."""
    return tag("p", words, cls="note")


def table(titles: Sequence[str], rows: Iterable[Row], *, first: int = 1) -> Html:
    """A table; the first cell of a row is its heading, those from `first` on are numbers.

    Args:
        titles: Of the columns.
        rows: Cells: text, or markup of one cell's inside.
        first: Column from which cells are set as figures.
    """
    head = tag(
        "tr",
        *(tag("th", title, cls="figure" if place >= first else None) for place, title in enumerate(titles)),
    )
    body = [
        tag(
            "tr",
            *(
                tag("td" if place else "th", cell, cls="figure" if place >= first else None)
                for place, cell in enumerate(row)
            ),
        )
        for row in rows
    ]
    return tag("div", tag("table", tag("thead", head), tag("tbody", *body)), cls="scroll")
