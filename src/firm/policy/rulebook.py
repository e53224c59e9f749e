"""The founder's book: rules, capabilities of agents, mandates, what was stopped; made ready for many actions.

One rule: it never changes; a changed firm.toml, or a new stop, makes another book.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from firm.policy.action import Action
from firm.policy.capability import Capability, Charter
from firm.policy.mandate import Cover
from firm.policy.match import Test, Where, host_of, text_test
from firm.policy.permit import Permit
from firm.policy.rule import Mandate, Rule
from firm.policy.standing import Standing, is_below, may_shrink, standing_of
from firm.policy.verdict import Then
from firm.units.amount import usd_micro_of

EVERYTHING = "*"
"""On the stop list: whatever acts."""
MAX_KEPT = 16_384
"""Charters, and names of tools, for which a book remembers what concerns them."""

Fitting = tuple[Rule, Then]
"""A rule that fits, and its word here (a rule that denies above a sum asks where the sum is not known)."""


class Ready:
    """One rule, made ready.

    Raises:
        UsageError: what no rule can say.
    """

    __slots__ = ("_agent", "_host", "_usd_micro", "_where", "covers_tool", "fitting", "rule", "unknown")

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.fitting: Fitting = (rule, rule.then)
        self.unknown: Fitting = (rule, "ask")
        self.covers_tool = text_test(rule.tool or "*")
        self._agent: Test | None = text_test(rule.agent) if rule.agent else None
        self._host: Test | None = text_test(host_of(rule.host)) if rule.host else None
        self._where = Where(rule.where, restricts=rule.then != "allow") if rule.where else None
        self._usd_micro = None if rule.usd_over is None else usd_micro_of(rule.usd_over, "usd_over")

    def fit(self, action: Action, agents: tuple[str, ...]) -> Fitting | None:
        """Its word about an action of a tool that it covers; None where it does not fit."""
        rule = self.rule
        if rule.risk and rule.risk != action.risk:
            return None
        if self._agent is not None and not self.speaks_of(action.agent, agents):
            return None
        if self._host is not None and not (action.host and self._host(host_of(action.host))):
            return None
        if self._where is not None and not self._where.fits(action.args):
            return None
        if self._usd_micro is None or action.usd_micro > self._usd_micro:
            return self.fitting
        return self.unknown if action.usd_micro == 0 and action.risk == "spend" else None

    def speaks_of(self, agent: str, agents: tuple[str, ...]) -> bool:
        """Whether it speaks of who acts, or of those for whom it is done (from the outermost in)."""
        test = self._agent
        if test is None or test(agent):
            return True
        return self.rule.then != "allow" and any(map(test, agents))


@dataclass(frozen=True, slots=True, eq=False)
class Rulebook:
    """What the founder has laid down.

    Raises:
        UsageError: rules, capabilities or mandates that say what cannot be.
    """

    rules: tuple[Rule, ...] = ()
    mandates: tuple[Mandate, ...] = ()
    stopped: frozenset[str] = frozenset()
    """Agents and runs that may do nothing more; `EVERYTHING` for all."""
    tools: frozenset[str] = frozenset()
    """Names of all tools; empty: not known, so rules for tools that are not there are not found."""
    capabilities: Mapping[str, tuple[Capability, ...]] = field(default_factory=dict)
    """What each agent may do wherever it acts, by its name; an agent that is not named here is bounded by its
    charter alone."""
    _ready: tuple[Ready, ...] = field(init=False, repr=False)
    _covers: dict[str, tuple[Cover, ...]] = field(init=False, repr=False)
    _by_tool: dict[str, tuple[Ready, ...]] = field(init=False, repr=False)
    _standings: dict[tuple[int, str], tuple[Charter, Standing, Standing]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        from firm.policy.consistent import check_rules, check_tools

        check_rules(self.rules)
        if self.tools:
            check_tools(self, self.tools)
        for capability in (one for some in self.capabilities.values() for one in some):
            Permit(capability)
        covers: dict[str, tuple[Cover, ...]] = {}
        for cover in map(Cover, self.mandates):
            covers[cover.payee] = (*covers.get(cover.payee, ()), cover)
        object.__setattr__(self, "_ready", tuple(map(Ready, self.rules)))
        object.__setattr__(self, "_covers", covers)
        object.__setattr__(self, "_by_tool", {})
        object.__setattr__(self, "_standings", {})

    def standing(self, charter: Charter, action: Action) -> Standing:
        """Who acts, and which levels must permit it."""
        key = (id(charter), action.agent)
        kept = self._standings.get(key)
        if kept is None:
            kept = self._keep(key, charter)
        _, held, below = kept
        return held if below is held or not is_below(charter, action.run) else below

    def _keep(self, key: tuple[int, str], charter: Charter) -> tuple[Charter, Standing, Standing]:
        if len(self._standings) >= MAX_KEPT:
            self._standings.clear()
        held = below = standing_of(charter, key[1], self.capabilities, below=False)
        if may_shrink(charter, key[1], self.capabilities):
            below = standing_of(charter, key[1], self.capabilities, below=True)
        kept = (charter, held, below)  # the charter is kept, so that its id stays its own
        self._standings[key] = kept
        return kept

    def fitting(self, action: Action, agents: tuple[str, ...]) -> list[Fitting]:
        """The rules that fit an action, in their order, each with its word.

        Args:
            action: What is about to be done.
            agents: For whom it is done, from the outermost in.
        """
        covering = self._by_tool.get(action.tool)
        if covering is None:
            covering = self.covering(action.tool)
        return [found for ready in covering if (found := ready.fit(action, agents)) is not None]

    def covering(self, tool: str) -> tuple[Ready, ...]:
        """The rules that speak of a tool, or of all."""
        found = self._by_tool.get(tool)
        if found is None:
            if len(self._by_tool) >= MAX_KEPT:
                self._by_tool.clear()
            found = tuple(ready for ready in self._ready if ready.covers_tool(tool))
            self._by_tool[tool] = found
        return found

    @property
    def covers(self) -> list[Cover]:
        """All mandates, made ready."""
        return [cover for covers in self._covers.values() for cover in covers]

    def cover_of(self, action: Action, now_us: int, used_up: Collection[str] = ()) -> Cover | None:
        """The first mandate that covers an action."""
        for cover in self._covers.get(action.destinations[0], ()):
            if cover.covers(action, now_us, used_up):
                return cover
        return None

    def stop_of(self, action: Action, agents: tuple[str, ...]) -> str:
        """What was stopped that this action belongs to; '' where nothing was."""
        stopped = self.stopped
        if EVERYTHING in stopped:
            return EVERYTHING
        for agent in (*agents, action.agent):
            if agent and agent in stopped:
                return agent
        run = action.run
        while run:
            if run in stopped:
                return run
            run = run.rpartition("/")[0]
        return ""
