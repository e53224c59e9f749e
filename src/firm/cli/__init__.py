"""The `firm` command.

One rule: nothing heavy is imported before a command needs it, so that `firm --help` answers at once.
"""

__all__ = ["main"]


def main() -> None:
    """The command line; ends the process with 0 done, 1 failed, 2 wrong use, 3 waiting for a person."""
    from firm.cli.app import build

    build()(prog_name="firm")
