"""`firm key`: who may use the models of this firm over HTTP."""

from typing import TYPE_CHECKING, Annotated

import typer

from firm.cli.command import Command, Group, Home, Json, note

if TYPE_CHECKING:
    from pathlib import Path

    from firm.serve.keys import Keys

Name = Annotated[str, typer.Argument(metavar="NAME", help="Of the key: who or what uses it.")]


def list_keys(home: Home = None, as_json: Json = False) -> None:
    """List the keys with which other programs use this firm's models."""
    from datetime import UTC, datetime

    from firm.cli.text import add_row, ago, print_json, render, table

    keys = _keys(home).all()
    if as_json:
        print_json([{"name": key.name, "made_at": key.made_at} for key in keys])
        return
    if not keys:
        print("no keys yet; `firm key new NAME` makes one")
        return
    made = table("NAME", "MADE")
    for key in keys:
        add_row(made, key.name, f"{ago(datetime.fromtimestamp(key.made_at, UTC))} ago")
    render(made)


def new(name: Name, home: Home = None, as_json: Json = False) -> None:
    """Make a key and show it, this once.

    Only its SHA-256 is kept. A server that is up takes it at once.
    """
    from firm.cli.text import print_json

    secret = _keys(home, make=True).make(name)
    if as_json:
        print_json({"name": name, "key": secret})
        return
    print(secret)
    note("this key is not shown again; programs send it as OPENAI_API_KEY or ANTHROPIC_API_KEY")


def remove(name: Name, home: Home = None, as_json: Json = False) -> None:
    """Let a key be refused from now on."""
    from firm.cli.text import print_json, shown

    _keys(home).remove(name)
    print_json({"removed": name}) if as_json else print(f"removed the key {shown(name)}")


def _keys(home: "Path | None", *, make: bool = False) -> "Keys":
    from firm.root.home import find_home
    from firm.serve.keys import Keys

    found = find_home(home)
    if make:
        found.make()
    return Keys(found.state)


GROUP = Group(
    "key",
    "firm key new notebook",
    "Keys with which other programs use this firm's models over HTTP.",
    (
        Command("list", "firm key list", list_keys),
        Command("new", "firm key new notebook", new),
        Command("remove", "firm key remove notebook", remove),
    ),
)
