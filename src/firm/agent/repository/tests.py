"""Running the tests, and commands beside them, in the sandbox.

One rule: nothing of a repository is ever run outside of it, and nothing in it reaches a network.
"""

from collections.abc import Sequence
from pathlib import Path

from firm.agent.kit.boxed import program
from firm.agent.kit.text import ends_of
from firm.agent.repository.command import Checks
from firm.agent.repository.order import Tally
from firm.agent.repository.verdict import tally_of
from firm.sandbox import Box, Finished, Level, Limits, run

TESTS_S = 600.0
"""Longest that the tests may take, in time and in processor time."""
SHOWN_CHARS = 4_000
"""Of what the tests printed, as an agent reads it; the end of what is more."""
_LIMITS = Limits(
    wall_s=TESTS_S,
    cpu_s=TESTS_S,
    memory_bytes=4 << 30,
    processes=512,
    disk_bytes=2 << 30,
    output_bytes=8 << 20,
)
_ENVIRONMENT = {
    "TERM": "dumb",
    "NO_COLOR": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTEST_ADDOPTS": "-rfE --tb=short --color=no -p no:cacheprovider",
}
_FIRST = 'if [ -d src ]; then PYTHONPATH="$PWD/src${PYTHONPATH:+:$PYTHONPATH}"; export PYTHONPATH; fi\n'
"""The package that is tested is that of these files, not one that is installed from elsewhere."""


def box_of(tests: Checks, folder: Path, limits: Limits = _LIMITS) -> Box:
    """The box in which a command runs on the files of a folder."""
    return Box(
        folder=folder,
        readable=tuple(Path(path) for path in tests.readable),
        env={**_ENVIRONMENT, "PATH": ":".join(tests.path)},
        limits=limits,
        at_least=Level(tests.at_least),
    )


async def run_command(tests: Checks, folder: Path, command: str, limits: Limits = _LIMITS) -> Finished:
    """Run a command of a shell on the files of a folder.

    Raises:
        NotIsolated: the machine has less isolation than is asked for.
    """
    words: Sequence[str] = (program("sh"), "-c", _FIRST + command)
    return await run(words, box_of(tests, folder, limits))


async def run_all(tests: Checks, folder: Path) -> tuple[Tally, str]:
    """Run all tests; what they came to, and the end of what they printed."""
    done = await run_command(tests, folder, tests.command)
    return tally_of(done), printed(done)


def printed(done: Finished) -> str:
    """What a command printed, as an agent reads it."""
    out, err = (body.decode("utf-8", "replace").strip("\n") for body in (done.stdout, done.stderr))
    return ends_of("\n".join(text for text in (out, err) if text), SHOWN_CHARS)
