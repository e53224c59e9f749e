"""`firm tell`: what has changed, for a mission that is under way."""

from typing import Annotated

import typer

from firm.cli.command import DONE, Command, Home, Json, visit

MAX_FACT_CHARS = 4_000
TOPIC = "facts"
"""As `firm.org.carry` receives it."""


def tell(
    run_id: Annotated[str, typer.Argument(metavar="RUN", help="The mission, from `firm ps`.")],
    fact: Annotated[str, typer.Argument(metavar="FACT", help="What is so, in plain words, in quotes.")],
    home: Home = None,
    as_json: Json = False,
) -> int:
    """Tell a mission under way what has changed: all who work on it from then on know, and a chief may plan anew.

    It is no order: what a member makes of it is checked as everything else.
    """
    import asyncio

    from firm.cli.goals import CARRIES
    from firm.cli.text import plain, print_json
    from firm.errors import UsageError

    text = fact.strip()
    if not text or len(text) > MAX_FACT_CHARS:
        raise UsageError(f"a fact of {len(text):,} characters; give 1 to {MAX_FACT_CHARS:,}")

    async def main() -> None:
        async with visit(home) as firm:
            view = await firm.run(run_id).view()
            if view.workflow != CARRIES:
                raise UsageError(
                    f"run {run_id!r} is no mission but {view.name!r}; `firm ps` lists missions first"
                )
            await firm.send(run_id, TOPIC, text)

    asyncio.run(main())
    print_json({"run": run_id, "told": text}) if as_json else print(plain(f"told {run_id}: {text}"))
    return DONE


COMMANDS = (Command("tell", 'firm tell wing-3kf0a8h2mz "the wing may be 2 m wide now"', tell),)
