"""kill -9 on the owner at random moments while two others send: every message once, in order."""

import json
import random
import subprocess
import time

import pytest

from .conftest import Place

CLIENT = """
import asyncio
from firm import Firm

async def main():
    async with Firm.visit(".") as firm:
        for number in range({count}):
            await firm.send("c", "news", ["{name}", number])

asyncio.run(main())
"""
START = """
import asyncio, sys
sys.path.insert(0, ".")
import work
from firm import Firm

async def main():
    async with Firm.open(".") as firm:
        await firm.start(work.collects, id="c")

asyncio.run(main())
"""


def play(place: Place, seed: int, count: int) -> None:
    """One loop of kills; `count` messages from each of two senders."""
    rng = random.Random(seed)
    assert place.begin(script=START).wait(20) == 0
    senders = [place.begin(script=CLIENT.format(name=name, count=count)) for name in "ab"]
    longest_s = 0.8
    while any(sender.poll() is None for sender in senders):
        up = place.begin("up", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(rng.uniform(0.2, longest_s))
        up.kill()
        up.wait(20)
        longest_s *= 1.2  # on a machine where a start takes longer than that, the messages arrive as well
    assert [sender.returncode for sender in senders] == [0, 0], senders[0].communicate(timeout=20)
    end = START.replace('start(work.collects, id="c")', 'send("c", "news", "end")')
    assert place.begin(script=end).wait(20) == 0
    found = json.loads(place.firm("run", "work:collects", "--id", "c"))
    for name in "ab":
        assert [number for sender, number in found if sender == name] == list(range(count)), f"seed {seed}"
    assert "every invariant holds" in place.firm("doctor")


def test_messages_arrive_once_and_in_order_though_the_owner_is_killed(place: Place) -> None:
    play(place, seed=1, count=60)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 12))
def test_messages_arrive_once_and_in_order_through_many_kills(place: Place, seed: int) -> None:
    play(place, seed, count=400)
