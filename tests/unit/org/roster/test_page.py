"""The examples of docs/reference/roles.md are read as they stand there, and its tables name every key."""

import re
from pathlib import Path

from firm.org.plan import Done, Goal, Task
from firm.org.roster import read_role
from firm.org.roster.rolefile import _KEYS
from firm.org.roster.workflow import parse_workflow

PAGE = (Path(__file__).parents[4] / "docs/reference/roles.md").read_text("utf-8")
BLOCKS = re.findall(r"^```\w+\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_the_role_of_the_page_is_read(tmp_path: Path) -> None:
    path = tmp_path / "aerodynamicist.md"
    path.write_text(next(block for block in BLOCKS if block.startswith("---")), "utf-8")
    role = read_role(path)
    assert (role.tools, role.budget_usd, len(role.rules), len(role.lessons)) == (("files", "web"), 0.5, 1, 1)


def test_the_workflow_of_the_page_is_read() -> None:
    found = parse_workflow(
        next(block for block in BLOCKS if block.startswith("# main.toml")), Path("main.toml")
    )
    assert ([one.id for one in found.plan.tasks], found.given) == (["explore"], ("wishes",))


def test_every_key_stands_in_the_tables() -> None:
    known = {*_KEYS, *Goal.__struct_fields__, *Task.__struct_fields__, *Done.__struct_fields__}
    assert [key for key in sorted(known) if f"`{key}`" not in PAGE] == []
