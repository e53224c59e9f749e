"""Text that nobody else sees: passphrases and secrets, typed without being shown, or read from stdin.

One rule: such text is never an argument of a command, where other users and the shell's history would have it.
"""

import sys

ENVIRONMENT = "FIRM_PASSPHRASE"
TRIES = 3
"""How often a person at a terminal may try."""


def has_terminal() -> bool:
    """Whether somebody sits there who can be asked."""
    return sys.stdin is not None and sys.stdin.isatty()


def passphrase_given() -> str | None:
    """The passphrase in $FIRM_PASSPHRASE; None: there is none."""
    import os

    return os.environ.get(ENVIRONMENT) or None


def typed(prompt: str) -> str:
    """What is typed at the terminal; it is not shown.

    Raises:
        UsageError: the terminal cannot hide it, or its input has ended.
    """
    import getpass
    import warnings

    from firm.errors import UsageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", getpass.GetPassWarning)
            return getpass.getpass(prompt)
    except (getpass.GetPassWarning, EOFError, OSError) as error:
        raise UsageError(
            f"nothing could be typed unseen here ({type(error).__name__}); use a terminal of your own"
        ) from None
    except UnicodeDecodeError:
        raise UsageError(
            "what was typed is no text in this terminal's encoding; set LANG, or type it again"
        ) from None


def passphrase() -> str:
    """The passphrase of a key that is there: from $FIRM_PASSPHRASE, else typed.

    Raises:
        UsageError: there is neither the variable nor a terminal.
    """
    return passphrase_given() or _ask("passphrase: ")


def new_passphrase(*, may_skip: bool = False) -> str | None:
    """A passphrase for a new key: from $FIRM_PASSPHRASE, else typed twice.

    Args:
        may_skip: An empty one means: not now; then it is None.

    Raises:
        UsageError: it cannot be one, or there is neither the variable nor a terminal.
    """
    from firm.errors import UsageError
    from firm.policy.seal import check_passphrase

    if given := passphrase_given():
        check_passphrase(given)
        return given
    skip = ", empty: not now" if may_skip else ""
    for left in range(TRIES - 1, -1, -1):
        first = _ask(f"a passphrase for your founder key (8 characters or more{skip}): ")
        if not first and may_skip:
            return None
        try:
            check_passphrase(first)
            if typed("the same once more: ") == first:
                return first
            raise UsageError("the two are not the same; begin again")
        except UsageError as error:
            if not left:
                raise
            from firm.cli.command import complain

            complain(error)
    raise AssertionError("the last try returns or raises")


def _ask(prompt: str) -> str:
    from firm.errors import UsageError

    if not has_terminal():
        raise UsageError(
            f"there is no terminal to ask for the passphrase; run this at one, or set ${ENVIRONMENT}"
        )
    return typed(prompt)


def value_of_secret(name: str) -> str:
    """The value of a secret: typed at a terminal, else all of stdin without the line end after it.

    Raises:
        UsageError: stdin is no text.
    """
    from firm.errors import UsageError
    from firm.policy.secret import MAX_VALUE_CHARS

    if has_terminal():
        return typed(f"value of secret {name!r} (it is not shown): ")
    raw = sys.stdin.buffer.read(4 * MAX_VALUE_CHARS + 3) if sys.stdin is not None else b""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise UsageError(
            f"the value of secret {name!r} on stdin is no UTF-8 text; give text, for example base64"
        ) from None
    return text.removesuffix("\n").removesuffix("\r")
