"""`firm briefing` and `firm panel`: what the founder should know, and questions with more than one good answer.

One rule: a briefing only reads; a close call is a run like any other, and the same command joins it.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from firm.cli.command import DONE, Command, Home, Json, note, visit

if TYPE_CHECKING:
    from datetime import datetime

    from firm.org.desk import CloseCall, Option
    from firm.org.desk.briefing import Briefing
    from firm.org.desk.score import Past, Record
    from firm.root.door import Stop
    from firm.root.firm import Firm
    from firm.root.handle import Run

RIGHT, WRONG = "right", "wrong"
RECENT = 20
"""Decisions that `firm panel --record` lists."""


def briefing(
    since: Annotated[
        str,
        typer.Option(
            "--since", metavar="DAY", help="From this day on, such as 2026-11-01; else the last 24 hours."
        ),
    ] = "",
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write it there as a page.")
    ] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Show what was done, what it cost and earned, which bets to double or end, and what only you can decide.

    What cannot wait for the next daily briefing stands first.
    """
    import asyncio

    from firm.cli.text import plain, print_json
    from firm.org.desk.told import briefing_page, briefing_text

    found = asyncio.run(_briefing(home, since))
    if html is not None:
        html.write_text(briefing_page(found), "utf-8")
        note(f"written to {html}")
    if as_json:
        print_json(found)
    elif html is None:
        print(plain(briefing_text(found)))


async def _briefing(home: Path | None, since: str) -> "Briefing":
    from datetime import UTC, datetime, timedelta

    from firm.org.desk.briefing import brief

    until = datetime.now(UTC)
    first = day_of(since) if since else until - timedelta(days=1)
    async with visit(home) as firm:
        return await brief(firm, first, until)


def day_of(words: str) -> "datetime":
    """The begin of a day by this machine's clock.

    Raises:
        UsageError: it is no day.
    """
    from datetime import date, datetime, time

    from firm.errors import UsageError

    try:
        return datetime.combine(date.fromisoformat(words), time()).astimezone()
    except ValueError:
        raise UsageError(f"--since {words!r} is no day; write it as 2026-11-01") from None


def panel(
    question: Annotated[
        str | None,
        typer.Argument(help="What is to be decided; with --outcome the run of a decision, from --record."),
    ] = None,
    options: Annotated[
        list[str] | None,
        typer.Option(
            "--option", metavar="NAME", help="Or 'NAME | what it means | USD'; at least two of them."
        ),
    ] = None,
    kind: Annotated[
        str,
        typer.Option("--kind", metavar="KIND", help="What sort of decision; experts have a record by it."),
    ] = "general",
    stake: Annotated[
        float, typer.Option("--stake", metavar="USD", help="What hangs on it; much brings a full panel.")
    ] = 0.0,
    full: Annotated[
        bool, typer.Option("--full", help="Ask all experts; then each sees the others' reasons once.")
    ] = False,
    one_way: Annotated[
        bool, typer.Option("--one-way", help="It cannot be taken back: it never falls to a default.")
    ] = False,
    default: Annotated[
        str, typer.Option("--default", metavar="NAME", help="The option that holds if you do not answer.")
    ] = "",
    answer_s: Annotated[
        float,
        typer.Option("--answer-s", metavar="S", help="How long you have; as [org] answer_s if left out."),
    ] = 0.0,
    waiting: Annotated[
        str, typer.Option("--waiting", metavar="WORDS", help="What waiting costs; a number is USD a day.")
    ] = "",
    context: Annotated[
        str, typer.Option("--context", metavar="WORDS", help="What the experts should know.")
    ] = "",
    record: Annotated[bool, typer.Option("--record", help="Show the record of the experts.")] = False,
    outcome: Annotated[
        str | None,
        typer.Option("--outcome", metavar="WORD", help="right or wrong: how a decision has turned out."),
    ] = None,
    no_wait: Annotated[
        bool,
        typer.Option(
            "--no-wait", help="Do not ask here: leave (exit code 3) when only your answer is missing."
        ),
    ] = False,
    home: Home = None,
    as_json: Json = False,
) -> int:
    """Have experts argue a close call, and decide it.

    Asked are the one to three experts whose record on this kind of decision is best; with --full, or above a stake, all
    of them. With --record their records are shown.
    """
    from firm.errors import UsageError

    if record:
        return _record(home, kind="" if kind == "general" else kind, as_json=as_json)
    if question is None:
        raise UsageError('give a question: firm panel "Which price?" --option "19 USD" --option "29 USD"')
    if outcome is not None:
        return _outcome(home, question, outcome)
    from firm.org.desk import CloseCall
    from firm.org.desk.call import check_call

    call = CloseCall(
        question=question,
        options=tuple([option_of(one) for one in options or ()]),
        kind=kind,
        default=default,
        one_way=one_way,
        waiting=_waiting(waiting),
        stake_usd=stake,
        context=context,
        answer_s=answer_s,
        panel=full,
    )
    check_call(call)
    return _decide(home, call, no_wait=no_wait, as_json=as_json)


def option_of(words: str) -> "Option":
    """`NAME`, `NAME | what it means` or `NAME | what it means | USD`.

    Raises:
        UsageError: too many parts, or the last is no sum.
    """
    from firm.errors import UsageError
    from firm.org.desk import Option

    parts = [part.strip() for part in words.split("|")]
    try:
        if len(parts) > 3:
            raise ValueError
        usd = float(parts[2]) if len(parts) == 3 else 0.0
    except ValueError:
        raise UsageError(
            f"--option {words!r}: give NAME, or 'NAME | what it means | USD', such as 'buy | a used one | 400'"
        ) from None
    return Option(parts[0], parts[1] if len(parts) > 1 else "", usd)


def _waiting(words: str) -> str | float:
    try:
        return float(words)
    except ValueError:
        return words


def _decide(home: Path | None, call: "CloseCall", *, no_wait: bool, as_json: bool) -> int:
    from firm.cli.running import find_code, say_home
    from firm.org.desk import close_call
    from firm.root.door import drive
    from firm.root.firm import Firm

    firm = Firm.open(home)
    say_home(firm)
    find_code(firm)
    interactive = not no_wait and sys.stdin.isatty() and sys.stderr.isatty()

    async def begin() -> "Run":
        joined = await firm.find_unfinished(close_call, (call,))
        if joined is None:
            return await firm.start(close_call, call)
        note(f"joining the unfinished run {joined.id}")
        return joined

    async def main(stop: "Stop") -> int:
        from firm.cli.follow import STOPPED, follow
        from firm.root.door import GRACE_S, stopped_line

        async with firm:
            handle = await begin()
            code = await follow(
                firm, handle, stop, interactive=interactive, patient=not no_wait, as_json=as_json
            )
            firm.grace_s = GRACE_S if code == STOPPED else firm.grace_s
        if code == STOPPED:
            note(stopped_line(firm, handle))
            return 128 + int(stop.signal or 0)
        return code

    return drive(main)


def _outcome(home: Path | None, run: str, outcome: str) -> int:
    """Write down how a decision has turned out."""
    import asyncio

    from firm.errors import UsageError

    if outcome not in (RIGHT, WRONG):
        raise UsageError(f"--outcome {outcome!r}: give {RIGHT} or {WRONG}")
    from firm.org.desk.book import find_past, tell_outcome
    from firm.root.firm import Firm

    visit(home)  # whether there is a firm

    async def main() -> "Past":
        async with Firm.open(home) as firm:
            past = await find_past(firm, run)
            told = await firm.start(tell_outcome, past.run, past.kind, outcome == RIGHT)
            await told.result()
            return past

    past = asyncio.run(main())
    note(f"noted: {past.choice!r} in {past.run} has turned out {outcome}")
    return DONE


def _record(home: Path | None, *, kind: str, as_json: bool) -> int:
    """Show how experts have done, and the last decisions."""
    import asyncio

    from firm.cli.text import print_json
    from firm.org.desk.book import pasts
    from firm.org.desk.score import records_of

    async def main(firm: "Firm") -> "list[Past]":
        async with firm:
            return await pasts(firm, kind or None)

    past = asyncio.run(main(visit(home)))
    records = records_of(past)
    if as_json:
        print_json({"records": records, "decisions": past})
    elif not past:
        print("no close call was decided yet")
    else:
        _print_records(records)
        _print_decisions(past[-RECENT:])
    return DONE


def _print_records(records: "list[Record]") -> None:
    from firm.cli.text import add_row, render, table

    made = table("KIND", "EXPERT", "ASKED", "AGREED", "DIFFERED", "RIGHT", "WRONG")
    for one in records:
        figures: tuple[Any, ...] = (one.asked, one.agreed, one.differed, one.right, one.wrong)
        add_row(made, one.kind, one.expert, *figures)
    render(made)


def _print_decisions(past: "list[Past]") -> None:
    from firm.cli.text import add_row, line, render, table

    made = table("RUN", "KIND", "QUESTION", "DECIDED", "BY", "TURNED OUT")
    for one in past:
        turned = "" if one.right is None else RIGHT if one.right else WRONG
        add_row(made, one.run, one.kind, line(one.question, 60), line(one.choice, 40), one.by, turned)
    print()
    render(made)


COMMANDS = (
    Command("briefing", "firm briefing --since 2026-11-01 --html briefing.html", briefing),
    Command(
        "panel",
        'firm panel "Which price?" --option "19 USD" --option "29 USD" --kind pricing --default "19 USD"',
        panel,
    ),
)
