"""One order through the real organization: a program makes it, a program checks it, the customer gets it."""

import asyncio
from pathlib import Path

from tests.e2e import ordered as shop

from firm import Firm
from firm.org.plan import Done, Goal, Plan, Task
from firm.org.role import Role
from firm.org.roster import role_text, workflow_text
from firm.org.trade.bill import bills_in
from firm.org.trade.order import BOOK

PROGRAM = """
def explore(given):
    spec = given.input("spec").data
    return {"data": {"name": "s1", "thickness": spec["thickness"], "cpu_s": 90.0}}
"""


def test_an_order_is_made_by_the_products_workflow_and_comes_with_its_report(tmp_path: Path) -> None:
    folder = shop.make(tmp_path / "firm")
    for name in ("roles", "workflows", "programs"):
        (folder / name).mkdir()
    explorer = Role(
        name="explorer", purpose="Searches.", held_by="program", program="programs/wing.py:explore"
    )
    (folder / "roles" / "chief.md").write_text(role_text(Role(name="chief", reports_to="founder")), "utf-8")
    (folder / "roles" / "explorer.md").write_text(role_text(explorer), "utf-8")
    (folder / "programs" / "wing.py").write_text(PROGRAM, "utf-8")
    task = Task(
        id="explore",
        says="Search a section: {mission}",
        role="explorer",
        makes="section",
        needs=("spec",),
        kind="json",
        done=Done(says="it has a name", checks=("json has name, thickness",)),
        deliver=True,
    )
    goal = Goal(id="section", says="A section.")
    (folder / "workflows" / "main.toml").write_text(
        workflow_text(Plan(goals=(goal,), tasks=(task,))), "utf-8"
    )

    async def main() -> None:
        async with Firm.open(folder, models={"default": shop.reader(thickness=12.0)}) as firm:
            record = await shop.ordered(firm, shop.WORDS, yes_up_to_usd=5, customer="Ada")
            assert (record.state, record.why) == ("delivered", "")
            assert record.delivery is not None
            assert set(record.delivery.files) == {"section.json", "report.html", "report.md"}
            assert record.delivery.cpu_ms == 90_000
            assert [one.number for one in bills_in(await firm.rows(BOOK))] == ["000001"]
            assert b'"thickness": 12' in (folder / "orders" / record.id / "section.json").read_bytes()

    asyncio.run(main())
