"""Hand a charter down: to another agent, with fewer permissions, with a budget of its own.

One rule: narrowing only takes away. What the charter above does not permit, nothing that is written below can.
"""

from collections.abc import Sequence

import msgspec

from firm.errors import UsageError
from firm.ids import check_id, digest
from firm.policy.capability import Capability, Charter
from firm.policy.permit import Permit, handed_down
from firm.units.purse import Purse

MAX_DEPTH = 16
"""Levels of capabilities, agents in one another, and budgets in one another."""


def narrow(
    charter: Charter,
    *,
    agent: str = "",
    unit: str = "",
    goal: str = "",
    capabilities: Sequence[Capability] | None = None,
    purses: Sequence[Purse] = (),
    deadline_us: int = 0,
    late: bool = False,
    depth: int | None = None,
    place: str = "",
) -> Charter:
    """The charter of what its holder begins.

    Args:
        charter: The holder's.
        agent: Who acts from here on; '': as before.
        unit: For which unit; '': as before.
        goal: For which goal; '': as before.
        capabilities: One more level that must permit each call; () permits nothing, None adds no level.
        purses: What calls count against besides.
        deadline_us: When time is over, microseconds since 1970; 0: as before. The earlier one holds.
        late: Whether the holder has read what strangers wrote: then a first level names no destination.
        depth: How deep the run lies that will hold it; None: as before.
        place: Makes counters of capabilities without an id those of this place alone.

    Raises:
        UsageError: a capability that cannot be, or more than `MAX_DEPTH` in one another.
    """
    kept = [handed_down(level) for level in charter.levels]
    agents = charter.agents or (((charter.agent, 0),) if charter.agent else ())
    if capabilities is not None:
        kept.append(_given(capabilities, place))
    if agent and (not agents or agents[-1][0] != agent):
        agents = (*agents, (check_id(agent, "agent"), len(kept)))
    all_purses = tuple(dict.fromkeys((*charter.purses, *purses)))
    for count, what in ((len(kept), "capabilities"), (len(agents), "agents"), (len(all_purses), "budgets")):
        if count > MAX_DEPTH:
            raise UsageError(
                f"{count} {what} in one another; at most {MAX_DEPTH} are allowed: delegate less deep"
            )
    deadlines = [time for time in (charter.deadline_us, deadline_us) if time]
    return Charter(
        agent=agent or charter.agent,
        unit=unit or charter.unit,
        goal=goal or charter.goal,
        levels=tuple(kept),
        purses=all_purses,
        deadline_us=min(deadlines, default=0),
        agents=agents,
        late=charter.late if charter.levels or capabilities is None else late,
        depth=charter.depth if depth is None else depth,
    )


def _given(capabilities: Sequence[Capability], place: str) -> tuple[Capability, ...]:
    if isinstance(capabilities, Capability) or not all(isinstance(one, Capability) for one in capabilities):
        raise UsageError(f"capabilities={capabilities!r:.80}: give a list of Capability(tool=…)")
    given = []
    for count, one in enumerate(capabilities):
        Permit(one)
        if not one.id and (one.calls is not None or one.usd is not None):
            body = msgspec.json.encode(one, order="deterministic")
            one = msgspec.structs.replace(one, id=digest(place, count, body)[:12])
        given.append(msgspec.structs.replace(one, to=tuple(one.to)))
    return tuple(given)
