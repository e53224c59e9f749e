"""The coder's tool.

One rule: the tests are those that were accepted, whatever lies in the coder's own folder.
"""

from soft_box import TESTS_S
from soft_box import run_tests as run

from firm.agent.tool import tool
from firm.agent.workspace import workspace_here

MOST_FILES = 200
_GRACE_S = 30.0


@tool(risk="write", timeout_s=TESTS_S + _GRACE_S)
async def run_tests() -> str:
    """Run the accepted tests on the files in your folder; says how many passed, and shows what went wrong."""
    here = workspace_here().root
    tests = {
        f"tests/{path.name}": path.read_text("utf-8")
        for path in sorted(here.parent.glob("*/tests/test_*.py"))
        if not path.is_relative_to(here)
    }
    if not tests:
        return "No tests were laid out beside your folder."
    files = [path for path in sorted(here.rglob("*.py")) if path.is_file() and not path.is_symlink()]
    code = {
        path.relative_to(here).as_posix(): path.read_text("utf-8", "replace") for path in files[:MOST_FILES]
    }
    tally, text = await run(
        {path: text for path, text in code.items() if not path.startswith("tests/")} | tests
    )
    return f"{tally.words}\n{text}"
