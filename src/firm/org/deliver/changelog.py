"""The firm's changelog: one entry a delivery, the newest first, in plain words.

One rule: an entry is known by its link to the report; the same one is never written twice, and what the founder has
written stays as it is.
"""

import re
from datetime import UTC, datetime
from pathlib import Path

from firm.errors import UsageError
from firm.org.deliver.figures import money, one_line, span
from firm.org.deliver.markup import escaped
from firm.org.mission import Outcome
from firm.org.words import words

FILE = "CHANGELOG.md"
TITLE = "# Changelog"
SAID_CHARS = 100
"""Of a mission's words in an entry's title."""


def entry(outcome: Outcome, report: str, at_s: int) -> str:
    """What a mission has changed, as Markdown.

    Args:
        outcome: Of the mission.
        report: Path of the report, below the home.
        at_s: When it ended, seconds since 1970.
    """
    say = words(outcome.language, "firm.org.deliver.chinese")
    day = f"{datetime.fromtimestamp(at_s, UTC):%Y-%m-%d} · "
    lines = [f"## {day}{escaped(one_line(outcome.mission, SAID_CHARS))}", ""]
    lines.append(
        f"- **{say(outcome.ending)}**" + (f": {escaped(one_line(outcome.why, 400))}" if outcome.why else "")
    )
    lines += [f"- {say('delivered')}: {escaped(_said(one.name, one.text))}" for one in outcome.artifacts]
    took = say("{usd} and {span}", usd=money(outcome.spent_usd_micro, say), span=span(outcome.took_s, say))
    lines.append(f"- {say('it took')} {took} · [{say('report')}]({report})")
    return "\n".join(lines) + "\n"


def _said(name: str, text: str) -> str:
    first = next((line.strip("# ").strip() for line in text.splitlines() if line.strip("# ").strip()), "")
    return f"{name}: {one_line(first, 100)}" if first else name


def with_entry(text: str, said: str) -> str:
    """A changelog with an entry; as it is where it has it already."""
    if f"]({_link(said)})" in text:
        return text
    first = re.search(r"^## ", text, flags=re.MULTILINE)
    if first is not None:
        return f"{text[: first.start()]}{said}\n{text[first.start() :]}"
    return (text.rstrip("\n") if text.strip() else TITLE) + f"\n\n{said}"


def _link(said: str) -> str:
    return said.rpartition("](")[2].partition(")")[0]


def read_changelog(home: Path) -> str:
    """It, as it stands in the home; '' where there is none.

    Raises:
        UsageError: a link stands in its place, or something that is no file.
    """
    path = home / FILE
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise UsageError(
            f"{str(path)!r} is no plain file; deliveries are told there: put a file in its place"
        )
    return path.read_bytes().decode("utf-8", "surrogateescape") if path.exists() else ""
