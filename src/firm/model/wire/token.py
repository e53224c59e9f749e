"""Tokens as servers tell of them: how many there were, and how likely each was.

One rule: a count is at least 0, a log-probability at most 0 and finite, whatever the server says.
"""

import msgspec

from firm.model.reply import TokenLogprob

MAX_COUNT = 2**53
"""Largest count that is believed."""
LEAST = -9999.0
"""Stands for the logarithm of 0."""


class Top(msgspec.Struct):
    """A token that might have been drawn."""

    token: str | None = None
    logprob: float | None = None


class Logprob(msgspec.Struct):
    """A token that was drawn."""

    token: str | None = None
    logprob: float | None = None
    top_logprobs: list[Top] | None = None


def count(found: int | None) -> int:
    """A count of tokens: 0 where the server gave none, or a negative one."""
    if not found or found < 0:
        return 0
    return found if found < MAX_COUNT else MAX_COUNT


def logprobs_of(found: list[Logprob] | None) -> tuple[TokenLogprob, ...]:
    """The tokens whose probability is known."""
    if not found:
        return ()
    return tuple(
        [
            TokenLogprob(
                item.token or "",
                _bounded(item.logprob),
                tuple(
                    [
                        (top.token or "", _bounded(top.logprob))
                        for top in item.top_logprobs or ()
                        if top.logprob is not None
                    ]
                ),
            )
            for item in found
            if item.logprob is not None
        ]
    )


def _bounded(logprob: float) -> float:
    return min(max(logprob, LEAST), 0.0)
