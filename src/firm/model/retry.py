"""When to try again, and how often that may be done: the one place where calls of models are repeated.

One rule: repeated calls are a small part of all calls, so that a server that is down is not kept down by them.
"""

from firm.kernel.ports import Randomness

ATTEMPTS = 4
"""Attempts of one call at one model, the first included."""
FIRST_S = 0.5
"""Longest wait before the second attempt; doubled for each further one."""
MAX_WAIT_S = 30.0

SHARE = 0.1
"""Repeated calls for each call."""
RESERVE = 10.0
"""Repeated calls that are allowed before there was any traffic, and after a time without."""
RESERVE_PER_S = 0.2
"""How fast that reserve comes back."""
MAX_SAVED = 1000.0
"""Most that can be saved up."""


def backoff_s(attempt: int, randomness: Randomness) -> float:
    """How long to wait after so many attempts: anything up to a bound that doubles ("full jitter").

    Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """
    return randomness.random() * min(FIRST_S * 2.0 ** min(attempt - 1, 16), MAX_WAIT_S)


class RetryBudget:
    """How many repeated calls one model's traffic allows; a bucket of tokens.

    A call brings `SHARE` of a token, a repeated one takes a whole one. Calls that were refused for want of room, and
    find no token, may wait for one: while some do, each success brings one. So what a server refused comes
    back no faster than it answers (as acknowledgements clock a sender: Jacobson 1988), and not at all from a server
    that answers nobody.
    """

    __slots__ = ("_now_s", "taken", "tokens")

    def __init__(self, now_s: float) -> None:
        self.tokens = RESERVE
        self.taken = 0
        """Tokens that were taken so far."""
        self._now_s = now_s

    def called(self) -> None:
        """A call was made."""
        if self.tokens < MAX_SAVED:
            self.tokens += SHARE

    def answered(self) -> None:
        """A call was answered, while others wait for a token."""
        self.tokens += 1.0

    def take(self, now_s: float) -> bool:
        """Take a token, if there is one."""
        if self.tokens < RESERVE:
            self.tokens = min(RESERVE, self.tokens + (now_s - self._now_s) * RESERVE_PER_S)
        self._now_s = now_s
        if self.tokens < 1.0:
            return False
        self.tokens -= 1.0
        self.taken += 1
        return True
