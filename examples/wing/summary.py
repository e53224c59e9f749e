"""The summary of the report, by the firm's model: a few sentences about figures that it is given.

One rule: the report never depends on it. Whatever goes wrong, there is a reason instead of a paragraph. What is made
of the text is the business of `paragraph`, which does not trust it.
"""

import asyncio
from textwrap import shorten
from urllib.parse import urlsplit

import msgspec

from firm import chat
from firm.lab.report import Story
from firm.lab.report.claim import best_baseline
from firm.lab.report.figures import better_by
from firm.model import Sampling
from words import Say, words

MAX_TOKENS = 240
"""A paragraph of five sentences needs about 100."""
PATIENCE_S = 180.0
"""The report waits no longer than this; it is a timer of the run, and survives like the rest."""
MAX_REASON_CHARS = 300


class Summary(msgspec.Struct, frozen=True):
    """A paragraph by a model, or why there is none."""

    text: str = ""
    """As the model wrote it: not to be trusted, not even to be text."""
    model: str = ""
    """The name of the model that wrote it."""
    host: str = ""
    """Where it ran; empty: on this machine."""
    why_not: str = ""
    """Why there is no text."""


async def summarize(story: Story, language: str = "en", model: str = "default") -> Summary:
    """Ask the model once; its reply is in the journal before anything is made of it.

    Args:
        story: What the search has to tell.
        language: One of `words.LANGUAGES`.
        model: Name of one of the firm's models; empty: nobody is asked.
    """
    say = words(language)
    if not model:
        return Summary(why_not=say("none was wanted"))
    sampling = Sampling(temperature=0, seed=story.ran.seed)
    try:
        async with asyncio.timeout(PATIENCE_S):
            reply = await chat(prompt(story, say), model=model, max_tokens=MAX_TOKENS, sampling=sampling)
    except TimeoutError:
        return Summary(
            why_not=say("the model gave no answer within {seconds} s", seconds=f"{PATIENCE_S:.0f}")
        )
    except Exception as error:
        return Summary(
            why_not=shorten(str(error), MAX_REASON_CHARS, placeholder=" …") or type(error).__name__
        )
    if not reply.text.strip():
        return Summary(why_not=say("the model answered without a word"))
    host = urlsplit(reply.endpoint).hostname or ""
    here = host in ("", "localhost", "127.0.0.1", "::1") or host.endswith(".localhost")
    return Summary(reply.text, reply.model, "" if here else host)


def figures(story: Story) -> dict[str, float]:
    """The figures that the model is given, rounded as it is given them; a name says which of them are shares."""
    record: dict[str, float] = {"plate": 0, "candidates": story.spent.evaluations}
    record["cpu_s"] = round(story.spent.cpu_s)
    best, known = story.champion, best_baseline(story)
    if best is None:
        return record
    record["found"] = round(best.value, 1)
    if known is not None and (gain := better_by(best.value, known.value or 0.0, story.asked.objective)):
        record |= {"catalogue": round(known.value or 0.0, 1), "gain_percent": round(100 * gain, 1)}
    if best.holdout is not None and best.holdout.value is not None:
        record["holdout"] = round(best.holdout.value, 1)
    return record


def prompt(story: Story, say: Say) -> str:
    """The figures, and what to write about them."""
    record, best = figures(story), story.champion
    facts = [
        say("The search began with a flat plate. Its lift over drag is {plate}.", **record),
        say("It scored {candidates} candidates in {cpu_s} seconds of processor time.", **record),
    ]
    if best is None:
        facts.append(say("No section was found that holds."))
    else:
        facts.append(say("The section that was found has a lift over drag of {found}.", **record))
        facts.append(say(SURROGATE if best.trust == "surrogate" else CONFIRMED))
    if "catalogue" in record:
        facts.append(
            say(
                "The best section of a catalogue has {catalogue}; the new one gains {gain_percent} %.",
                **record,
            )
        )
    if "holdout" in record:
        facts.append(say("In other air, which the search had not seen, it has {holdout}.", **record))
    task = say(
        "Write one paragraph of 3 to 5 plain sentences for the founder: how the search began, how it was done, what "
        "was found, and how far to believe it. Use only these facts and no other numbers."
    )
    head = say("You write the summary of a report about a search for a wing section. The facts:")
    return "\n".join([head, "", *(f"- {fact}" for fact in facts), "", task])


SURROGATE = "That is the word of a surrogate, NeuralFoil. Nothing was measured in a wind tunnel."
CONFIRMED = "XFOIL, a second solver, says so. Nothing was measured in a wind tunnel."
