"""Say what is to become of an action: allow, ask or deny.

One rule: a pure function of the action, the charter, the founder's book and the time. It knows no balances: what a
purse still holds is the ledger's to say, and the gate judges again with `used_up` when it has said so.

The order: capabilities (every level must permit), the stop list, rules (the strictest that fits), the default of the
risk, labels (what strangers wrote makes grave actions ask), mandates. Calls to models and what only computes need no
capability, but a level that names them by name bounds them.
"""

from collections.abc import Collection, Sequence

from firm.policy.action import GRAVE, UNTRUSTED, Action
from firm.policy.capability import Charter
from firm.policy.match import shown
from firm.policy.permit import Level, Permit
from firm.policy.rule import Rule
from firm.policy.rulebook import Fitting, Rulebook
from firm.policy.verdict import STRICTNESS, Then, Verdict
from firm.units.purse import Purse

MAX_TOOLS_SHOWN = 10
"""Tools, and destinations, that a verdict names."""
_ALLOWED = {
    risk: Verdict("allow", f"no rule speaks of it, and {risk} is allowed by default", "default")
    for risk in ("pure", "read", "write")
}
_ASKED = {
    risk: Verdict("ask", f"no rule allows it, and {risk} asks by default", "default")
    for risk in sorted(GRAVE)
}
_SAYS: dict[Then, str] = {"allow": "allows", "ask": "asks", "deny": "denies"}


def judge(
    action: Action, charter: Charter, book: Rulebook, now_us: int, *, used_up: Collection[str] = ()
) -> Verdict:
    """What is to become of `action`.

    Args:
        action: With its real arguments.
        charter: Of the run that acts.
        book: The founder's rules.
        now_us: Microseconds since 1970.
        used_up: Ids of purses of capabilities and mandates that have no room for it: they count as not given.
    """
    if action.usd_micro < 0:
        return Verdict("deny", f"its cost of {action.usd_micro} micro-dollars is less than nothing", "amount")
    standing = book.standing(charter, action)
    purses: tuple[Purse, ...] = ()
    named = None
    for level in standing.levels:
        permit = level.choose(action, now_us, used_up)
        if permit is None:
            if level.exempts(action):
                continue
            if used_up and level.choose(action, now_us) is not None:
                return Verdict("deny", f"what {action.tool!r} was permitted is used up", "capability")
            return _not_permitted(action, level, standing.agents)
        purses += permit.purses(action)
        if level is standing.grantor and permit.names(action):
            named = permit
    if book.stopped and (stop := book.stop_of(action, standing.agents)):
        return Verdict("deny", f"{stop!r} was stopped", "stop")
    fitting = book.fitting(action, standing.agents)
    verdict = strictest(fitting) if fitting else _default(action, named)
    if action.risk in GRAVE and (verdict.then == "allow" or not fitting):
        verdict = _guarded(action, verdict, named)
        if verdict.then == "ask" and (cover := book.cover_of(action, now_us, used_up)):
            purses += (cover.purse,)
            verdict = Verdict("allow", f"mandate {cover.name!r} covers it", f"mandate {cover.name}")
    if purses and verdict.then != "deny":
        return Verdict(verdict.then, verdict.why, verdict.by, tuple(dict.fromkeys(purses)))
    return verdict


def strictest(fitting: Sequence[Fitting]) -> Verdict:
    """The word of several rules: that of the strictest, and among equals of the first; at least one is given."""
    rule, then = max(fitting, key=lambda fit: STRICTNESS[fit[1]])
    why = f"{rule_name(rule)} {_SAYS[then]}"
    if then != rule.then:
        why += " (nobody knows what it costs)"
    weaker = [other for other, word in fitting if STRICTNESS[word] < STRICTNESS[then]]
    if weaker:
        said = ", ".join(f"{rule_name(other)}, which {_SAYS[other.then]}" for other in weaker)
        why += f", which is stricter than {said}"
    return Verdict(then, why, rule_name(rule))


def rule_name(rule: Rule) -> str:
    """What a rule is called in verdicts."""
    return f"rule {rule.number}" if rule.number else "a rule"


def _default(action: Action, named: Permit | None) -> Verdict:
    if action.risk not in GRAVE:
        return _ALLOWED[action.risk]
    if named is None:
        return _ASKED[action.risk]
    return Verdict("allow", f"capability {named.id!r} names its destination", f"capability {named.id}")


def _guarded(action: Action, verdict: Verdict, named: Permit | None) -> Verdict:
    """Labels: what strangers wrote must not decide whom the firm reaches."""
    if verdict.then != "allow" or named is not None or UNTRUSTED not in action.marks:
        return verdict
    why = f"{verdict.why}, but the run has read what strangers wrote, and no capability names {_reached(action)}"
    return Verdict("ask", why, "label")


def _not_permitted(action: Action, level: Level, agents: tuple[str, ...]) -> Verdict:
    who = f"agent {agents[-1]!r}" if agents else "the run"
    tools = level.tools
    if not tools:
        why = f"{who} may call nothing"
    elif level.covering(action.tool):
        why = f"{who} may call {action.tool!r}, but not with these arguments, not to {_reached(action)}, or not now"
    else:
        why = f"{who} may call only {', '.join(tools[:MAX_TOOLS_SHOWN])}"
    return Verdict("deny", f"{why}; no capability permits it", "capability")


def _reached(action: Action) -> str:
    return ", ".join(map(shown, action.destinations[:MAX_TOOLS_SHOWN])) or "its destination"


__all__ = ["MAX_TOOLS_SHOWN", "Rulebook", "judge", "rule_name", "strictest"]
