"""`firm login`, `logout`: for how long answers count as the founder's."""

from typing import TYPE_CHECKING

from firm.cli.command import Command, Home, Json, note

if TYPE_CHECKING:
    from pathlib import Path

    from firm.policy.identity import Session
    from firm.root.home import Home as HomeFolder


def login(home: Home = None, as_json: Json = False) -> None:
    """Open a session of eight hours, in which your answers count as yours.

    Without one an answer is kept as unverified, and approves nothing that sends or spends.
    """
    from datetime import UTC, datetime

    from firm.cli.text import clock, print_json
    from firm.policy.identity import check_key, make_key, shown_key

    state = firm_at(home).state
    public = check_key(state) if state.exists() else None
    made = public is None
    if public is None:
        secret = _new()
        firm_at(home).make()
        public = make_key(state, secret)
        session = _open(state, secret)
    else:
        session = _try(state)
    until = datetime.fromtimestamp(session.until_us / 1e6, UTC)
    if as_json:
        print_json({"until": until, "founder": shown_key(public), "made": made})
        return
    if made:
        print(f"made your founder key {shown_key(public)}")
        note(
            f"keep a copy of {state / 'founder.key'}: it is worth nothing without your passphrase, nor you without it"
        )
    print(f"a session is open until {clock(until)}; `firm logout` ends it")


def _new() -> str:
    from firm.cli.unseen import new_passphrase

    secret = new_passphrase()
    assert secret is not None  # only who may skip it gets None
    return secret


def _try(state: "Path") -> "Session":
    """A session, by the passphrase; at a terminal it may be typed three times."""
    from firm.cli.command import complain
    from firm.cli.unseen import TRIES, passphrase, passphrase_given
    from firm.policy.seal import WrongPassphrase

    for _ in range(1 if passphrase_given() else TRIES - 1):
        try:
            return _open(state, passphrase())
        except WrongPassphrase as error:
            if passphrase_given():
                raise
            complain(error)
    return _open(state, passphrase())


def _open(state: "Path", secret: str) -> "Session":
    import time

    from firm.policy.identity import login as open_one

    return open_one(state, secret, time.time_ns() // 1000)


def logout(home: Home = None, as_json: Json = False) -> None:
    """End the session: its key is deleted."""
    from firm.cli.text import print_json
    from firm.policy.identity import logout as end

    was_open = end(firm_at(home).state)
    if as_json:
        print_json({"ended": was_open})
    else:
        print("the session has ended" if was_open else "no session was open")


def firm_at(home: "Path | None") -> "HomeFolder":
    """The folder of a firm that is there.

    Raises:
        UsageError: there is none.
    """
    from firm.errors import UsageError
    from firm.root.home import find_home

    found = find_home(home)
    if not found.state.exists() and not found.config.exists():
        raise UsageError(
            f"there is no firm in {str(found.folder)!r}: make one first (`firm new`), or give another folder with "
            "--home"
        )
    return found


COMMANDS = (Command("login", "firm login", login), Command("logout", "firm logout", logout))
