"""Brakes: one line each, found again after a restart, gone by as it was answered."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from firm.errors import LoopDetected
from firm.kernel.journal import Question
from firm.kernel.value import BUILTIN
from firm.policy.brake import CLOSED, Brakes, asks_about

KEY = "wakes of owl"


class Inbox:
    """Lines of brakes, as a journal keeps them over lives."""

    def __init__(self) -> None:
        self.lines: dict[str, Question] = {}
        self.freed = 0

    async def find(self, id: str) -> Question | None:
        return self.lines.get(id)

    async def ask(self, id: str, text: str) -> None:
        assert id not in self.lines
        self.lines[id] = Question(id, "", 0, 0, "brake", text, b"", b"", None, 1)

    async def close(self, id: str) -> None:
        if id in self.lines and not self.lines[id].answered_us:
            self.answer(id, "go on", CLOSED)

    def answer(self, id: str, word: str, by: str = "founder") -> Question:
        text = self.lines[id].text
        self.lines[id] = found = Question(
            id, "", 0, 0, "brake", text, b"", b"", None, 1, 2, BUILTIN.encode(word), by
        )
        return found

    def free(self, key: str, count: int | None = None) -> int:
        self.freed += 1
        return 0

    def held(self, key: str) -> int:
        return 1

    async def cost(self, run: str) -> str:
        return "; it cost 1.00 USD so far"

    @property
    def open(self) -> list[str]:
        return [id for id, line in self.lines.items() if not line.answered_us]


def life(inbox: Inbox) -> Brakes:
    brakes = Brakes()
    brakes.desk = inbox
    return brakes


def run(test: Callable[[Inbox], Awaitable[None]]) -> None:
    asyncio.run(test(Inbox()))  # type: ignore[arg-type]


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def test_many_that_are_held_by_one_brake_put_one_line_with_its_cost() -> None:
    async def test(inbox: Inbox) -> None:
        brakes = life(inbox)
        assert {brakes.shut(KEY, "the owl wakes", run="owl") for _ in range(100)} == {KEY}
        await settle()
        [line] = inbox.lines.values()
        assert line.text == "the owl wakes; it cost 1.00 USD so far. 'go on', or 'stop' it?"
        assert asks_about(line.id, f"held: {KEY}") and not asks_about(line.id, "held: wakes of bat")

    run(test)


def test_go_on_frees_and_is_remembered_and_the_next_line_has_a_number_of_its_own() -> None:
    async def test(inbox: Inbox) -> None:
        brakes = life(inbox)
        for count in (1, 2, 3):
            brakes.shut(KEY, "the owl wakes")
            await settle()
            [id] = inbox.open
            brakes.answered(inbox.answer(id, "go on"))
            assert (brakes.go_ons(KEY), inbox.freed, brakes.state(KEY)) == (count, count, "")
        assert len(inbox.lines) == 3

    run(test)


def test_stop_is_an_error_from_then_on() -> None:
    async def test(inbox: Inbox) -> None:
        brakes = life(inbox)
        brakes.shut(KEY, "the owl wakes")
        await settle()
        brakes.answered(inbox.answer(*inbox.open, "stop"))
        for verdict in (brakes.state(KEY), brakes.shut(KEY, "again")):
            assert isinstance(verdict, LoopDetected)
            assert str(verdict) == "the owl wakes; the founder has stopped it"
        assert inbox.open == [] and inbox.freed == 1

    run(test)


@pytest.mark.parametrize(("word", "freed", "go_ons"), [("", 0, 0), ("go on", 1, 1), ("stop", 1, 0)])
def test_after_a_restart_it_is_as_the_journal_has_it(word: str, freed: int, go_ons: int) -> None:
    async def test(inbox: Inbox) -> None:
        life(inbox).shut(KEY, "the owl wakes")
        await settle()
        [id] = inbox.open
        if word:
            inbox.answer(id, word)
        brakes = life(inbox)
        brakes.restore(KEY)
        await settle()
        assert list(inbox.lines) == [id] and (inbox.freed, brakes.go_ons(KEY)) == (freed, go_ons)
        if word == "stop":
            assert str(brakes.state(KEY)) == "the owl wakes; the founder has stopped it"
        else:
            assert brakes.state(KEY) == ("" if word else KEY)

    run(test)


def test_what_was_held_when_nobody_was_asked_yet_is_judged_anew() -> None:
    async def test(inbox: Inbox) -> None:
        brakes = life(inbox)
        brakes.restore(KEY)
        await settle()
        assert inbox.lines == {} and inbox.freed == 1 and brakes.state(KEY) == ""

    run(test)


def test_a_line_that_became_moot_is_closed_even_while_it_is_being_put() -> None:
    async def test(inbox: Inbox) -> None:
        brakes = life(inbox)
        brakes.shut(KEY, "the owl wakes")
        brakes.over(KEY)
        await settle()
        assert inbox.open == [] and brakes.state(KEY) == ""
        brakes.shut(KEY, "the owl wakes")
        await settle()
        assert len(inbox.open) == 1
        life(inbox).tidy(KEY)
        await settle()
        assert inbox.open == []

    run(test)


def test_without_a_desk_nothing_is_held() -> None:
    assert Brakes().shut(KEY, "the owl wakes") == ""
