"""The whole report: one HTML file, to be read anywhere, without a network and without scripts.

One rule: the same parts stand in the same order whatever was found; only what they say differs.
"""

from collections.abc import Callable
from pathlib import Path

from firm.lab.report.claim import claim
from firm.lab.report.closing import cost, hashes, lessons
from firm.lab.report.compared import beside, checked
from firm.lab.report.law import law
from firm.lab.report.markup import Html, join, tag
from firm.lab.report.opening import again, head, shown
from firm.lab.report.rising import outlook, progress, seeds
from firm.lab.report.sealing import sealed
from firm.lab.report.searched import archive, lineage, proposers, rejected, stages
from firm.lab.report.story import Story
from firm.lab.report.words import Say, words

STYLE = Path(__file__).with_name("report.css")
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""What a browser may load for this page: nothing."""

PARTS: tuple[Callable[[Story, Say], Html | None], ...] = (
    again,
    shown,
    beside,
    progress,
    archive,
    lineage,
    proposers,
    stages,
    rejected,
    seeds,
    outlook,
    lessons,
    cost,
)
"""In the order of the page."""

OF_LAW: tuple[Callable[[Story, Say], Html | None], ...] = (
    again,
    law,
    checked,
    seeds,
    lessons,
    cost,
)
"""The same for a phenomenon, where a law is looked for and no best candidate."""


def page(story: Story, language: str = "en", *, extra: Html | None = None) -> str:
    """The page of a story.

    Args:
        story: What happened.
        language: "en" or "zh"; what problems and models say stays as it is.
        extra: One more section, below the first screen; it is trusted, as all markup is.

    Raises:
        UsageError: a language that it does not speak.
    """
    say = words(language)
    parts = PARTS if story.law is None else OF_LAW
    body = tag(
        "main",
        head(story, say),
        extra,
        *(part(story, say) for part in parts),
        hashes(story, sealed(story), say),
    )
    top = join(
        [
            tag("meta", charset="utf-8"),
            tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
            tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
            tag("meta", name="color-scheme", content="light dark"),
            tag("meta", name="description", content=claim(story, say)),
            tag("title", story.asked.name),
            tag("style", Html(STYLE.read_text("utf-8"))),
        ],
        "\n",
    )
    html = tag("html", "\n", tag("head", top), "\n", tag("body", body), "\n", lang=language)
    return f"<!doctype html>\n{html}\n"
