"""The summary of the report, by the firm's model: a few sentences about figures that it is given.

One rule: the report never depends on it. Whatever goes wrong, there is a reason instead of a paragraph. What is made
of the text is the business of `paragraph`, which does not trust it.
"""

import asyncio
from textwrap import shorten
from urllib.parse import urlsplit

from firm import chat
from firm.model import Sampling
from story import Story, Summary
from words import words

MAX_TOKENS = 240
"""A paragraph of five sentences needs about 100."""
PATIENCE_S = 180.0
"""The report waits no longer than this; it is a timer of the run, and survives like the rest."""
MAX_REASON_CHARS = 300


async def summarize(story: Story, model: str = "default") -> Summary:
    """Ask the model once; its reply is in the journal before anything is made of it.

    Args:
        story: What the search has to tell.
        model: Name of one of the firm's models; empty: nobody is asked.
    """
    say = words(story.language)
    if not model:
        return Summary(why_not=say("none was wanted"))
    sampling = Sampling(temperature=0, seed=story.seed)
    try:
        async with asyncio.timeout(PATIENCE_S):
            reply = await chat(prompt(story), model=model, max_tokens=MAX_TOKENS, sampling=sampling)
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


def prompt(story: Story) -> str:
    """The figures, and what to write about them."""
    say, record = words(story.language), story.record
    met = say("Every constraint is met." if story.best.feasible else "Not every constraint is met.")
    facts = [
        say("The search began with a flat plate. Its lift over drag was {before}.", **record),
        say("In each of {rounds} rounds {hands} hands at once tried changes.", **record),
        say("The founder was asked what matters most and chose: {aim}.", aim=say(story.aim)),
        say("The best section that was found has a lift over drag of {after}.", **record),
        met,
        say(
            "The numbers are the word of a surrogate, NeuralFoil. Nothing was measured in a wind tunnel.",
        ),
    ]
    task = say(
        "Write one paragraph of 3 to 5 plain sentences for the founder: how the search began, how it was done, what "
        "was found, and how far to believe it. Use only these facts and no other numbers."
    )
    head = say("You write the summary of a report about a search for a wing section. The facts:")
    return "\n".join([head, "", *(f"- {fact}" for fact in facts), "", task])
