"""The model's paragraph on the page: in a box of its own, marked, escaped, and its numbers compared with the record.

One rule: the model is not trusted. Its text becomes text and nothing else, and a number that the search has not
recorded is shown as such. What cannot be seen by comparing numbers, whether a sentence is right, nobody has checked,
and the box says so.
"""

import re
from collections.abc import Collection, Iterator
from html import escape

from story import Story, Summary
from words import Say

MAX_CHARS = 2_000
"""The rest of a longer text is cut off."""
NUMBER = re.compile(r"(?:(?<![\w.])[-−])?\d+(?:,\d{3})*(?:\.\d+)?\s?[%％‰]?")


def box(summary: Summary, story: Story, say: Say) -> str:
    """The paragraph with its mark, or one line that says why there is none."""
    if not summary.text:
        why = escape(clean(summary.why_not))
        return f'<p class="note">{say("No model wrote a summary here: {why}.", why=why.rstrip(".。"))}</p>'
    shown, strange = marked(clean(summary.text), story.record.values(), say("not in the record"))
    name = escape(clean(summary.model)) or "?"
    where = say("at {host}", host=escape(summary.host)) if summary.host else say("on this machine")
    mark = say(
        "Written by a model ({name}, {where}), not checked by a person; the figures above are the record.",
        name=name,
        where=where,
    )
    found = (
        say("Underlined: {count} not in the record. The other words nobody has checked.", count=strange)
        if strange
        else say("Every number in digits is in the record. The words nobody has checked.")
    )
    return f"""<section class="machine">
<p class="mark">{mark}</p>
<p class="said"><bdi>{shown}</bdi></p>
<p class="note">{found}</p>
</section>"""


def clean(text: str) -> str:
    """Text on one line without control characters, half characters, or marks that change the direction of writing."""
    seen = "".join(char if char.isprintable() else " " for char in text[:MAX_CHARS])
    return " ".join(seen.split())


def marked(text: str, record: Collection[float], note: str) -> tuple[str, int]:
    """Escape a text, and underline each number that is not in the record.

    Args:
        text: Anything.
        record: The numbers that may stand in it.
        note: Is shown where the pointer rests on such a number, and read aloud there.

    Returns:
        HTML, and how many numbers were underlined.
    """
    parts, end, strange = [], 0, 0
    for start, stop in strangers(text, record):
        said = escape(text[start:stop])
        parts += [escape(text[end:start]), f'<u class="strange" title="{escape(note)}">{said}</u>']
        end, strange = stop, strange + 1
    return "".join([*parts, escape(text[end:])]), strange


def strangers(text: str, record: Collection[float]) -> Iterator[tuple[int, int]]:
    """Where numbers stand that are not in the record: none of it, rounded to as many digits, is the same.

    A number with a percent sign is never in it, for the record has no shares.
    """
    for found in NUMBER.finditer(text):
        said = found.group().rstrip()
        digits = len(said.partition(".")[2])
        known = {round(float(number), digits) for number in record}
        if said[-1] in "%％‰" or _value(said) not in known:
            yield found.start(), found.start() + len(said)


def _value(said: str) -> float:
    return float(said.replace("−", "-").replace(",", ""))
