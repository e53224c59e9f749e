"""The scorer's process, seen from the desk: how it is started, asked, waited for and ended.

One rule: when it is ended, all that it started is ended with it, and its folder is removed.
"""

import contextlib
import os
import secrets
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from firm.lab.order import Source
from firm.lab.wall.channel import AT, CHUNK_BYTES, PLACE, Answers, Hello, Inbox, framed
from firm.lab.wall.program import CANDIDATES
from firm.lab.wall.verdict import shortened
from firm.sandbox.tree import MARKER, Session

START_S = 120.0
"""Until a scorer has imported its problem with all that it needs."""
GRACE_S = 0.1
"""Beyond a stage's own limit, for what lies between two processes."""
_PREFIX = "firm-scorer-"
_TAIL_BYTES = 4096
_ALONE = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
_SERVE = "from firm.lab.wall.scorer import serve; serve()"


class Late(Exception):
    """No answer came in time."""


class Died(Exception):
    """The process ended by itself."""


class ScorerProcess:
    """One scorer, from its start to the end of everything that it started.

    Raises:
        Died: it could not load the problem; it says why.
        Late: it did not load it in 120 s.
    """

    def __init__(self, source: Source) -> None:
        sweep(Path(tempfile.gettempdir()))
        self._folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))
        (self._folder / AT).write_bytes(PLACE.pack(-1))
        marker = secrets.token_hex(8)
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", _SERVE, str(os.getpid()), msgspec.json.encode(source).decode()],
            bufsize=0,
            cwd=self._folder,
            env=environment(self._folder) | {MARKER: marker},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self._tree = Session(self._process.pid, marker)
        assert self._process.stdout is not None and self._process.stderr is not None
        self._heard, self._said = self._process.stdout.fileno(), self._process.stderr.fileno()
        self._inbox = Inbox(self._heard)
        self._poll = select.poll()
        for number in (self._heard, self._said):
            self._poll.register(number, select.POLLIN)
        self._tail = b""
        self.cpu_us = 0
        """Used so far, as it was last told; final once it is ended."""
        try:
            self.hello = msgspec.msgpack.decode(self._next(START_S), type=Hello)
            self.cpu_us = self.hello.cpu_us
            if self.hello.trouble:
                raise Died(self.hello.trouble)
        except BaseException:
            self.end()
            raise

    def ask(self, request: msgspec.Struct) -> None:
        """Send a request.

        Raises:
            Died: nobody reads it.
        """
        assert self._process.stdin is not None
        left = memoryview(framed(request))
        try:
            while left:
                left = left[self._process.stdin.write(left) :]
        except BrokenPipeError:
            raise Died(self.last_words()) from None

    def answers(self, wait_s: float) -> Answers:
        """The next answers.

        Raises:
            Late: none came in time.
            Died: it ended.
        """
        try:
            found = _decoder.decode(self._next(wait_s))
        except msgspec.MsgspecError:
            raise Died(
                "the scorer's answer cannot be read; does it write to a file that it has not opened?"
            ) from None
        self.cpu_us = found.cpu_us
        return found

    def _next(self, wait_s: float) -> bytes:
        until = time.monotonic() + wait_s
        while (body := self._inbox.take()) is None:
            left_s = until - time.monotonic()
            if left_s <= 0:
                raise Late
            self._take_in(self._poll.poll(1000 * left_s))
        return body

    def _take_in(self, ready: list[tuple[int, int]]) -> None:
        for number, _ in ready:
            if number == self._said:
                said = os.read(number, CHUNK_BYTES)
                self._tail = (self._tail + said)[-_TAIL_BYTES:]
                if not said:
                    self._poll.unregister(number)
            elif not self._inbox.read():
                raise Died(self.last_words())

    def at(self) -> int:
        """The place of the artifact that it is busy with; -1: that cannot be told."""
        try:
            return int(PLACE.unpack((self._folder / AT).read_bytes())[0])
        except (OSError, struct.error):
            return -1

    def last_words(self) -> str:
        """How it ended, with the last it said; ends it."""
        os.set_blocking(self._said, False)
        with contextlib.suppress(BlockingIOError):
            while said := os.read(self._said, CHUNK_BYTES):
                self._tail = (self._tail + said)[-_TAIL_BYTES:]
        code = self._wait(1.0)
        how = f"by {signal.Signals(-code).name}" if code and code < 0 else f"with code {code}"
        said_last = self._tail.decode("utf-8", "replace").strip().rpartition("\n")[2]
        return shortened(f"the scorer's process ended {how}{': ' if said_last else ''}{said_last}")

    @property
    def code(self) -> int | None:
        """How it ended, as `subprocess` has it; None while it lives."""
        return self._process.returncode

    def _wait(self, most_s: float) -> int | None:
        """Wait for its end and take down what it used."""
        until = time.monotonic() + most_s
        while self._process.returncode is None:
            pid, status, use = os.wait4(self._process.pid, os.WNOHANG)
            if pid:
                self._process.returncode = os.waitstatus_to_exitcode(status)
                self.cpu_us = max(self.cpu_us, round(1e6 * (use.ru_utime + use.ru_stime)))
            elif time.monotonic() > until:
                return None
            else:
                time.sleep(0.001)
        return self._process.returncode

    def end(self) -> None:
        """Kill it with all that it started, note what they used, and remove its folder."""
        if self._process.stdin is None or self._process.stdin.closed:
            return
        self.cpu_us = max(self.cpu_us, round(1e6 * self._tree.use().cpu_s))
        self._tree.kill()
        self._wait(60.0)
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()
        shutil.rmtree(self._folder, ignore_errors=True)


_decoder = msgspec.msgpack.Decoder(Answers)


def environment(folder: Path) -> dict[str, str]:
    """All that a scorer finds as its environment."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "PYTHONPATH": os.pathsep.join(os.path.abspath(each) for each in sys.path if each),
        "PYTHONHASHSEED": "0",
        **dict.fromkeys(_ALONE, "1"),
    }


def sweep(place: Path) -> None:
    """Remove the folders of desks that were killed, and of the programs they ran."""
    for folder in _left_behind(place):
        shutil.rmtree(folder, ignore_errors=True)


def _left_behind(place: Path) -> Iterator[Path]:
    for folder in (*place.glob(f"{_PREFIX}*-*"), *place.glob(f"{CANDIDATES}*-*")):
        owner = folder.name.removeprefix(_PREFIX).removeprefix(CANDIDATES).partition("-")[0]
        try:
            os.kill(int(owner), 0)
        except ProcessLookupError:
            yield folder
        except (PermissionError, ValueError, OverflowError):
            continue
