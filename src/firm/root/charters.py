"""The charter with which a run starts: in whose name, with which budget and which permissions.

One rule: a start can only narrow; what firm.toml gives an agent holds wherever that agent acts.
"""

import time
from collections.abc import Sequence

from firm.policy.capability import EMPTY, Capability, Charter
from firm.policy.narrow import narrow
from firm.units.budget import Budget
from firm.units.purse import Purse


def charter_of(
    run_id: str, agent: str, budget: Budget | None, capabilities: Sequence[Capability] | None
) -> Charter:
    """What `Firm.start` was told, as a charter.

    Raises:
        UsageError: no name for an agent, or what is no capability.
    """
    limits = budget.limits if budget is not None else ()
    wall_s = budget.wall_s if budget is not None else None
    return narrow(
        EMPTY,
        agent=agent,
        capabilities=capabilities,
        purses=(Purse(f"run/{run_id}", limits),) if limits else (),
        deadline_us=0 if wall_s is None else time.time_ns() // 1000 + round(wall_s * 1e6),
        depth=run_id.count("/"),
        place=run_id,
    )
