"""What a fully hostile model could do without asking anyone, and what that would cost at most.

One rule: it says too much rather than too little. Whatever condition on arguments, hosts or amounts a model can choose
to meet or to avoid counts as met or avoided as suits it; only what it cannot choose binds it.
"""

from collections.abc import Iterable, Sequence

import msgspec

from firm.policy.action import GRAVE, MODEL_CALLS, Action, Risk
from firm.policy.capability import Charter
from firm.policy.judge import rule_name
from firm.policy.permit import Permit
from firm.policy.rule import Rule
from firm.policy.rulebook import Ready, Rulebook
from firm.policy.standing import Standing
from firm.policy.tryout import Facts
from firm.units.purse import Per, Purse

PER_DAY: dict[Per, int] = {"": 1, "minute": 1440, "hour": 24, "day": 1, "week": 1, "month": 1}
"""How often a limit can be used up within a day; a week's money can all go on one day."""


class Way(msgspec.Struct, frozen=True):
    """One thing that can be done without asking."""

    tool: str
    risk: Risk
    tainted: bool
    """Also after something untrusted was read; False: only before."""
    by: str
    """What lets it through: 'default', 'rule 2', 'capability …', 'mandate …'."""
    to: tuple[str, ...] | None
    """The only destinations; None: any."""
    purses: tuple[Purse, ...] = ()
    """What bounds it; with '*' at the end of the id: one for each value of an argument."""
    costs: bool = False
    """Whether it can cost money."""


class Worst(msgspec.Struct, frozen=True):
    """All that one agent could do."""

    agent: str
    ways: tuple[Way, ...]
    usd_micro_per_day: int | None
    """What all ways together can cost within a day at most; None: nothing bounds it."""

    def when(self, *, tainted: bool) -> list[Way]:
        """What can be done before, or after, something untrusted was read."""
        return [way for way in self.ways if way.tainted or not tainted]


def worst_of(
    agent: str,
    tools: Sequence[Facts],
    charter: Charter,
    book: Rulebook,
    now_us: int,
    *,
    purses: Sequence[Purse] = (),
) -> Worst:
    """What an agent could do without asking.

    Args:
        agent: Who acts, '' for plain workflow code.
        tools: All that it could call.
        charter: Under which it acts.
        book: The founder's rules.
        now_us: Microseconds since 1970.
        purses: What it spends from besides the purses of its charter: the firm's, its unit's, its own.
    """
    ways = [way for facts in tools for way in _ways(agent, facts, charter, book, now_us)]
    bounds = [
        limit.most * PER_DAY[limit.per]
        for purse in (*purses, *charter.purses)
        for limit in purse.limits
        if limit.measure == "usd_micro"
    ]
    if (own := _cost(ways)) is not None:
        bounds.append(own)
    return Worst(agent, tuple(ways), min(bounds, default=None))


def _ways(agent: str, facts: Facts, charter: Charter, book: Rulebook, now_us: int) -> list[Way]:
    action = Action(facts.name, facts.risk, agent=agent)
    standing = book.standing(charter, action)
    if book.stop_of(action, standing.agents):
        return []
    open_now: list[list[Permit]] = []
    for level in standing.levels:
        permits = [permit for permit in level.covering(facts.name) if now_us < permit.until_us]
        if not permits:
            if level.exempts(action):
                continue
            return []
        if level.exempts(action):
            continue
        open_now.append(permits)
    rules = [ready.rule for ready in book.covering(facts.name) if _speaks_of(ready, action, standing.agents)]
    if any(rule.then != "allow" and not _avoidable(rule) for rule in rules):
        return []
    found = [] if facts.risk in GRAVE else [_way(facts, "default", open_now, tainted=True)]
    if facts.risk in GRAVE:
        allowing = [rule for rule in rules if rule.then == "allow"]
        found += [_way(facts, rule_name(rule), open_now, tainted=False) for rule in allowing[:1]]
        found += _named(facts, standing, open_now, now_us)
        found += _mandated(facts, book, open_now, agent, now_us)
    return [way for way in found if way.to != ()]


def _speaks_of(ready: Ready, action: Action, agents: tuple[str, ...]) -> bool:
    return ready.rule.risk in ("", action.risk) and ready.speaks_of(action.agent, agents)


def _avoidable(rule: Rule) -> bool:
    """Whether arguments, host or amount can be chosen such that it does not fit."""
    return bool(rule.where or rule.host) or rule.usd_over is not None


def _way(facts: Facts, by: str, levels: list[list[Permit]], *, tainted: bool) -> Way:
    return Way(facts.name, facts.risk, tainted, by, _listed(levels), _bounds(levels), _costs(facts))


def _named(facts: Facts, standing: Standing, levels: list[list[Permit]], now_us: int) -> list[Way]:
    """What the outermost level names."""
    if standing.grantor is None:
        return []
    found = []
    for permit in standing.grantor.covering(facts.name):
        to = _within(sorted(permit.literals), levels)
        if to and now_us < permit.until_us:
            purses = tuple(dict.fromkeys((*permit.bound, *_bounds(levels))))
            found.append(
                Way(facts.name, facts.risk, True, f"capability {permit.id}", to, purses, _costs(facts))
            )
    return found


def _mandated(facts: Facts, book: Rulebook, levels: list[list[Permit]], agent: str, now_us: int) -> list[Way]:
    found = []
    for cover in book.covers:
        if cover.speaks_of(facts.name, agent, now_us) and (to := _within([cover.payee], levels)):
            purses = (cover.purse, *_bounds(levels))
            found.append(Way(facts.name, facts.risk, True, f"mandate {cover.name}", to, purses, True))
    return found


def _within(destinations: list[str], levels: list[list[Permit]]) -> tuple[str, ...]:
    """Those that every level can reach."""
    return tuple(
        one
        for one in destinations
        if all(any(permit.reaches((one,)) for permit in level) for level in levels)
    )


def _listed(levels: list[list[Permit]]) -> tuple[str, ...] | None:
    """All destinations that the levels leave; None where they cannot be listed."""
    found: set[str] | None = None
    for level in levels:
        lists = [permit.only_to for permit in level]
        if all(one is not None for one in lists):
            listed = {text for one in lists for text in one or ()}
            found = listed if found is None else found & listed
    return None if found is None else _within(sorted(found), levels)


def _bounds(levels: list[list[Permit]]) -> tuple[Purse, ...]:
    """Purses that each call counts against, whichever way it is permitted."""
    return tuple(dict.fromkeys(purse for level in levels if len(level) == 1 for purse in level[0].bound))


def _costs(facts: Facts) -> bool:
    return facts.risk == "spend" or bool(facts.amount) or facts.name in MODEL_CALLS


def _cost(ways: Iterable[Way]) -> int | None:
    """What all ways together can cost within a day, by their own purses."""
    bounds: dict[str, int] = {}
    for way in ways:
        if not way.costs:
            continue
        known = [(found, purse.id) for purse in way.purses if (found := _per_day(purse)) is not None]
        if not known:
            return None
        most, purse_id = min(known)
        bounds[purse_id] = most
    return sum(bounds.values())


def _per_day(purse: Purse) -> int | None:
    """Micro-dollars of a day that a purse lets through; None: it does not bound money, or not all of it."""
    if purse.id.endswith("/*"):
        return None
    limits = [limit.most * PER_DAY[limit.per] for limit in purse.limits if limit.measure == "usd_micro"]
    return min(limits, default=None)


__all__ = ["PER_DAY", "Way", "Worst", "worst_of"]
