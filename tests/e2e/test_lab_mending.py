"""A problem that cannot be read any more: the search waits for the founder, and nothing that was paid is lost."""

import asyncio
from pathlib import Path

from firm import Firm
from firm.lab.candidate import BOOK
from firm.lab.load import source_of
from firm.lab.search import GIVE_UP, GO_ON, Brief, Finding, search

BOWL = """
from firm.lab import Allowance, Objective, Problem, Stage, Vector


def height(point):
    return sum((x - 0.3) ** 2 for x in point)


BOWL = Problem(
    name="bowl",
    question="Where is its bottom?",
    artifact=Vector(-1.0, 1.0, shape=(2,)),
    stages=(Stage("exact", height),),
    objective=Objective("height", "min"),
    allowance=Allowance(evaluations=6_000),
    burst=8,
)
"""


def test_a_search_waits_while_its_problem_is_broken_and_goes_on_once_it_is_mended(tmp_path: Path) -> None:
    file = tmp_path / "bowl.py"
    file.write_text(BOWL)

    async def main() -> tuple[list[str], Finding]:
        async with Firm.open(tmp_path / "home") as firm:
            brief = Brief(source=source_of(str(file), {}))
            run = await firm.start(search, brief, id="bowl-1")
            while len(await firm.rows(BOOK)) < 5:
                await asyncio.sleep(0.01)
            file.write_text(BOWL.replace("def height", "def height("))
            while not (asked := await firm.inbox()):
                await asyncio.sleep(0.01)
            file.write_text(BOWL)
            await firm.answer(asked[0].id, GO_ON)
            options = [str(option) for option in asked[0].options or ()]
            return [asked[0].text, *options], await run.result()

    asked, finding = asyncio.run(asyncio.wait_for(main(), 120))
    assert "bowl" in asked[0] and "cannot be parsed" in asked[0] and asked[1:] == [GO_ON, GIVE_UP]
    assert finding.best is not None and finding.cost["evaluations"] == 6_000
    assert len(finding.story.ran.lineages) == 1
