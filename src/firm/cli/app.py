"""All commands in one program."""

import sys
from typing import Annotated

import typer

from firm.cli import checking, deciding, keeping, looking, making, running
from firm.cli.command import Command, guarded

GROUPS = (making, running, looking, deciding, keeping, checking)
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
    for group in GROUPS:
        for command in group.COMMANDS:
            _add(app, command)
    return app


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
