"""What a charter and the founder's book come to for one agent: the levels that must permit what it does.

One rule: each level that is added can only take away; the power to name a destination, which spares a question, lies
with the outermost level alone.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from firm.policy.capability import Capability, Charter
from firm.policy.permit import Level, handed_down

_SHORTENED = re.compile(r"[0-9a-f]{32}/")
"""Beginning of an id that was too long, and tells no depth any more."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Who acts, and what must permit it."""

    levels: tuple[Level, ...] = ()
    grantor: Level | None = None
    """The outermost level, if it was written before anything untrusted was read: what it names needs no question."""
    agents: tuple[str, ...] = ()
    """From the outermost in; the last one acts."""


def is_below(charter: Charter, run: str) -> bool:
    """Whether a run lies deeper than the holder of the charter, so that only what may be delegated counts."""
    return run.count("/") > charter.depth or _SHORTENED.match(run) is not None


def standing_of(
    charter: Charter, agent: str, capabilities: Mapping[str, tuple[Capability, ...]], *, below: bool
) -> Standing:
    """Put the levels of the charter and those that the founder gave its agents into one order.

    Args:
        charter: Of the run.
        agent: Who acts; where it is not the charter's own, one more link.
        capabilities: By agent, from firm.toml.
        below: See `is_below`.
    """
    links = list(charter.agents)
    if charter.agent and charter.agent not in (name for name, _ in links[-1:]):
        links.append((charter.agent, 0 if not links else len(charter.levels)))
    if agent and agent not in (name for name, _ in links[-1:]):
        links.append((agent, len(charter.levels)))
    found: list[Level] = []
    for place in range(len(charter.levels) + 1):
        for count, (name, above) in enumerate(links, 1):
            if above == place and name in capabilities:
                found.append(_level(capabilities[name], below or count < len(links)))
        if place < len(charter.levels):
            found.append(_level(charter.levels[place], below))
    given = any(above == 0 and name in capabilities for name, above in links)
    grantor = found[0] if found and (given or not charter.late) else None
    return Standing(tuple(found), grantor, tuple(name for name, _ in links))


def _level(capabilities: tuple[Capability, ...], below: bool) -> Level:
    return Level(handed_down(capabilities) if below else capabilities)


def may_shrink(charter: Charter, agent: str, capabilities: Mapping[str, tuple[Capability, ...]]) -> bool:
    """Whether `below` can make a difference: something may not be delegated."""
    given = [
        capabilities.get(name, ()) for name in (agent, charter.agent, *(name for name, _ in charter.agents))
    ]
    return not all(one.delegate for level in (*given, *charter.levels) for one in level)
