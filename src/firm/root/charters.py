"""The charter with which a run starts: in whose name, with which budget and which permissions.

One rule: a start can only narrow; what firm.toml gives an agent holds wherever that agent acts.
"""

import functools
import time
from collections.abc import Sequence
from typing import Any

from firm.agent.agent import Agent
from firm.policy.capability import EMPTY, Capability, Charter
from firm.policy.narrow import narrow
from firm.units.budget import Budget, budget_of
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


def acting_as(agent: Agent[Any], charter: Charter, run_id: str) -> Charter:
    """The charter in an agent's name, with what the agent itself says of its budget and of what it may call."""
    budget = budget_of(agent.budget)
    limits = budget.limits if budget is not None else ()
    wall_s = budget.wall_s if budget is not None else None
    return narrow(
        charter,
        agent=agent.name,
        capabilities=agent.capabilities,
        purses=(Purse(f"run/{run_id}/own", limits),) if limits else (),
        deadline_us=0 if wall_s is None else time.time_ns() // 1000 + round(wall_s * 1e6),
        depth=run_id.count("/"),
        place=f"{run_id}/own",
    )


def limited(agent: Agent[Any] | None) -> bool:
    """Whether an agent brings a budget or permissions of its own, which count by the id of its run."""
    return agent is not None and (agent.budget is not None or agent.capabilities is not None)


@functools.lru_cache(maxsize=4096)
def named(agent: str) -> bytes:
    """The charter that says no more than in whose name a run acts."""
    return narrow(EMPTY, agent=agent, depth=0).encode()
