"""A model that refuses everything for long: its calls are held, one goes to see, and all go on when it answers."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest

from firm.kernel.journal import Question
from firm.kernel.signal import Held
from firm.kernel.value import BUILTIN
from firm.model import storm as storm_module
from firm.model.error import ModelError, RateLimited
from firm.model.message import Text
from firm.model.reply import Reply
from firm.model.storm import RELEASE, Storms
from firm.policy.brake import Brakes
from firm.units import Usage

REPLY = Reply((Text("yes"),), Usage(1, output=1), "stop", "m")


class FakeDesk:
    """Remembers lines and what was freed."""

    def __init__(self) -> None:
        self.lines: dict[str, Question] = {}
        self.waiting = 0
        self.freed: list[int | None] = []

    async def find(self, id: str) -> Question | None:
        return self.lines.get(id)

    async def ask(self, id: str, text: str) -> None:
        self.lines[id] = Question(id, "", 0, 0, "brake", text, b"", b"", None, 1)

    def answer(self, word: str, by: str = "founder") -> Question:
        [line] = [line for line in self.lines.values() if not line.answered_us]
        self.lines[line.id] = line = Question(
            line.id, "", 0, 0, "brake", line.text, b"", b"", None, 1, 2, BUILTIN.encode(word), by
        )
        return line

    async def close(self, id: str) -> None:
        if id in self.lines and not self.lines[id].answered_us:
            self.answer("go on", "closed")

    def free(self, key: str, count: int | None = None) -> int:
        self.freed.append(count)
        freed = self.waiting if count is None else min(count, self.waiting)
        self.waiting -= freed
        return freed

    def held(self, key: str) -> int:
        return self.waiting

    async def cost(self, run: str) -> str:
        return ""

    @property
    def open(self) -> list[str]:
        return [line.text for line in self.lines.values() if not line.answered_us]


class Sky:
    """Storms with a clock that the test turns, and a model that refuses while `bad`."""

    def __init__(self, storm_s: float = 300.0) -> None:
        self.now_s, self.bad, self.asked = 1_800_000_000.0, True, 0
        self.brakes, self.desk = Brakes(), FakeDesk()
        self.brakes.desk = self.desk
        self.storms = Storms(self.brakes, storm_s, lambda: self.now_s)

    async def _ask(self) -> Reply:
        self.asked += 1
        if self.bad:
            raise RateLimited("model 'm' answered 429")
        return REPLY

    async def call(self, *, last: bool = False) -> str:
        try:
            return (await self.storms.call("m", self._ask, last=last)).text
        except Held as held:
            assert held.key == "model m"
            self.desk.waiting += 1
            return "held"
        except RateLimited:
            return "refused"


def sky(test: Callable[[Sky], Any], storm_s: float = 300.0) -> None:
    async def main() -> None:
        one = Sky(storm_s)
        await test(one)
        one.storms.close()

    asyncio.run(main())


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def begun(one: Sky) -> None:
    assert await one.call() == "refused"
    one.now_s += 301
    assert await one.call() == "held"
    await settle()


def test_refusals_are_errors_until_they_have_lasted_and_then_calls_are_held_with_one_line() -> None:
    async def test(one: Sky) -> None:
        assert [await one.call() for _ in range(3)] == ["refused"] * 3
        one.now_s += 301
        assert [await one.call() for _ in range(50)] == ["held"] * 50
        assert one.asked == 4  # nobody hammers
        await settle()
        [line] = one.desk.open
        assert line.startswith("model 'm' answers nothing but 'too many requests' (429) since 2027-01-15")
        assert "refused so far: 4" in line and line.endswith("'go on', or 'stop' it?")

    sky(test)


def test_an_answer_in_between_begins_the_count_anew() -> None:
    async def test(one: Sky) -> None:
        assert await one.call() == "refused"
        one.now_s, one.bad = one.now_s + 299, False
        assert await one.call() == "yes"
        one.now_s, one.bad = one.now_s + 2, True
        assert await one.call() == "refused"
        assert not one.desk.open

    sky(test)


def test_a_call_to_see_is_let_through_and_when_it_is_answered_all_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(storm_module, "PROBE_S", 0.01)

    async def test(one: Sky) -> None:
        await begun(one)
        for _ in range(9):
            assert await one.call() == "held"
        await asyncio.sleep(0.02)
        assert one.desk.freed == [1]
        assert [await one.call(), await one.call()] == [
            "held",
            "held",
        ] and one.asked == 3  # refused: one only
        one.bad = False
        while len(one.desk.freed) < 2:
            await asyncio.sleep(0.005)
        assert await one.call() == "yes"
        await settle()
        assert not one.desk.open and one.desk.freed[-1] == RELEASE
        while one.desk.waiting:
            assert await one.call() == "yes"
        assert one.storms._storms == {} or await one.call() == "yes"

    sky(test)


def test_go_on_asks_at_once_and_stop_fails_what_is_refused() -> None:
    async def test(one: Sky) -> None:
        await begun(one)
        one.brakes.answered(one.desk.answer("go on"))
        await asyncio.sleep(0.01)
        assert one.desk.freed == [1] and await one.call() == "held" and one.asked == 3
        assert await one.call() == "held"
        assert not one.desk.open  # asked once a storm

    sky(test)

    async def stops(one: Sky) -> None:
        await begun(one)
        one.brakes.answered(one.desk.answer("stop"))
        assert one.desk.freed == [None]
        with pytest.raises(ModelError, match="answers nothing else since .*waits no longer"):
            await one.call()
        one.bad = False
        assert await one.call() == "yes"
        one.bad = True
        assert await one.call() == "refused"

    sky(stops)


def test_the_last_attempt_is_held_even_while_others_are_answered() -> None:
    async def test(one: Sky) -> None:
        assert await one.call(last=True) == "held"
        assert not one.desk.open
        one.bad = False
        assert await one.call() == "yes"
        assert one.desk.freed == [RELEASE]

    sky(test)


def test_zero_switches_it_off_and_so_does_a_firm_that_carries_no_runs() -> None:
    async def test(one: Sky) -> None:
        for _ in range(3):
            assert await one.call(last=True) == "refused"
            one.now_s += 1_000

    sky(test, 0.0)

    async def visitor(one: Sky) -> None:
        one.brakes.desk = cast("Any", None)
        await test(one)

    sky(visitor)


def test_what_was_held_without_a_line_is_no_storm_after_a_restart_and_one_may_begin() -> None:
    async def test(one: Sky) -> None:
        one.desk.waiting = 3
        one.storms.restore("model m")
        await asyncio.sleep(0.01)
        assert one.desk.freed == [1] and not one.desk.open
        assert await one.call() == "refused"
        one.now_s += 301
        assert await one.call() == "held"
        await settle()
        assert len(one.desk.open) == 1

    sky(test)


def test_what_was_held_with_a_line_is_held_after_a_restart_and_one_call_goes_to_see() -> None:
    async def test(one: Sky) -> None:
        await begun(one)
        again = Sky()
        again.desk = again.brakes.desk = one.desk
        one.storms.close()
        one.desk.freed.clear()
        again.storms.restore("model m")
        await asyncio.sleep(0.01)
        assert one.desk.freed == [1]
        assert [await again.call(), await again.call()] == ["held", "held"] and again.asked == 1
        assert len(one.desk.open) == 1
        again.storms.close()

    sky(test)
