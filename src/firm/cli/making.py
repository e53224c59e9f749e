"""`firm new`: a folder to begin with."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from firm.cli.command import Command, Json, note

if TYPE_CHECKING:
    from firm.cli.sentence import Made

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
    sentence: Annotated[
        str | None, typer.Argument(metavar="SENTENCE", help="What should exist, in quotes.")
    ] = None,
    template: Annotated[
        str | None, typer.Option("--template", metavar="T", help="Instead of the one that the words ask for.")
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(
            "--model", metavar="URL", help="A strong model, which writes roles and workflow itself."
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="What the model's server calls it.")
    ] = None,
    key: Annotated[
        str | None, typer.Option("--key", metavar="KEY", help="env:NAME or secret:NAME, where it needs one.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a firm out of a sentence: a folder with roles, workflows and a page that says what it will do.

    With neither sentence nor --template it is a folder with settings and an example that runs. Your founder key is
    made too, sealed with a passphrase: typed twice at a terminal, or from $FIRM_PASSPHRASE.
    """
    from firm.cli.sentence import Asked, check_asked, make
    from firm.org.founding import check_new

    check_new(folder)
    asked = Asked(sentence, template, url, name, key)
    check_asked(asked)
    passphrase = _passphrase(asks=not as_json)  # before anything is written
    made = _example(folder) if asked.example else make(folder, asked)
    founder = _make_key(folder, passphrase) if passphrase is not None else None
    _show(made, founder, as_json=as_json)


def _example(folder: Path) -> "Made":
    """Settings, and a workflow to begin with."""
    from firm.cli.sentence import Made
    from firm.cli.text import as_json as to_json
    from firm.cli.text import plain
    from firm.root.home import writing_failed

    name = folder.absolute().name
    files = {
        "firm.toml": _CONFIG.format(name=to_json(name)),
        "errand.py": _EXAMPLE,
        "README.md": _README.format(name=plain(name)),
        ".gitignore": ".firm/\n__pycache__/\n",
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file, text in files.items():
            (folder / file).write_text(text, "utf-8", errors="backslashreplace")
    except OSError as error:
        raise writing_failed(error, folder) from error
    words = (
        f"{plain(str(folder))} is ready. Try this:\n\n  cd {plain(str(folder))}\n"
        """  firm run errand.py:errand "a lamp" '["Ada", "Bo", "Chen"]'"""
    )
    return Made({"home": str(folder.absolute()), "files": sorted(files)}, words)


def _show(made: "Made", founder: str | None, *, as_json: bool) -> None:
    from firm.cli.text import print_json

    if as_json:
        print_json({**made.facts, "founder": founder})
        return
    print(made.words)
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


COMMANDS = (Command("new", 'firm new my-firm "a newsletter on wing design, one issue a week"', new),)
