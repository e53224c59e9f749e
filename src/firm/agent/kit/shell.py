"""Shell and Python in the sandbox, on the files of the workspace.

One rule: without `bubblewrap` neither runs at all, and nothing of the machine is reached but the workspace. How a
program is held is `firm.sandbox`'s, how its end is told `firm.agent.kit.boxed`'s.
"""

from firm.agent.kit.boxed import environment, folder_of, limits_for, program, python_here, told
from firm.agent.tool import tool
from firm.agent.workspace import workspace_here
from firm.sandbox import Box, run

MAX_WAIT_S = 600.0
"""Longest that one command may take."""
_GRACE_S = 30.0


@tool(risk="write", untrusted=True, timeout_s=MAX_WAIT_S + _GRACE_S)
async def shell(command: str, timeout_s: float = 60) -> str:
    """Run a command in bash, in the workspace, which it sees as /box; without network.

    Only files in the workspace stay; each command begins in its folder anew. The result has the exit code, and both
    ends of what was printed.

    Args:
        command: What bash is to run; several lines are fine.
        timeout_s: Seconds until it is stopped, at most 600.
    """
    box, _ = _box(timeout_s)
    return told(await run((program("bash"), "-c", command), box), box.limits)


@tool(risk="write", untrusted=True, timeout_s=MAX_WAIT_S + _GRACE_S)
async def run_python(code: str, timeout_s: float = 60) -> str:
    """Run Python code in a process of its own, in the workspace, with the packages that are installed; without network.

    Nothing is kept from one call to the next but files; print what you want to see.

    Args:
        code: A whole program.
        timeout_s: Seconds until it is stopped, at most 600.
    """
    box, python = _box(timeout_s, PYTHONDONTWRITEBYTECODE="1", PYTHONUNBUFFERED="1", PYTHONUTF8="1")
    return told(await run((python, "-"), box, stdin=code.encode("utf-8", "surrogatepass")), box.limits)


def _box(timeout_s: float, **env: str) -> tuple[Box, str]:
    """The box around the workspace, and the Python in it."""
    limits, here = limits_for(timeout_s, MAX_WAIT_S), workspace_here()
    python, readable = python_here(here)
    found = environment(python.rpartition("/")[0]) | env
    return Box(folder=folder_of(here), readable=readable, env=found, limits=limits), python


SHELL = (shell, run_python)
"""All tools of this file."""
