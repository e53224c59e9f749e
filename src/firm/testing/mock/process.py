"""A mock server in a process of its own, so that its work is not counted as the client's.

One rule: the process ends with whoever started it.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

FILES = 65_536
"""Open files that are asked for; the hard limit may be lower."""


@dataclass(frozen=True, slots=True)
class MockProcess:
    """A mock server that runs beside this process."""

    url: str
    """Address up to the version."""
    pid: int


@contextmanager
def mock_process(*args: str) -> Iterator[MockProcess]:
    """Run `python -m firm.testing.mock` with these arguments while the block lasts.

    Raises:
        RuntimeError: if it does not start.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "firm.testing.mock", *args],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout and process.stdin
    with process:
        try:
            url = process.stdout.readline().strip()
            if not url:
                raise RuntimeError(f"the mock server did not start with {args!r}; see what it wrote above")
            yield MockProcess(url, process.pid)
        finally:
            process.kill()


def raise_file_limit() -> int:
    """Let this process open as many files as it may, up to `FILES`; says how many that are."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return soft
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted
