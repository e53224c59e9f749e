"""Capabilities, made ready to be held against many actions.

One rule: a level permits an action if one of its capabilities alone permits all of it.
"""

from collections.abc import Collection, Iterable

import msgspec

from firm.errors import UsageError
from firm.ids import digest
from firm.policy.action import MODEL_CALLS, Action
from firm.policy.canonical import canonical
from firm.policy.capability import Capability
from firm.policy.match import Where, literal_of, text_test, values_at
from firm.policy.until import until_us as read_until
from firm.units.amount import usd_micro_of
from firm.units.budget import MAX_COUNT
from firm.units.purse import Limit, Purse

MAX_VALUE_CHARS = 100
"""Of an argument's value in the id of a purse; a longer one stands there as its hash."""
VOID = "1970-01-01T00:00:00Z"
"""Was over long ago."""
MAX_TOOLS_KEPT = 4096
"""Names of tools for which a level remembers what concerns them."""


class Permit:
    """One capability.

    Raises:
        UsageError: what no capability can say.
    """

    __slots__ = (
        "_every",
        "_limits",
        "_purses",
        "_to",
        "_until_us",
        "_usd_micro",
        "_where",
        "covers_tool",
        "id",
        "literal_tool",
        "literals",
        "names_any",
        "source",
    )  # fmt: skip

    def __init__(self, source: Capability) -> None:
        check(source)
        self.source = source
        self.id = capability_id(source)
        self.covers_tool = text_test(source.tool)
        self.literal_tool = literal_of(source.tool)
        self._to = tuple(map(text_test, source.to))
        literals = {literal for pattern in source.to if (literal := literal_of(pattern)) is not None}
        self.literals = frozenset(literals if self.literal_tool is not None else literals - {""})
        self.names_any = bool(self.literals)
        self._where = Where(source.where) if source.where else None
        self._until_us = read_until(source.until)
        self._usd_micro = None if source.usd is None else usd_micro_of(source.usd, "usd")
        self._limits = _limits(source.calls, self._usd_micro)
        self._every = source.per
        self._purses = (Purse(f"capability/{self.id}", self._limits),) if self._limits else ()

    def permits(self, action: Action, now_us: int, used_up: Collection[str] = ()) -> bool:
        """Whether it permits all of an action of a tool that it covers."""
        if now_us >= self._until_us or (self._usd_micro is not None and action.usd_micro > self._usd_micro):
            return False
        if self._to and not self.reaches(action.destinations):
            return False
        if self._where is not None and not self._where.fits(action.args):
            return False
        if not self._limits:
            return True
        purses = self.purses(action)
        return bool(purses) and not any(purse.id in used_up for purse in purses)

    def reaches(self, destinations: tuple[str, ...]) -> bool:
        """Whether each destination is among those that it permits."""
        return not self._to or all(any(test(one) for test in self._to) for one in destinations)

    @property
    def until_us(self) -> int:
        """When it ends, microseconds since 1970."""
        return self._until_us

    @property
    def only_to(self) -> frozenset[str] | None:
        """All destinations that it permits; None where they cannot be listed."""
        listed = {literal for pattern in self.source.to if (literal := literal_of(pattern)) is not None}
        return frozenset(listed) if self.source.to and len(listed) == len(set(self.source.to)) else None

    @property
    def bound(self) -> tuple[Purse, ...]:
        """What bounds all calls that it permits; an id that ends in `/*` stands for one purse for each value."""
        if not self._limits:
            return ()
        return (Purse(f"capability/{self.id}/*", self._limits),) if self._every else self._purses

    def names(self, action: Action) -> bool:
        """Whether each destination is written in it as it is; and if it limits money, that the cost is known."""
        if not self.literals.issuperset(action.destinations):
            return False
        return self._usd_micro is None or action.usd_micro > 0 or action.risk != "spend"

    def purses(self, action: Action) -> tuple[Purse, ...]:
        """What a call counts against; () where nothing is counted, or `per` names what is not there."""
        if not self._every or not self._limits:
            return self._purses
        values, whole = values_at(action.args, self._every)
        if not whole:
            return ()
        ids = dict.fromkeys(f"capability/{self.id}/{_as_text(value)}" for value in values)
        return tuple(Purse(id, self._limits) for id in ids)


def check(source: Capability) -> None:
    """Refuse what no capability can say.

    Raises:
        UsageError: with what to write instead.
    """
    for name, value in (
        ("tool", source.tool),
        ("id", source.id),
        ("per", source.per),
        ("until", source.until),
    ):
        if type(value) is not str:
            raise UsageError(f"Capability({name}={value!r:.80}): give text")
    if not source.tool:
        raise UsageError("Capability(tool=''): name a tool, or give \"*\" for all")
    if type(source.to) not in (tuple, list) or not all(type(one) is str for one in source.to):
        raise UsageError(f"Capability(to={source.to!r:.80}): give a tuple of destinations")
    if not isinstance(source.where, dict):
        raise UsageError(f"Capability(where={source.where!r:.80}): give a dict of arguments")
    if source.calls is not None and (type(source.calls) is not int or not 0 <= source.calls <= MAX_COUNT):
        raise UsageError(f"Capability(calls={source.calls!r}): give a whole number, 0 to {MAX_COUNT:,}")
    if source.per and source.calls is None and source.usd is None:
        raise UsageError(f"Capability(per={source.per!r}) counts nothing: add calls or usd")
    if type(source.delegate) is not bool:
        raise UsageError(f"Capability(delegate={source.delegate!r}): give True or False")


def capability_id(source: Capability) -> str:
    """What it is called in verdicts and in the ledger."""
    return source.id or digest(msgspec.json.encode(source, order="deterministic"))[:12]


def _limits(calls: int | None, usd_micro: int | None) -> tuple[Limit, ...]:
    money = () if usd_micro is None else (Limit("usd_micro", usd_micro),)
    return money if calls is None else (*money, Limit("calls", calls))


def _as_text(value: object) -> str:
    text = value if isinstance(value, str) else canonical(value).decode()
    return text if len(text) <= MAX_VALUE_CHARS else digest(text)


def handed_down(level: Iterable[Capability]) -> tuple[Capability, ...]:
    """What is left of a level below its holder: what may be delegated.

    What may not, and names a tool by name, stays as a void permission: a call that needs a capability only where
    its tool is named (see `Level.exempts`) must go on needing one.
    """
    kept = []
    for one in level:
        if one.delegate:
            kept.append(one)
        elif literal_of(one.tool) is not None:
            kept.append(Capability(one.tool, until=VOID))
    return tuple(kept)


class Level:
    """All capabilities of one level; none of them means that nothing is permitted."""

    __slots__ = ("_by_tool", "permits")

    def __init__(self, capabilities: Iterable[Capability]) -> None:
        self.permits = tuple(map(Permit, capabilities))
        self._by_tool: dict[str, tuple[Permit, ...]] = {}

    def covering(self, tool: str) -> tuple[Permit, ...]:
        """What concerns a tool; those that name destinations first."""
        found = self._by_tool.get(tool)
        if found is None:
            covering = [permit for permit in self.permits if permit.covers_tool(tool)]
            found = tuple(sorted(covering, key=lambda permit: not permit.names_any))
            if len(self._by_tool) >= MAX_TOOLS_KEPT:
                self._by_tool.clear()
            self._by_tool[tool] = found
        return found

    def choose(self, action: Action, now_us: int, used_up: Collection[str] = ()) -> Permit | None:
        """The first that permits and names the destination, else the first that permits."""
        chosen = None
        for permit in self.covering(action.tool):
            if permit.permits(action, now_us, used_up):
                if permit.names_any and permit.names(action):
                    return permit
                chosen = chosen or permit
        return chosen

    def exempts(self, action: Action) -> bool:
        """Whether it needs no capability: what only computes and calls to models, unless they are named here."""
        if action.risk != "pure" and action.tool not in MODEL_CALLS:
            return False
        return not any(permit.literal_tool == action.tool for permit in self.covering(action.tool))

    @property
    def tools(self) -> list[str]:
        """Tools and patterns that it permits, for showing."""
        return sorted({permit.source.tool for permit in self.permits if permit.source.until != VOID})
