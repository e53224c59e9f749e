"""Whether the founder's rules can all be meant: no contradiction, no tool that is not there.

One rule: what contradicts itself is refused when it is read, though the strictest rule would hold anyway.
"""

import difflib
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, get_args

import msgspec

from firm.errors import UsageError
from firm.policy.action import MODEL_CALLS, RISKS
from firm.policy.match import literal_of, text_test
from firm.policy.rule import Rule
from firm.policy.verdict import Then
from firm.units.amount import usd_micro_of

if TYPE_CHECKING:
    from firm.policy.rulebook import Rulebook

Place = tuple[str | int, ...]
"""Keys from the outside in; a number is the place in a list of sections, 0 for the first."""


class BadRule(UsageError):
    """A rule, capability or mandate that cannot be meant.

    Args:
        place: Where it stands in firm.toml.
        told: What is wrong, and what to write instead.
    """

    def __init__(self, place: Place, told: str) -> None:
        super().__init__(place, told)
        self.place, self.told = place, told

    def __str__(self) -> str:
        return self.told


def check_rules(rules: Sequence[Rule]) -> None:
    """Refuse rules that cannot be meant.

    Raises:
        BadRule: an unknown word, an amount that cannot be, a rule that allows above a sum, or two rules with the
            same conditions and different words.
    """
    seen: dict[bytes, tuple[int, Rule]] = {}
    for count, rule in enumerate(rules):
        _check_rule(rule, count)
        conditions = msgspec.structs.replace(rule, then="ask", number=0)
        key = msgspec.json.encode(conditions, order="deterministic")
        first, other = seen.setdefault(key, (count, rule))
        if other.then != rule.then:
            raise BadRule(
                ("rules", count),
                f"[[rules]] {count + 1} says {rule.then!r} where [[rules]] {first + 1} says {other.then!r} under the "
                "same conditions; take one of them out",
            )


def _check_rule(rule: Rule, count: int) -> None:
    place, shown = ("rules", count), f"[[rules]] {count + 1}"
    if rule.then not in get_args(Then):
        raise BadRule((*place, "then"), f"{shown} then is {rule.then!r:.80}; give allow, ask or deny")
    if rule.risk and rule.risk not in RISKS:
        raise BadRule((*place, "risk"), f"{shown} risk is {rule.risk!r:.80}; give one of {', '.join(RISKS)}")
    if rule.usd_over is not None:
        try:
            usd_micro_of(rule.usd_over, "usd_over")
        except UsageError as error:
            raise BadRule((*place, "usd_over"), f"{shown} {error}") from None
        if rule.then == "allow":
            raise BadRule(
                (*place, "usd_over"),
                f"{shown} allows what costs more than {rule.usd_over!r} US dollars, and not what costs less; "
                'write then = "ask" or "deny", or leave usd_over out',
            )


def check_tools(book: "Rulebook", tools: Collection[str]) -> None:
    """Refuse rules, capabilities and mandates for tools that are not there.

    Raises:
        BadRule: with the nearest name.
    """
    known = {*tools, *MODEL_CALLS}
    for place, tool in _patterns(book):
        literal = literal_of(tool)
        if literal in known or (literal is None and any(map(text_test(tool), known))):
            continue
        near = difflib.get_close_matches(tool, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {_some(sorted(tools))}"
        what = "fits no tool" if literal is None else "is no tool"
        section = (
            f"[[{place[0]}]] {place[1] + 1}"
            if isinstance(place[1], int)
            else f"[[{place[0]}]] of {place[1]!r}"
        )
        raise BadRule((*place, "tool"), f"{section} tool {tool!r} {what}; {hint}")


def _patterns(book: "Rulebook") -> Iterator[tuple[Place, str]]:
    for count, rule in enumerate(book.rules):
        if rule.tool:
            yield ("rules", count), rule.tool
    for count, mandate in enumerate(book.mandates):
        yield ("mandates", count), mandate.tool or "*"
    for agent, capabilities in book.capabilities.items():
        for capability in capabilities:
            yield ("capabilities", agent), capability.tool


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:10]) + (" …" if len(names) > 10 else "") or "none"


def nearest(key: str, known: Iterable[str]) -> str:
    """The words that lead from a wrong key to a right one."""
    names = list(known)
    near = difflib.get_close_matches(key, names, n=1)
    return f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(names)}"
