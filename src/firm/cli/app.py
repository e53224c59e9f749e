"""All commands in one program."""

import sys
from typing import Annotated

import typer

from firm.cli import (
    chatting,
    checking,
    deciding,
    desk,
    facts,
    keeping,
    keys,
    lab,
    login,
    looking,
    making,
    models,
    ordering,
    ruling,
    running,
    secrets,
    spending,
    stopping,
)
from firm.cli.command import Command, Group, Home, Json, guarded

PARTS = (
    making,
    running,
    lab,
    ordering,
    stopping,
    looking,
    facts,
    deciding,
    desk,
    login,
    chatting,
    spending,
    ruling,
    keeping,
    checking,
)
GROUPS = (models.GROUP, keys.GROUP, secrets.GROUP, ruling.GROUP)
EXIT_CODES = "Exit codes: 0 done, 1 failed, 2 wrong use, 3 waiting for a person."


def build() -> typer.Typer:
    """The program, with every command of every group."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:  # text that the terminal cannot show must not end the program
            reconfigure(errors="backslashreplace")
    app = typer.Typer(
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        help="firm: the operating system of the one-person company.",
        epilog=EXIT_CODES,
    )
    app.callback()(_options)
    for part in PARTS:
        for command in part.COMMANDS:
            _add(app, command)
    for group in GROUPS:
        app.add_typer(_group(group), name=group.name)
    return app


def _group(group: Group) -> typer.Typer:
    """Commands under one word; the word alone does what the first of them does."""
    made = typer.Typer(
        invoke_without_command=True,
        rich_markup_mode=None,
        help=group.help,
        epilog=f"Example: {group.example}",
    )

    def alone(context: typer.Context, home: Home = None, as_json: Json = False) -> None:
        if context.invoked_subcommand is None:
            guarded(group.commands[0].function)(home=home, as_json=as_json)
        elif home is not None or as_json:
            word = context.invoked_subcommand
            raise typer.BadParameter(f"put --home and --json behind {word!r}: firm {group.name} {word} …")

    made.callback()(alone)
    for command in group.commands:
        _add(made, command)
    return made


def _add(app: typer.Typer, command: Command) -> None:
    app.command(command.name, epilog=f"Example: {command.example}")(guarded(command.function))


def _show_version(wanted: bool) -> None:
    if not wanted:
        return
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as version_of

    try:
        print(f"firm {version_of('firm')}")
    except PackageNotFoundError:
        print("firm (not installed: run from its source)")
    raise typer.Exit


def _options(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", is_eager=True, callback=_show_version),
    ] = False,
) -> None:
    """Options of the program itself."""
