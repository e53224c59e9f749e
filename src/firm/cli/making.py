"""`firm new`: a folder to begin with."""

from pathlib import Path
from typing import Annotated

import typer

from firm.cli.command import Command, Json, note

_EXAMPLE = '''"""A first workflow: ask some shops at once, let the founder decide, buy once.

    firm run errand.py:errand "a lamp" '["Ada", "Bo", "Chen"]'

Kill it in the middle and start it again: it goes on where it was, and nothing is done twice.
"""

import asyncio

from firm import ask, gather, random, step, workflow


@step
async def price_of(shop: str, thing: str, price_usd: float) -> float:
    """Ask one shop. (Put a real call here; its result is written down and never asked for again.)"""
    await asyncio.sleep(0.5)
    return price_usd


@step(effect="once")
async def buy(shop: str, thing: str) -> str:
    """Buy it. After a crash in the middle you are asked whether it happened; it is never bought twice."""
    return f"bought {thing} at {shop}"


@workflow
async def errand(thing: str, shops: list[str]) -> str:
    """Find the best price and buy, if the founder says yes within a minute."""
    prices = await gather(*(price_of(shop, thing, random().randint(20, 90)) for shop in shops), limit=100)
    price, shop = min(zip(prices, shops))
    answer = await ask(
        f"{shop} has {thing} for {price:.0f} USD. Buy it?", options=["yes", "no"], default="no", deadline=60
    )
    return await buy(shop, thing) if answer == "yes" else f"did not buy {thing}"
'''
_CONFIG = """# Settings of this firm; all are optional.
name = {name}
mission = "Say in a sentence what this firm is for."

[engine]
idle_s = 1.0            # a run that only waits for longer than this leaves memory
cancel_grace_s = 60.0   # how long a cancelled run may take to clean up
"""
_README = """# {name}

    firm run errand.py:errand "a lamp" '["Ada", "Bo", "Chen"]'

It asks three shops at once and then you. `firm ps` lists what runs, `firm show RUN` tells its history,
`firm inbox` is what waits for you, and `firm up` keeps everything going.
"""


def new(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="A folder that is not there yet, or is empty.")
    ],
    as_json: Json = False,
) -> None:
    """Make a folder with settings, an example that runs, and your founder key.

    The key is sealed with a passphrase: typed twice at a terminal, or from $FIRM_PASSPHRASE.
    """
    from firm.cli.text import as_json as to_json
    from firm.cli.text import plain, print_json
    from firm.errors import UsageError
    from firm.root.home import writing_failed

    if "\0" in str(folder):
        raise UsageError(f"{str(folder)!r} is not a path")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{str(folder)!r} is there already and not empty; give the name of a new folder")
    name = folder.absolute().name
    files = {
        "firm.toml": _CONFIG.format(name=to_json(name)),
        "errand.py": _EXAMPLE,
        "README.md": _README.format(name=plain(name)),
        ".gitignore": ".firm/\n__pycache__/\n",
    }
    passphrase = _passphrase(asks=not as_json)  # before anything is written
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file, text in files.items():
            (folder / file).write_text(text, "utf-8", errors="backslashreplace")
    except OSError as error:
        raise writing_failed(error, folder) from error
    founder = _make_key(folder, passphrase) if passphrase is not None else None
    if as_json:
        print_json({"home": str(folder.absolute()), "files": sorted(files), "founder": founder})
        return
    print(f"{plain(str(folder))} is ready. Try this:\n")
    print(f"  cd {plain(str(folder))}")
    print("""  firm run errand.py:errand "a lamp" '["Ada", "Bo", "Chen"]'""")
    if founder is None:
        note(
            "it has no founder key yet: `firm login` makes it, and until then nobody can approve with authority"
        )
    else:
        note(
            f"your founder key is {founder}; keep a copy of .firm/founder.key, and `firm login` opens a session"
        )


def _passphrase(*, asks: bool) -> str | None:
    """For the founder key; None: nobody can be asked, or not now."""
    from firm.cli.unseen import has_terminal, new_passphrase, passphrase_given

    return new_passphrase(may_skip=True) if passphrase_given() or (asks and has_terminal()) else None


def _make_key(folder: Path, passphrase: str) -> str:
    from firm.policy.identity import make_key, shown_key
    from firm.root.home import Home

    home = Home(folder.absolute())
    home.make()
    return shown_key(make_key(home.state, passphrase))


COMMANDS = (Command("new", "firm new my-firm", new),)
