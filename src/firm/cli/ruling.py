"""`firm rules` and `firm risk`: what may be done, tried out on examples, and what could go wrong at worst.

One rule: an example is judged as the real call would be; nothing is called, nothing is written.
"""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from firm.cli.command import DONE, FAILED, Command, Group, Home, Json

if TYPE_CHECKING:
    from firm.policy.hostile import Way, Worst
    from firm.policy.rulebook import Rulebook
    from firm.policy.tryout import Facts, Trial
    from firm.root.config import Config

TESTS = "rules-test.toml"
Files = Annotated[
    list[str] | None,
    typer.Option("--tools", metavar="FILE.py", help="Where your tools stand; may be repeated."),
]


def rules(home: Home = None, as_json: Json = False) -> None:
    """Show what firm.toml says about what may be done."""
    from firm.cli.text import add_row, print_json, render, table

    config, _ = _book(home, None)
    if as_json:
        print_json({"rules": config.rules, "capabilities": config.capabilities, "mandates": config.mandates})
        return
    if not (config.rules or config.capabilities or config.mandates):
        print("no rules: pure, read and write are allowed; send and spend ask you (docs/reference/config.md)")
        return
    made = table("", "WHO", "WHAT", "THEN")
    for rule in config.rules:
        add_row(made, f"rule {rule.number}", rule.agent or "everyone", _conditions(rule), rule.then)
    for agent, some in config.capabilities.items():
        for one in some:
            add_row(made, "capability", agent, _conditions(one), "permitted, nothing else")
    for mandate in config.mandates:
        limit = f"up to {mandate.usd:,.2f} USD a {mandate.per}"
        add_row(made, "mandate", mandate.agent, f"{mandate.tool} to {mandate.payee}", limit)
    render(made)


def _conditions(one: Any) -> str:
    """What a rule or capability speaks of, in one line."""
    parts = [one.tool or "any tool"]
    for name in ("risk", "host", "to", "calls", "per", "usd", "until"):
        value = getattr(one, name, None)
        if value not in (None, "", ()):
            parts.append(f"{name} {', '.join(value) if isinstance(value, tuple) else value}")
    parts += [f"{name} = {value!r}" for name, value in one.where.items()]
    over = getattr(one, "usd_over", None)
    return "; ".join([*parts, *([f"over {over:,.2f} USD"] if over is not None else [])])


def test(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help=f"Tests, as [[test]]; left out: {TESTS} of the firm."),
    ] = None,
    tools: Files = None,
    home: Home = None,
    as_json: Json = False,
) -> int:
    """Try the rules on the examples of a file, and say which come out otherwise than it expects."""
    from firm.cli.text import print_json
    from firm.errors import UsageError
    from firm.policy.consistent import BadRule
    from firm.policy.tryout import examples_of, run_tests
    from firm.root.home import find_home
    from firm.root.setting import line_of, read_toml

    path = file or find_home(home).folder / TESTS
    facts = _facts(tools)
    _, book = _book(home, facts)
    words, found = read_toml(path)
    try:
        trials = run_tests(examples_of(found, tools=facts or None), book, _now_us(), tools=facts)
    except BadRule as error:
        raise UsageError(f"{path}, line {line_of(words, error.place)}: {error}") from None
    wrong = [trial for trial in trials if not trial.as_expected]
    if as_json:
        print_json([_trial(trial) for trial in trials])
    else:
        for count, trial in enumerate(trials, 1):
            _print_trial(count, trial)
        print(f"{len(trials) - len(wrong)} of {len(trials)} as expected")
    return FAILED if wrong else DONE


def _trial(trial: "Trial") -> dict[str, Any]:
    return {
        "name": trial.example.name,
        "tool": trial.example.tool,
        "expect": trial.example.expect,
        "then": trial.verdict.then,
        "why": trial.verdict.why,
        "ok": trial.as_expected,
    }


def _print_trial(count: int, trial: "Trial") -> None:
    from firm.cli.text import line

    mark = "ok   " if trial.as_expected else "WRONG"
    name = trial.example.name or f"{trial.example.tool} {trial.example.args or ''}".strip()
    expected = "" if trial.as_expected else f", expected {trial.example.expect}"
    print(
        f"{mark} {count}. {line(name, 100)}: {trial.verdict.then}{expected}: {line(trial.verdict.why, 300)}"
    )


def risk(
    files: Annotated[
        list[str] | None, typer.Argument(metavar="FILE.py", help="Where your tools stand.")
    ] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Tell for each agent what a fully hostile model could do without asking, and what that costs at most."""
    from firm.cli.text import print_json
    from firm.policy.capability import EMPTY, Charter
    from firm.policy.hostile import worst_of
    from firm.policy.tryout import Facts

    known = _facts(files)
    config, book = _book(home, known)
    facts = [*known.values(), Facts("chat", "read")]
    agents = sorted(
        {
            *config.capabilities,
            *(one.removeprefix("agent/") for one in config.budget.purses if one.startswith("agent/")),
            *(rule.agent for rule in config.rules if rule.agent and "*" not in rule.agent),
        }
    )
    worst = []
    for agent in ["", *agents]:
        purses = [config.budget.firm]
        if f"agent/{agent}" in config.budget.purses:
            purses.append(config.budget.purses[f"agent/{agent}"])
        charter = Charter(agent=agent) if agent else EMPTY
        worst.append(worst_of(agent, facts, charter, book, _now_us(), purses=purses))
    if as_json:
        print_json(worst)
        return
    for one in worst:
        _print_worst(one)
    if not files:
        print("\nonly calls to models were looked at; name the files of your tools: firm risk tools.py")


def _print_worst(worst: "Worst") -> None:
    from firm.cli.text import add_row, plain, render, table

    cost = worst.usd_micro_per_day
    bound = "nothing bounds what that costs" if cost is None else f"at most {cost / 1e6:,.2f} USD a day"
    print(f"\n{plain(worst.agent or 'workflow code (no agent)')}: without asking, {bound}")
    made = table("TOOL", "RISK", "LET THROUGH BY", "TO", "AFTER READING STRANGERS")
    for way in worst.ways:
        add_row(made, way.tool, way.risk, way.by, _to(way), "yes" if way.tainted else "no, it asks")
    if worst.ways:
        render(made)
    else:
        print("nothing")


def _to(way: "Way") -> str:
    return "anyone" if way.to is None and way.risk in ("send", "spend") else ", ".join(way.to or ("-",))


def _now_us() -> int:
    return time.time_ns() // 1000


def _book(home: Home, tools: "dict[str, Facts] | None") -> "tuple[Config, Rulebook]":
    from firm.policy.action import MODEL_CALLS
    from firm.root.command import rulebook_of
    from firm.root.config import read_config
    from firm.root.home import find_home

    config = read_config(find_home(home).config)
    names = frozenset({*tools, *MODEL_CALLS}) if tools else frozenset()
    return config, rulebook_of(config, tools=names)


def _facts(files: list[str] | None) -> "dict[str, Facts]":
    """What is known of the tools that stand in some files."""
    from firm.agent.tool import tools_in
    from firm.cli.target import find_module

    return {tool.name: tool.facts for file in files or () for tool in tools_in(find_module(file))}


COMMANDS = (Command("risk", "firm risk tools.py", risk),)
GROUP = Group(
    "rules",
    "firm rules test",
    "What may be done: rules, capabilities and mandates of firm.toml.",
    (Command("list", "firm rules list", rules), Command("test", "firm rules test rules-test.toml", test)),
)
