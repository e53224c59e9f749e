"""The process that is killed while it inquires: `python inquirer.py HOME`.

The phenomenon lies in HOME/spring.py; its instrument notes every reading in HOME/read, one line each. It prints the
finding as JSON.
"""

import asyncio
import sys
from pathlib import Path

import msgspec

from firm import Firm
from firm.lab.order import Source
from firm.lab.phenomenon import Inquiry, discover

RUN = "spring-1"
SPRING = """
import time
from pathlib import Path

from firm.lab.phenomenon import Input, Output, Phenomenon

READ = Path(__file__).with_name("read")


def measure(x, rng):
    length = (0.2 * x["force"] + 0.7) * (1 + 0.01 * rng.standard_normal())
    with READ.open("a") as file:
        file.write(f"{length!r}\\n")
    time.sleep(0.003)
    return length


spring = Phenomenon(
    name="spring",
    question="How long is it?",
    inputs=(Input("force", 1.0, 5.0, "N", wide=(0.5, 20.0)), Input("colour", 0.0, 1.0)),
    outputs=(Output("length", "m"),),
    measure=measure,
    experiments=100,
)
"""


async def main(home: Path) -> None:
    """Carry the inquiry to its end."""
    async with Firm.open(home) as firm:
        run = await firm.start(discover, Inquiry(Source(str(home / "spring.py"), "spring"), seed=1), id=RUN)
        print(msgspec.json.encode(await run.result()).decode())


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
