"""The process that is killed while it arranges a dinner: `python diner.py HOME COUNT`, with the town at $TOWN_URL.

It carries the dinner of `examples/restaurants` to its end with the scripted model, and prints the outcome as JSON.
"""

import asyncio
import sys
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "examples" / "restaurants"
sys.path.insert(0, str(EXAMPLE))

import dinner  # noqa: E402 - found beside the path above
from carrier import Plan, carry  # noqa: E402

RUN = "dinner-1"
dinner.PATIENCE_S = 60.0
"""Whoever answers at all is heard, however busy the machine is; the town hangs up for those who do not."""

if __name__ == "__main__":
    plan = Plan(RUN, dinner.WISH, int(sys.argv[2]), "scripted")
    asyncio.run(carry(Path(sys.argv[1]), plan, dinner.dinner))
