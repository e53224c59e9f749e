"""`firm stop`: end the process that carries the runs, or stop an agent, a run, everything, at once.

One rule: what was stopped by name stays stopped, over every restart, until `firm resume`.
"""

from typing import Annotated

import typer

from firm.cli.command import DONE, FAILED, Command, Home, Json, complain, visit

STOP_S = 30.0
"""How long `firm stop` waits for the owner to go."""


def stop(
    target: Annotated[
        str | None,
        typer.Argument(
            metavar="AGENT|RUN", help="What to stop, with all that it began; left out: the process."
        ),
    ] = None,
    all: Annotated[
        bool, typer.Option("--all", help="Everything: nothing begins until `firm resume --all`.")
    ] = False,
    home: Home = None,
    as_json: Json = False,
) -> int:
    """Stop an agent, a run or everything, at once; without a name, ask the process that carries the runs to park them.

    What was stopped by name begins nothing more, not after a restart either, until `firm resume`.
    """
    from firm.errors import UsageError

    if target is not None and all:
        raise UsageError("give the name of an agent or run, or --all, not both")
    if target is None and not all:
        return _end_process(home, as_json=as_json)
    import asyncio

    from firm.cli.text import plain, print_json

    async def main() -> None:
        async with visit(home) as firm:
            await firm.stop(target)

    asyncio.run(main())
    what, again = ("everything", "--all") if target is None else (target, target)
    print_json({"stopped": target or "*"}) if as_json else print(
        plain(f"stopped {what}: nothing of it begins until `firm resume {again}`")
    )
    return DONE


def _end_process(home: Home, *, as_json: bool) -> int:
    import os
    import signal
    import time

    from firm.cli.text import print_json
    from firm.root.home import find_home
    from firm.root.lock import holder_of

    found = find_home(home)
    holder = holder_of(found.lock)
    if holder is None or not holder.pid:
        print_json({"stopped": None}) if as_json else print("nothing runs here")
        return DONE
    try:
        os.kill(holder.pid, signal.SIGTERM)
    except ProcessLookupError:
        pass  # it went by itself
    except PermissionError:
        complain(f"{holder} belongs to somebody else; stop it as that user")
        return FAILED
    deadline_s = time.monotonic() + STOP_S
    while (now := holder_of(found.lock)) is not None and now.pid == holder.pid:
        if time.monotonic() > deadline_s:
            complain(f"{holder} has not ended within {STOP_S:.0f} s; it may be in the middle of a long step")
            return FAILED
        time.sleep(0.05)
    print_json({"stopped": holder.pid}) if as_json else print(
        f"stopped process {holder.pid}; its runs are parked"
    )
    return DONE


COMMANDS = (Command("stop", "firm stop scout", stop),)
