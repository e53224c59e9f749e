"""The report as Markdown: the same parts, for whoever reads it in a terminal or beside the code.

One rule: whatever anybody said is escaped, so that it cannot become a link, a picture or a heading.
"""

from urllib.parse import quote

from firm.org.deliver.block import (
    Account,
    Badge,
    Block,
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
from firm.org.deliver.markup import escaped, plain
from firm.org.deliver.picture import SUFFIXES
from firm.org.deliver.share import linked


def markdown(told: Account, drawing: str) -> str:
    """The report.

    Args:
        told: What it says.
        drawing: Name of the file with the picture of the plan, beside it.
    """
    head = [f"# {escaped(told.title)}", f"**{escaped(told.badge.word)}** · {escaped(told.says)}"]
    head += [f"> {escaped(doubt)}" for doubt in told.doubts]
    head.append(" · ".join([f"{escaped(name)}: {escaped(value)}" for name, value in told.figures]))
    parts = [_part(part, drawing) for part in told.parts]
    return "\n\n".join([*head, *parts, f"_{escaped(told.closing)}_"]) + "\n"


def _part(part: Part, drawing: str) -> str:
    return "\n\n".join([f"## {escaped(part.title)}", *(_block(block, drawing) for block in part.blocks)])


def _block(block: Block, drawing: str) -> str:
    if isinstance(block, Words):
        return escaped(block.text)
    if isinstance(block, Points):
        return "\n".join([_point(item) for item in block.items])
    if isinstance(block, Table):
        return _table(block)
    if isinstance(block, Drawing):
        return f"![{escaped(block.title)}]({drawing})"
    return _result(block)


def _point(item: Lines) -> str:
    return "\n".join([f"- {escaped(item.head)}", *(f"  - {escaped(line)}" for line in item.more)])


def _table(block: Table) -> str:
    rule = ["---:" if place in block.figures else "---" for place in range(len(block.titles))]
    rows = [
        [escaped(title) for title in block.titles],
        rule,
        *([_cell(cell) for cell in row] for row in block.rows),
    ]
    return "\n".join([f"| {' | '.join(row)} |" for row in rows])


def _cell(cell: Cell) -> str:
    if isinstance(cell, Lines):
        return "<br>".join([escaped(line) for line in (cell.head, *cell.more)])
    if isinstance(cell, Badge):
        return f"**{escaped(cell.word)}**"
    if isinstance(cell, Code):
        return f"`{cell.text.replace('`', '')}`"
    if isinstance(cell, Link):
        return f"[{escaped(cell.text)}]({quote(cell.path)})" if cell.path else escaped(cell.text)
    return escaped(cell)


def _result(block: Result) -> str:
    found = [f"### {escaped(block.artifact.name)}", escaped(block.head)]
    pictures = [one for one in block.files if one.path.lower().endswith(SUFFIXES)]
    found += [f"![{escaped(one.path.rpartition('/')[2])}]({quote(one.path)})" for one in pictures]
    if block.excerpt:
        found.append(_quoted(block.excerpt + (f"\n{block.more}" if block.more else "")))
    found.append("\n".join([f"- {_cell(linked(one))}" for one in block.files]))
    return "\n\n".join([one for one in found if one])


def _quoted(text: str) -> str:
    """A text as a block of code, which nothing in it can end."""
    lines = plain(text).split("\n")
    return "\n".join([f"    {line}".rstrip() for line in lines])
