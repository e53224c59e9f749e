"""A chat at the terminal: lines are edited, replies are shown while they come.

One rule: nothing that a model says reaches the terminal's controls; Ctrl-C stops a reply, and twice it leaves.
"""

import asyncio
import contextlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from firm.cli.command import complain, note
from firm.cli.slash import Leave, is_command, obey, remark, remind
from firm.cli.talk import Talk
from firm.cli.text import span, visible
from firm.errors import FirmError
from firm.model import Delta, Reply

PROMPT = "> "
MORE = ". "
"""For a message that goes on in the next line."""
HISTORY_LINES = 1000
WAITING_S = 1.0
"""A reply that takes longer to begin is said to be waited for."""


class Shown:
    """Writes a reply to the terminal as it comes."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._began_s = time.monotonic()
        self._thought = 0
        self._status = False
        self._written = False
        self._at_start = True

    def __call__(self, delta: Delta) -> None:
        """Take a piece."""
        if delta.restart:
            if self._written:
                self.end()
                note("(the reply broke off; here it is from the beginning)")
            self._thought, self._written = 0, False
        if delta.reasoning and not self._written:
            self._thought += len(delta.reasoning)
            self.status(f"thinking: {self._thought:,} characters")
        if delta.text:
            self.status("")
            text = visible(delta.text)
            sys.stdout.write(text)
            sys.stdout.flush()
            self._written = True
            self._at_start = text.endswith("\n") if text else self._at_start

    def status(self, text: str) -> None:
        """A line that goes away by itself; '': none."""
        if text or self._status:
            sys.stderr.write(f"\r\x1b[K{text}")
            sys.stderr.flush()
        self._status = bool(text)

    async def wait(self) -> None:
        """Say what is waited for, until the first piece comes; to be cancelled."""
        await asyncio.sleep(WAITING_S)
        while not self._written and not self._thought:
            self.status(
                f"waiting for {visible(self._model)}: {span(round(time.monotonic() - self._began_s))}"
            )
            await asyncio.sleep(WAITING_S)

    def end(self) -> None:
        """The reply is over."""
        self.status("")
        if self._written and not self._at_start:
            print(flush=True)
        self._at_start = True


async def answer_shown(talk: Talk, question: str) -> Reply:
    """Ask, and show the reply while it comes.

    Raises:
        FirmError: as `Talk.answer`.
    """
    shown = Shown(talk.model)
    waiting = asyncio.ensure_future(shown.wait())
    try:
        reply = await talk.answer(question, shown)
    finally:
        waiting.cancel()
        shown.end()
    if words := remark(reply):
        note(words)
    return reply


class Dialog:
    """Reads what is typed and answers it, until the founder leaves."""

    def __init__(self, talk: Talk, runner: asyncio.Runner) -> None:
        self._talk = talk
        self._runner = runner
        self._interrupted = False
        """Ctrl-C was pressed, and nothing was said since."""

    def run(self) -> None:
        """Until `/exit`, Ctrl-D or Ctrl-C twice."""
        note("/help lists commands, Ctrl-D leaves")
        while True:
            try:
                typed = _read()
            except EOFError:
                print(file=sys.stderr)
                return
            except KeyboardInterrupt:
                print(file=sys.stderr)
                if self._interrupted:
                    return
                self._interrupted = True
                note("(Ctrl-C again leaves)")
                continue
            if typed.strip() and self._take(typed):
                return

    def _take(self, typed: str) -> bool:
        """Answer or obey; whether that was the end."""
        self._interrupted = False
        try:
            if is_command(typed):
                self._runner.run(obey(self._talk, typed))
            else:
                self._runner.run(answer_shown(self._talk, typed))
        except Leave:
            return True
        except KeyboardInterrupt:
            self._interrupted = True
            note("(stopped; Ctrl-C again leaves)")
        except FirmError as error:
            complain(error)
            remind(self._talk)
        return False


def _read() -> str:
    """A message as it was typed; a line that ends with a backslash goes on."""
    typed = input(PROMPT)
    while typed.endswith("\\"):
        typed = typed[:-1] + "\n" + input(MORE)
    return typed


@contextlib.contextmanager
def remembered(path: Path) -> Iterator[None]:
    """Lines that were typed before can be had again, and those typed now are kept."""
    try:
        import readline
    except ImportError:  # lines are edited as the terminal can
        yield
        return
    with contextlib.suppress(OSError):
        readline.read_history_file(path)
    try:
        yield
    finally:
        readline.set_history_length(HISTORY_LINES)
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            path.touch(mode=0o600)
            readline.write_history_file(path)
