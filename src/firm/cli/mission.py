"""`firm run "WORDS" --repo DIR`: a mission in words, for a repository.

One rule: what cannot be worked on is said before anything is started.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from firm.cli.command import DONE, FAILED
from firm.errors import UsageError

if TYPE_CHECKING:
    from firm.agent.repository.order import Order
    from firm.units import Budget

DEFAULT = (2.5, 150)
"""US dollars and calls of models that a mission may take where nothing is said of them."""
DEFAULT_ROUNDS = 4

Repo = Annotated[
    Path | None,
    typer.Option("--repo", metavar="DIR", help="Mend this git repository; TARGET is a mission in words."),
]
TestsCommand = Annotated[
    str | None,
    typer.Option("--tests", metavar="COMMAND", help="With --repo: how its tests are run; else found out."),
]
BudgetUsd = Annotated[
    str | None,
    typer.Option(
        "--budget", metavar="USD", help="What the run may spend at most; with --repo 2.50 if left out."
    ),
]
Turns = Annotated[
    int | None,
    typer.Option(
        "--turns", metavar="N", min=1, help="What it may call models at most; with --repo 150 if left out."
    ),
]
Rounds = Annotated[
    int | None,
    typer.Option(
        "--rounds", metavar="N", min=1, help="With --repo: how often the agent begins anew; 4 if left out."
    ),
]
Isolation = Annotated[
    str | None,
    typer.Option(
        "--isolation",
        metavar="LEVEL",
        help="With --repo: 'limits' runs tests without bubblewrap too, where they reach all that you reach.",
    ),
]
Readable = Annotated[
    list[Path] | None,
    typer.Option(
        "--readable", metavar="PATH", help="With --repo: what its tests may read besides; can be repeated."
    ),
]


def budget_of(usd: str | None, turns: int | None, otherwise: tuple[float, int] | None) -> "Budget | None":
    """The budget of a run; None where nothing is said.

    Args:
        usd: As it was typed.
        turns: Calls of models.
        otherwise: US dollars and calls where nothing is said of them.

    Raises:
        UsageError: the sum is no number.
    """
    from firm.units import Budget

    most_usd, most_turns = otherwise or (None, None)
    try:
        amount = most_usd if usd is None else float(usd)
    except ValueError:
        raise UsageError(f"--budget {usd!r} is no sum; give US dollars, such as 2.50") from None
    calls = most_turns if turns is None else turns
    return None if amount is None and calls is None else Budget(usd=amount, calls=calls)


def order_of(mission: str, repo: Path, given: dict[str, Any]) -> "Order":
    """What is asked for.

    Raises:
        UsageError: no repository to work on, or no tests.
        NotIsolated: this machine has less isolation than is asked for.
    """
    from firm.agent.repository.order import Order
    from firm.agent.repository.scene import scene_of

    order = Order(
        mission=mission.strip(),
        repository=os.path.realpath(repo),
        tests=(given["tests"] or "").strip(),
        rounds=given["rounds"] or DEFAULT_ROUNDS,
        isolation=given["isolation"] or "bubblewrap",
        readable=tuple(os.path.abspath(path) for path in given["readable"] or ()),
    )
    scene_of(order)
    return order


EXAMPLES = {
    "a repository": 'firm run "make these tests pass" --repo DIR',
    "the organization": 'firm run "what shall exist" --home my-firm',
}


def check_alone(given: dict[str, Any], what: str) -> None:
    """Refuse what only a mission takes.

    Args:
        given: Options by name, as they were typed.
        what: What the mission would be for, one of `EXAMPLES`.

    Raises:
        UsageError: one of them is given.
    """
    for name, value in given.items():
        if value:
            raise UsageError(f"--{name} is for a mission in words for {what}: {EXAMPLES[what]}")


def tell_report(value: Any) -> int:
    """Print a report as a person reads it; the exit code."""
    from firm.agent.repository.words import text_of
    from firm.cli.text import plain

    print(plain(text_of(value)))
    return code_of(value)


def code_of(value: Any) -> int:
    """The exit code that a report comes to."""
    return DONE if value.reached else FAILED


def is_report(value: Any) -> bool:
    """Whether a result is the report of a mission."""
    from firm.agent.repository.order import RepositoryReport

    return isinstance(value, RepositoryReport)
