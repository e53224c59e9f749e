"""The agent that mends a repository, and the tools that only it has.

One rule: how the tests are run stands in a file beside the worktree, where the agent cannot write; what it does in the
worktree decides nothing, the tests are run again without it (`firm.agent.repository.mission`).
"""

from pathlib import Path

import msgspec

from firm.agent.agent import Agent
from firm.agent.kit import files
from firm.agent.kit.boxed import limits_for, told
from firm.agent.kit.text import text_of
from firm.agent.repository.command import Checks
from firm.agent.repository.indent import fitted
from firm.agent.repository.place import SETUP
from firm.agent.repository.tests import TESTS_S, run_all, run_command
from firm.agent.tool import tool, tool_of
from firm.agent.workspace import workspace_here
from firm.errors import UsageError

MAX_TURNS = 60
"""Replies of the model in one round."""
_GRACE_S = 30.0

INSTRUCTIONS = """\
You mend a software project so that its tests pass. You work in a copy of it, with tools.

Do it in this order, for one failing test at a time:
1. Look at what failed: which test, what was expected, what came.
2. Find the function of the program that the test calls. Read it with read_file if you have not seen it.
3. Find the line in it that is wrong: follow what it does with the values of the test.
4. Change that line with edit_file: `old` is that whole line, copied from the file; `new` is the line as it should be.
5. Run the tests with run_tests. If some still fail, go on with the next one.
6. When all pass, answer in two or three sentences, without a tool: what was wrong, and what you changed.

Rules:
- Change the program, not the tests. Files of the tests and their settings are put back before the tests judge.
- The values in a message of a test are not text in the program: do not search for them, and do not write them into it.
- If edit_file is refused, do not call it again with the same text: read the whole file, and copy a line from it.
- Make the smallest change that corrects the cause.
- If you cannot do it, say what you tried and what you believe is wrong.
"""


def _setup() -> tuple[Checks, Path]:
    folder = workspace_here().root
    try:
        return msgspec.json.decode((folder.parent / SETUP).read_bytes(), type=Checks), folder
    except (OSError, msgspec.MsgspecError) as error:
        raise UsageError(
            f'{str(folder)!r} is no worktree of a mission ({error}); this tool is for `firm run "…" --repo DIR`'
        ) from None


@tool(risk="write", untrusted=True, timeout_s=TESTS_S + _GRACE_S)
async def run_tests() -> str:
    """Run all tests of the project; the result says how many passed, and shows what went wrong with the others."""
    tests, folder = _setup()
    tally, text = await run_all(tests, folder)
    return f"{tally.words}\n{text}"


@tool(risk="write", untrusted=True, timeout_s=TESTS_S + _GRACE_S)
async def shell(command: str, timeout_s: float = 60) -> str:
    """Run a command in the top folder of the project, without network and without git.

    Args:
        command: What the shell is to run.
        timeout_s: Seconds until it is stopped, at most 600.
    """
    limits = limits_for(timeout_s, TESTS_S)
    tests, folder = _setup()
    return told(await run_command(tests, folder, command, limits), limits)


@tool(risk="write")
def edit_file(path: str, old: str, new: str) -> str:
    """Replace lines of a text file.

    Args:
        path: Relative to the top folder of the project.
        old: The lines that stand there now, copied from the file; they must occur once. Take in lines around them where
            they occur more often.
        new: What shall stand there instead; empty takes them out.
    """
    here = workspace_here()
    with here.alone(path):
        text, _ = text_of(here.read(path), path)
    fitting = fitted(text, old.replace("\r\n", "\n"), new.replace("\r\n", "\n"))
    made: str = tool_of(files.edit_file).function(path, *fitting)
    return made


coder: Agent[str] = Agent(
    "coder",
    INSTRUCTIONS,
    tools=[
        run_tests,
        files.read_file,
        edit_file,
        files.write_file,
        files.list_files,
        files.search_files,
        shell,
    ],
    description="Mends a software project until its tests pass.",
    max_turns=MAX_TURNS,
)
