"""Programs of a firm's folder: found by their reference alone, and found again after a restart."""

import asyncio
import sys
from pathlib import Path

import pytest

from firm import Firm
from firm.errors import UsageError
from firm.kernel.code import load_file
from firm.org.program import find_program

FILE = """
def work(given):
    return "done"

def _hidden():
    pass
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "programs").mkdir()
    (tmp_path / "programs" / "wing_of_tests.py").write_text(FILE)
    return tmp_path


def test_a_program_is_found_by_file_and_name(home: Path) -> None:
    assert find_program("programs/wing_of_tests.py:work", home)(None) == "done"


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("wing_of_tests.py:work", "names no program; write programs/FILE.py:FUNCTION"),
        ("programs/../firm.py:work", "names no program"),
        ("programs/wing_of_test.py:work", "did you mean programs/wing_of_tests.py?"),
        ("programs/wing_of_tests.py:wrk", "did you mean 'work'?"),
    ],
)
def test_a_program_that_there_is_not_is_told_with_the_nearest(home: Path, reference: str, words: str) -> None:
    with pytest.raises(UsageError, match=words.replace("?", r"\?")):
        find_program(reference, home)


def test_a_link_that_leads_out_of_the_folder_is_no_program(
    home: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside") / "other.py"
    outside.write_text(FILE)
    (home / "programs" / "other.py").symlink_to(outside)
    with pytest.raises(UsageError, match="there is no file"):
        find_program("programs/other.py:work", home)


NEIGHBOUR = """
from firm import ask, workflow

@workflow
async def slow(word: str) -> str:
    return word + await ask("go on?", options=["yes"])
"""
CALLER = """
from firm import workflow
from neighbour_of_tests import slow

@workflow
async def caller() -> str:
    return await slow("well, ")
"""


def test_a_run_of_a_program_that_another_one_imports_goes_on_after_a_restart(home: Path) -> None:
    (home / "programs" / "neighbour_of_tests.py").write_text(NEIGHBOUR)
    (home / "programs" / "caller_of_tests.py").write_text(CALLER)

    async def first() -> None:
        async with Firm.open(home) as firm:
            await firm.start(load_file(home / "programs" / "caller_of_tests.py").caller, id="c")
            while not await firm.inbox():
                await asyncio.sleep(0.01)

    async def second() -> str:
        async with Firm.open(home) as firm:
            [question] = await firm.inbox()
            await firm.answer(question.id, "yes")
            return str(await asyncio.wait_for(firm.run("c").result(), 10))

    asyncio.run(first())
    place = str((home / "programs").resolve())
    sys.path[:] = [path for path in sys.path if path != place]
    for name in [
        name for name, module in sys.modules.items() if str(getattr(module, "__file__", "")).startswith(place)
    ]:
        del sys.modules[name]
    assert asyncio.run(second()) == "well, yes"
