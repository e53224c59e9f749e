"""Try the founder's rules on examples, without calling anything.

One rule: an example is judged exactly as the real call would be, by `judge`; what a purse holds is not looked at.
"""

from collections.abc import Mapping, Sequence
from typing import Any, get_args

import msgspec

from firm.errors import UsageError
from firm.policy.action import RISKS, UNTRUSTED, Action, Risk
from firm.policy.capability import EMPTY, Charter
from firm.policy.consistent import BadRule, Place, nearest
from firm.policy.judge import judge, rule_name
from firm.policy.match import values_at
from firm.policy.rule import Rule
from firm.policy.rulebook import Rulebook
from firm.policy.verdict import STRICTNESS, Then, Verdict
from firm.units.amount import usd_micro_of

_KINDS: dict[str, tuple[tuple[type, ...], str]] = {
    "name": ((str,), "text in quotes"),
    "tool": ((str,), "text in quotes"),
    "args": ((dict,), 'a table such as {to = "ann@example.com"}'),
    "agent": ((str,), "text in quotes"),
    "run": ((str,), "text in quotes"),
    "risk": ((str,), "pure, read, write, send or spend"),
    "to": ((str, list), "text in quotes, or a list of it"),
    "host": ((str,), "text in quotes"),
    "usd": ((int, float), "a number of US dollars"),
    "tainted": ((bool,), "true or false, without quotes"),
    "marks": ((list,), "a list of text"),
    "expect": ((str,), "allow, ask or deny"),
}


class Facts(msgspec.Struct, frozen=True):
    """What is known of a tool without calling it."""

    name: str
    risk: Risk = "spend"
    to: str | tuple[str, ...] = ""
    """Argument that names the destination, or all of them; '': none."""
    host: str = ""
    """Argument that names the host; '': none."""
    amount: str = ""
    """Argument that says what it costs at most, in US dollars; '': none."""
    untrusted: bool = False
    """Whether its results are what strangers wrote."""


class Example(msgspec.Struct, frozen=True):
    """A call that was thought up."""

    tool: str
    args: dict[str, Any] = {}
    agent: str = ""
    run: str = ""
    risk: Risk | None = None
    """None: as the tool declares it, 'spend' for one that is not known."""
    to: tuple[str, ...] | None = None
    """None: what stands in the argument that the tool declares."""
    host: str | None = None
    usd: float | None = None
    marks: tuple[str, ...] = ()
    name: str = ""
    expect: Then | None = None
    """What a test expects."""


class Fit(msgspec.Struct, frozen=True):
    """A rule that fits."""

    rule: Rule
    name: str
    then: Then
    """Its word here."""
    overruled: bool
    """Whether a stricter word holds."""


class Trial(msgspec.Struct, frozen=True):
    """What became of an example."""

    example: Example
    action: Action
    verdict: Verdict
    fits: tuple[Fit, ...]
    """Every rule that fits, in the order of firm.toml, whether it came to them or not."""

    @property
    def as_expected(self) -> bool:
        """Whether it came out as the test says; True where it says nothing."""
        return self.example.expect in (None, self.verdict.then)


def action_of(example: Example, tools: Mapping[str, Facts]) -> Action:
    """The action that an example stands for.

    Raises:
        UsageError: an amount that cannot be.
    """
    facts = tools.get(example.tool, Facts(example.tool))
    hosts = _texts(example.args, facts.host) if example.host is None else (example.host,)
    usd: Any = example.usd
    if usd is None:
        usd = example.args.get(facts.amount, 0) if facts.amount else 0
    return Action(
        tool=example.tool,
        risk=example.risk or facts.risk,
        args=example.args,
        to=_texts(example.args, facts.to) if example.to is None else example.to,
        host=hosts[0] if hosts else "",
        usd_micro=usd_micro_of(usd, facts.amount or "usd"),
        agent=example.agent,
        run=example.run,
        marks=tuple(sorted(set(example.marks))),
    )


def _texts(args: Mapping[str, Any], names: str | tuple[str, ...]) -> tuple[str, ...]:
    """What stands in these arguments; of several an empty one names nothing."""
    if isinstance(names, str):
        return tuple(map(str, values_at(args, names)[0])) if names else ()
    return tuple([text for name in names for text in map(str, values_at(args, name)[0]) if text])


def try_out(
    example: Example,
    book: Rulebook,
    now_us: int,
    *,
    charter: Charter = EMPTY,
    tools: Mapping[str, Facts] | None = None,
) -> Trial:
    """Judge one example, and say which rules fit it.

    Raises:
        UsageError: an amount that cannot be.
    """
    action = action_of(example, tools or {})
    verdict = judge(action, charter, book, now_us)
    fitting = book.fitting(action, book.standing(charter, action).agents)
    fits = tuple(
        Fit(rule, rule_name(rule), then, STRICTNESS[then] < STRICTNESS[verdict.then])
        for rule, then in fitting
    )
    return Trial(example, action, verdict, fits)


def examples_of(table: Mapping[str, Any], *, tools: Mapping[str, Facts] | None = None) -> tuple[Example, ...]:
    """The `[[test]]` of a file `rules-test.toml`.

    Args:
        table: What TOML gives.
        tools: Tools that are there; a test for another one is refused, unless it says its risk. None: not known.

    Raises:
        BadRule: with the place of what cannot be meant.
    """
    for key in table:
        if key != "test":
            raise BadRule((key,), f"unknown section {key!r}; tests are written as [[test]]")
    tests = table.get("test", [])
    if type(tests) is not list:
        raise BadRule(("test",), f"test is {tests!r:.80}; tests are written as [[test]]")
    found = []
    for count, test in enumerate(tests):
        place: Place = ("test", count)
        _check(test, place)
        fields = dict(test)
        marks = (*fields.pop("marks", ()), *((UNTRUSTED,) if fields.pop("tainted", False) else ()))
        to = fields.pop("to", None)
        if to is not None:
            fields["to"] = (to,) if isinstance(to, str) else tuple(to)
        example = Example(**fields, marks=marks)
        if tools is not None and example.risk is None and example.tool not in tools:
            told = f"[[test]] {count + 1} tool {example.tool!r} is no tool; {nearest(example.tool, tools)}"
            raise BadRule((*place, "tool"), told)
        found.append(example)
    return tuple(found)


def _check(test: Any, place: Place) -> None:
    shown = f"[[test]] {int(place[1]) + 1}"
    if type(test) is not dict:
        raise BadRule(place, f"{shown} is {test!r:.80}; write [[test]] and its keys below")
    for key, value in test.items():
        if key not in _KINDS:
            raise BadRule((*place, key), f"unknown key {key!r} in {shown}; {nearest(key, _KINDS)}")
        kinds, wanted = _KINDS[key]
        listed = type(value) is list and not all(type(one) is str for one in value)
        if type(value) not in kinds or listed:
            raise BadRule((*place, key), f"{shown} {key} is {value!r:.80}; give {wanted}")
    for key in ("tool", "expect"):
        if key not in test:
            raise BadRule(place, f'{shown} has no {key}; add {key} = "…"')
    for key, words in (("expect", get_args(Then)), ("risk", RISKS)):
        if test.get(key, words[0]) not in words:
            raise BadRule((*place, key), f"{shown} {key} is {test[key]!r}; give one of {', '.join(words)}")


def run_tests(
    examples: Sequence[Example],
    book: Rulebook,
    now_us: int,
    *,
    charter: Charter = EMPTY,
    tools: Mapping[str, Facts] | None = None,
) -> list[Trial]:
    """Judge the tests of a file, in its order.

    Raises:
        BadRule: an amount that cannot be.
    """
    trials = []
    for count, example in enumerate(examples):
        try:
            trials.append(try_out(example, book, now_us, charter=charter, tools=tools))
        except UsageError as error:
            raise BadRule(("test", count), f"[[test]] {count + 1}: {error}") from None
    return trials


__all__ = ["Example", "Facts", "Fit", "Trial", "action_of", "examples_of", "run_tests", "try_out"]
