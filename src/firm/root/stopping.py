"""Stopping agents, runs or the whole firm, and letting them go on: what is written for that.

One rule: a stop is durable before it is confirmed, and it stands until somebody lifts it.
"""

from collections.abc import Sequence
from typing import Literal

from firm.errors import PolicyDenied, UsageError
from firm.kernel.call import Start
from firm.kernel.halt import halts, releases, unfinished_tree
from firm.kernel.journal import Also, Journal, Row
from firm.kernel.status import TERMINAL, Status
from firm.policy.capability import Charter
from firm.policy.rulebook import EVERYTHING
from firm.root.config import Config

BOOK = "stop"
"""The journal's book of agents that were stopped, by name; `EVERYTHING` is the whole firm."""
MAX_LISTED = 1_000_000
"""Unfinished runs of one status that are looked at."""
Scope = Literal["run", "agent", "all"]


async def stopped_in(journal: Journal) -> frozenset[str]:
    """Agents that are stopped; with `EVERYTHING` the firm is."""
    return frozenset(row.key for row in await journal.rows(BOOK) if row.value)


def stop_rows(scope: Scope, name: str) -> list[Row]:
    """What keeps it stopped; of a run its standing says that."""
    return [] if scope == "run" else [Row(BOOK, stop_key(scope, name), b"1")]


def lift_rows(scope: Scope, name: str) -> list[Row]:
    """What lets it go on."""
    return [] if scope == "run" else [Row(BOOK, stop_key(scope, name), b"")]


def stop_key(scope: Scope, name: str) -> str:
    """Name under which a stop of this scope stands."""
    return EVERYTHING if scope == "all" else name


def check_not_stopped(stopped: frozenset[str], agent: str = "") -> None:
    """Refuse to begin anything that was stopped.

    Raises:
        PolicyDenied: the firm, or this agent, was stopped.
    """
    if EVERYTHING in stopped:
        raise PolicyDenied("the firm was stopped: nothing begins until `firm resume --all`")
    if agent and agent in stopped:
        raise PolicyDenied(f"agent {agent!r} was stopped: nothing of it begins until `firm resume {agent}`")


def agents_in(config: Config) -> set[str]:
    """Agents of which firm.toml speaks by name."""
    ruled = {
        rule.agent for rule in config.rules if rule.agent and not any(one in rule.agent for one in "*?[")
    }
    limited = {id.partition("/")[2] for id in config.budget.purses if id.startswith("agent/")}
    return {*config.capabilities, *limited, *ruled}


async def agents_at_work(journal: Journal) -> set[str]:
    """Agents in whose names unfinished runs act."""
    found: set[str] = set()
    for run in await _unfinished(journal, None):
        found.update(await agents_of(run, journal))
    return found - {""}


async def _unfinished(journal: Journal, parent: str | None) -> list[str]:
    found: list[str] = []
    for status in Status:
        if status not in TERMINAL:
            standings = await journal.standings(status=status, parent=parent, limit=MAX_LISTED)
            found += [standing.run for standing in standings]
    return found


async def runs_in(scope: Scope, name: str, journal: Journal) -> list[str]:
    """Unfinished runs that a stop of this scope reaches, besides what they have begun.

    Raises:
        UsageError: there is no such run, or it has ended.
    """
    if scope == "run":
        standing = await journal.standing(name)
        if standing is None:
            raise UsageError(f"there is no run {name!r}; `firm ps` lists them")
        if standing.status in TERMINAL:
            raise UsageError(f"run {name!r} has ended already: it {standing.status}")
        return [name]
    runs = await _unfinished(journal, "" if scope == "all" else None)
    if scope == "all":
        return runs
    return [run for run in runs if name in await agents_of(run, journal)]


async def agents_of(run: str, journal: Journal) -> Sequence[str]:
    """In whose names a run acts, from the outermost in."""
    events = await journal.read(run)
    if not events:
        return ()
    charter = Charter.decode(Start.decode(events[0].body).charter)
    return [*(agent for agent, _ in charter.agents), charter.agent]


async def rows_to_stop(scope: Scope, name: str, journal: Journal, at_us: int) -> list[Also]:
    """Everything that a stop writes where no engine runs."""
    runs = await runs_in(scope, name, journal)
    return [*stop_rows(scope, name), *halts(await unfinished_tree(journal, runs), at_us)]


async def rows_to_release(scope: Scope, name: str, journal: Journal, at_us: int) -> list[Also]:
    """Everything that lifting a stop writes where no engine runs."""
    runs = await runs_in(scope, name, journal)
    return [*lift_rows(scope, name), *releases(await unfinished_tree(journal, runs), at_us)]
