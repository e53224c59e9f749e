"""`firm login` and `firm secret` at a real terminal: what is typed there is not shown."""

import fcntl
import os
import pty
import select
import subprocess
import sys
import termios
import time
from pathlib import Path

from firm.policy.identity import open_session
from firm.policy.secret import Secrets

from .conftest import Place

WORDS = "correct horse battery"
VALUE = "sk-live-canary-0123456789"


def at_terminal(place: Place, *words: str, types: list[tuple[str, str]]) -> tuple[str, int]:
    """Run `firm WORDS` at a terminal; when it shows the first of a pair, the second is typed. All that it showed."""
    ours, theirs = pty.openpty()

    def attach() -> None:
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    env = {name: value for name, value in os.environ.items() if name not in ("FIRM_HOME", "FIRM_PASSPHRASE")}
    process = place.begin(
        script=f"import sys; sys.argv = {['firm', *words]!r}; from firm.cli import main; main()",
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        preexec_fn=attach,
        env=env | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    os.close(theirs)
    shown, left, until = "", list(types), time.monotonic() + 20
    try:
        while time.monotonic() < until:
            if not select.select([ours], [], [], 0.1)[0]:
                continue
            try:
                more = os.read(ours, 65536)
            except OSError:  # the terminal is closed: the process has ended
                break
            shown += more.decode()
            if left and shown.endswith(left[0][0]) and _is_hidden(ours):
                os.write(ours, left.pop(0)[1].encode() + b"\r")
        return shown, process.wait(timeout=20)
    except subprocess.TimeoutExpired as error:
        raise AssertionError(f"it still waits; it has shown {shown!r}") from error
    finally:
        os.close(ours)


def _is_hidden(fd: int) -> bool:
    until = time.monotonic() + 5
    while termios.tcgetattr(fd)[3] & termios.ECHO:
        if time.monotonic() > until:
            return False
    return True


def test_a_passphrase_is_typed_unseen_twice_for_a_new_key_and_once_later(place: Place) -> None:
    asks = "not now): "
    shown, code = at_terminal(
        place,
        "new",
        "one",
        types=[(asks, WORDS), ("once more: ", "something else"), (asks, WORDS), ("more: ", WORDS)],
    )
    assert (code, "not the same" in shown, "your founder key is ed25519:" in shown) == (0, True, True)
    home = place.folder / "one"
    types = [("passphrase: ", "wrong words here"), ("passphrase: ", WORDS)]
    later, code = at_terminal(place, "login", "--home", str(home), types=types)
    assert (code, "does not open" in later, "a session is open until" in later) == (0, True, True)
    assert open_session(home / ".firm", time.time_ns() // 1000)
    for typed in (WORDS, "something else", "wrong words here"):
        assert typed not in shown + later


def test_a_secret_is_typed_unseen(place: Place, tmp_path: Path) -> None:
    types = [("(it is not shown): ", VALUE)]
    shown, code = at_terminal(place, "secret", "set", "stripe", "--host", "api.stripe.com", types=types)
    assert (code, "kept stripe for api.stripe.com" in shown) == (0, True)
    assert VALUE not in shown
    assert Secrets(place.folder / ".firm").get("stripe", "api.stripe.com") == VALUE


def test_without_a_terminal_nothing_is_asked(place: Place) -> None:
    assert "set $FIRM_PASSPHRASE" in place.firm("login", code=2)
