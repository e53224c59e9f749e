"""Running tests on files that nobody vouches for: in the sandbox, without network, in a folder that is made for it.

One rule: what ran and how many tests were counted is told by the run, never by whoever wrote the files.
"""

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

from firm.agent.repository.command import find_tests
from firm.agent.repository.order import Tally
from firm.agent.repository.place import remove_tree
from firm.agent.repository.tests import printed, run_command
from firm.agent.repository.verdict import tally_of
from firm.sandbox import Finished, Limits

COMMAND = "python -m unittest discover -s tests"
TESTS_S = 60.0
"""Longest that the tests may take, in time and in processor time."""
SAID_CHARS = 2_000
"""Of what they printed, in a reason."""
_OK = re.compile(r"\.\.\. ok$", re.MULTILINE)
_PATH = re.compile(r"(?:\w[\w-]*/)*\w[\w-]*\.\w+")


def is_path(path: str) -> bool:
    """Whether it can be written below a folder: words with / between them, and a suffix."""
    return _PATH.fullmatch(path) is not None


async def run_tests(files: Mapping[str, str]) -> tuple[Tally, str]:
    """Run the tests among these files; what they came to, and the end of what they printed.

    Args:
        files: Path -> text; the tests below `tests/`.

    Raises:
        NotIsolated: this machine has no bubblewrap.
    """
    done = await _run(files, COMMAND)
    return tally_of(done), printed(done)[-SAID_CHARS:]


async def passing(files: Mapping[str, str]) -> tuple[Tally, str, int]:
    """As `run_tests`, and how many passed, each counted by itself: a test with parts can fail many times."""
    done = await _run(files, f"{COMMAND} -v")
    return (
        tally_of(done),
        printed(done)[-SAID_CHARS:],
        len(_OK.findall(done.stderr.decode("utf-8", "replace"))),
    )


async def _run(files: Mapping[str, str], command: str) -> Finished:
    folder = Path(tempfile.mkdtemp(prefix="firm-tests-"))
    try:
        write(folder, files)
        checks = find_tests(folder, frozenset(files), lambda path: files[path], command)
        return await run_command(checks, folder, command, Limits(wall_s=TESTS_S, cpu_s=TESTS_S))
    finally:
        remove_tree(folder)


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Write files below a folder."""
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, "utf-8")
