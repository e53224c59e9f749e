"""The process that is killed while it searches: `python searcher.py HOME COUNT [SEED]`.

The problem lies in HOME/bowl.py; its scorer notes each candidate in HOME/scored, one line each, by its hash. It prints
as JSON where the lineages began, how many candidates there were, and the best.
"""

import asyncio
import json
import sys
from pathlib import Path

from firm import Firm
from firm.lab.load import source_of
from firm.lab.problem import Allowance
from firm.lab.search import Brief, search

RUN = "bowl-1"
BOWL = '''
import hashlib
import struct
import time
from pathlib import Path

from firm.lab import Allowance, Objective, Problem, Score, Stage, Vector, problem

SCORED = Path(__file__).with_name("scored")
TRIALS = 1 << 40
"""Seeds below belong to trials of champions, which score anew on purpose."""
MISSED = 0.0


def cheap(x):
    return sum(abs(one - 0.35) for one in x)


def bowl(x, seed):
    if seed > TRIALS:
        with SCORED.open("a") as file:
            file.write(hashlib.sha256(struct.pack(f"<{len(x)}d", *(one + 0.0 for one in x))).hexdigest()[:32] + "\\n")
        time.sleep(0.002)
    return Score(sum((one - 0.3) ** 2 for one in x), {"left": 0.5 - x[0]})


@problem
def searched() -> Problem:
    return Problem(
        name="bowl",
        question="Where is the bottom?",
        artifact=Vector(-1.0, 1.0, (4,)),
        stages=(Stage("cheap", cheap, "surrogate", keep=0.4), Stage("exact", bowl, repeats=2)),
        objective=Objective("depth", "min"),
        allowance=Allowance(evaluations=100),
    )
'''


async def main(home: Path, count: int, seed: int) -> None:
    """Carry the search to its end."""
    brief = Brief(
        source=source_of(str(home / "bowl.py"), {}), seed=seed, allowance=Allowance(evaluations=count)
    )
    async with Firm.open(home) as firm:
        run = await firm.start(search, brief, id=RUN)
        found = await run.result()
    story = found.story
    said = {
        "lineages": [[one.evaluator, one.from_block] for one in story.ran.lineages],
        "evaluations": story.spent.evaluations,
        "best": found.best and [found.best.artifact, found.best.score, found.best.trust],
    }
    print(json.dumps(said))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), int("".join(sys.argv[3:]) or 0)))
