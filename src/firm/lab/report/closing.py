"""The end of a report: what was learnt, what it cost, and the hashes it rests on.

One rule: a hash stands with what it is a hash of, so that anybody can compute it again.
"""

from collections.abc import Mapping

from firm.lab.report.figures import number, seconds
from firm.lab.report.layout import note, section, table
from firm.lab.report.markup import Html, tag
from firm.lab.report.story import Story
from firm.lab.report.words import Say

MAX_LESSONS = 40


def lessons(story: Story, say: Say) -> Html:
    """Notes with their evidence."""
    title = say("What was learnt")
    if not story.lessons:
        return section(title, note(say("No note was kept.")), name="lessons")
    items = [
        tag("li", one.text, tag("span", f" {one.evidence} {one.trust}".rstrip(), cls="source"))
        for one in story.lessons[:MAX_LESSONS]
    ]
    return section(title, tag("ul", *items), name="lessons")


def cost(story: Story, say: Say) -> Html:
    """All that was spent."""
    spent = story.spent
    rows = [
        [say("candidates"), f"{spent.evaluations:,}"],
        [say("valid"), f"{spent.valid:,}"],
        [say("processor time"), seconds(spent.cpu_s)],
        [say("time"), seconds(spent.wall_s)],
        [say("GPU time"), seconds(spent.gpu_s)],
        [say("tokens"), f"{spent.tokens:,}"],
        [say("money"), f"{number(spent.usd, 4)} USD"],
    ]
    if story.law is not None:
        paid = [row for row in rows[2:] if row[1] not in ("0", "0 s", "0 USD")]
        rows = [[say("experiments"), f"{story.law.experiments:,}"], *paid]
    return section(say("What it took"), table(["", ""], rows), *_machine(story, say), name="cost")


def _machine(story: Story, say: Say) -> list[Html]:
    words = [
        story.machine,
        say("workers: {count}", count=story.ran.workers) if story.ran.workers else "",
        story.version and f"firm {story.version}",
    ]
    return [note(" · ".join(word for word in words if word))]


def hashes(story: Story, parts: Mapping[str, str], say: Say) -> Html:
    """What the report rests on, and the hashes of its own parts."""
    rests = {
        say("evaluator"): story.hashes.evaluator or story.ran.evaluator,
        say("all candidates ({count} blocks)", count=f"{story.ran.blocks:,}"): story.hashes.blocks_root,
        say("problem's file"): story.hashes.problem_file,
        say("journal"): story.hashes.journal,
    } | dict(story.hashes.more)
    rows = [[name, tag("code", value)] for name, value in rests.items() if value]
    own = [[name, tag("code", value)] for name, value in parts.items()]
    lines = [
        [say("from block {number} on", number=f"{one.from_block:,}"), tag("code", one.evaluator)]
        for one in story.ran.lineages
        if len(story.ran.lineages) > 1
    ]
    how = say(
        "The hashes of the parts are SHA-256 over report.json: each key of its story as JSON with sorted keys, no "
        "spaces, UTF-8. Whole is the same of the whole story."
    )
    return section(
        say("Hashes"),
        table(["", ""], [*rows, *lines], first=9),
        tag(
            "details",
            tag("summary", say("Of the parts of this report")),
            table(["", ""], own, first=9),
            note(how),
        ),
        note(
            say(
                "Run {run}, seed {seed}, made {when}.",
                run=story.ran.id,
                seed=story.ran.seed,
                when=story.made_at,
            )
        ),
        name="hashes",
    )
