"""The model's paragraph on the page: in a box of its own, marked, escaped, and its numbers compared with the record.

One rule: the model is not trusted. Its text becomes text and nothing else, and a number that the search has not
recorded is shown as such. What cannot be seen by comparing numbers, whether a sentence is right, nobody has checked,
and the box says so.
"""

import re
from collections.abc import Iterator, Mapping

from firm.lab.report.markup import Html, join, tag
from summary import Summary
from words import Say

MAX_CHARS = 2_000
"""The rest of a longer text is cut off."""
NUMBER = re.compile(r"(?:(?<![\w.])[-−])?\d+(?:,\d{3})*(?:\.\d+)?\s?[%％‰]?")


def box(summary: Summary, record: Mapping[str, float], say: Say) -> Html:
    """The paragraph with its mark, or one line that says why there is none."""
    if not summary.text:
        why = clean(summary.why_not).rstrip(".。")
        return tag("p", say("No model wrote a summary here: {why}.", why=why), cls="note")
    shown, strange = marked(clean(summary.text), record, say("not in the record"))
    where = say("at {host}", host=summary.host) if summary.host else say("on this machine")
    mark = say(
        "Written by a model ({name}, {where}), not checked by a person; the figures above are the record.",
        name=clean(summary.model) or "?",
        where=where,
    )
    found = (
        say("Underlined: {count} not in the record. The other words nobody has checked.", count=strange)
        if strange
        else say("Every number in digits is in the record. The words nobody has checked.")
    )
    written = tag("p", tag("bdi", shown), cls="written")
    return tag("section", tag("p", mark, cls="mark"), written, tag("p", found, cls="note"), cls="machine")


def clean(text: str) -> str:
    """Text on one line without control characters, half characters, or marks that change the direction of writing."""
    seen = "".join(char if char.isprintable() else " " for char in text[:MAX_CHARS])
    return " ".join(seen.split())


def marked(text: str, record: Mapping[str, float], note: str) -> tuple[Html, int]:
    """Escape a text, and underline each number that is not in the record.

    Args:
        text: Anything.
        record: The numbers that may stand in it by name; those whose name ends in "percent" with a percent sign.
        note: Is shown where the pointer rests on such a number, and read aloud there.

    Returns:
        HTML, and how many numbers were underlined.
    """
    parts: list[str] = []
    end, strange = 0, 0
    for start, stop in strangers(text, record):
        parts += [text[end:start], tag("u", text[start:stop], cls="strange", title=note)]
        end, strange = stop, strange + 1
    return join([*parts, text[end:]]), strange


def strangers(text: str, record: Mapping[str, float]) -> Iterator[tuple[int, int]]:
    """Where numbers stand that are not in the record: none of it, rounded to as many digits, is the same."""
    for found in NUMBER.finditer(text):
        said = found.group().rstrip()
        share = said[-1] in "%％"
        bare = said.rstrip("%％‰").rstrip()
        digits = len(bare.partition(".")[2])
        known = {
            round(float(number), digits)
            for name, number in record.items()
            if share == name.endswith("percent")
        }
        if said[-1] == "‰" or _value(bare) not in known:
            yield found.start(), found.start() + len(said)


def _value(said: str) -> float:
    return float(said.replace("−", "-").replace(",", ""))
