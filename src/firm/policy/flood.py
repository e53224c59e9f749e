"""So many questions an agent may put in an hour, and no more.

One rule: what is over the limit is denied, not asked: a founder who is asked too much reads nothing any more.
"""

from collections import deque

HOUR_US = 3_600_000_000
MAX_AGENTS = 10_000
"""Agents that are remembered; the one that asked longest ago is forgotten first."""


class Flood:
    """When each agent asked within the last hour. Shared by all calls of a firm; kept in memory."""

    __slots__ = ("_asked",)

    def __init__(self) -> None:
        self._asked: dict[str, deque[int]] = {}

    def note(self, agent: str, at_us: int) -> None:
        """It has asked then; for those that stand in the journal when a firm is opened, the oldest first."""
        times = self._asked.pop(agent, None) or deque()
        times.append(at_us)
        self._asked[agent] = times  # at the end: it asked last
        if len(self._asked) > MAX_AGENTS:
            del self._asked[next(iter(self._asked))]

    def may_ask(self, agent: str, now_us: int, most: int) -> bool:
        """Whether it has put fewer than `most` questions within the hour before `now_us`; `most` at least 0."""
        times = self._asked.get(agent)
        while times and times[0] <= now_us - HOUR_US:
            times.popleft()
        return (len(times) if times else 0) < most
