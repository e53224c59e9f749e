"""Names and what they stand for, whoever asks first."""

import asyncio

import pytest

from firm import Model, chat
from firm.errors import UsageError
from firm.model import (
    Abilities,
    Entry,
    Models,
    ModelUnavailable,
    Reply,
    Request,
    ScriptedModel,
    Text,
    UnknownModel,
    Watch,
)
from firm.model.models import label_of
from firm.model.wire.fault import Fault, Kind
from firm.units import Usage


def test_a_fallback_that_nobody_knows_is_an_error_each_time() -> None:
    async def use() -> None:
        async with Models({"default": Entry((ScriptedModel(["one"]),), ("nope",))}):
            for _ in range(2):
                with pytest.raises(UnknownModel, match="no model is named 'nope'"):
                    await chat("hello")

    asyncio.run(use())


def test_models_that_differ_only_in_their_key_are_two() -> None:
    models = Models()
    alice, bob = (Model("http://gpu-1:8000/v1", "m", key=key) for key in ("alice-key", "bob-key"))
    first, second = models.add(alice), models.add(bob)
    assert first == "m@http://gpu-1:8000/v1"
    assert second != first
    assert (models.add(bob), models.add(alice)) == (second, first)
    assert models.entry(first) == Entry((alice,))
    assert models.entry(second) == Entry((bob,))
    assert "bob-key" not in second


def test_a_label_shows_neither_key_nor_password() -> None:
    model = Model("http://me:secret-word@gpu-1:8000/v1", "m", key="sk-secret-key")
    for shown in (label_of(model), repr(model), repr(Entry((model,)))):
        assert "secret" not in shown
    assert label_of(model) == "m@http://gpu-1:8000/v1"
    assert "env:BIG_KEY" in repr(Model("http://gpu-1:8000/v1", "m", key="env:BIG_KEY"))


def test_an_address_that_cannot_be_read_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="give an address such as"):
        Model("http://[::1/v1", "m")


def test_one_reply_of_a_scripted_model_can_be_given_twice() -> None:
    same = Reply((Text("no JSON"),), Usage(1, output=1))

    async def use() -> None:
        async with Models({"default": ScriptedModel(lambda request: same)}):
            with pytest.raises(Exception, match="still answers wrongly"):
                await chat("hello", schema=list[int])

    asyncio.run(use())
    assert (same.usage, same.endpoint) == (Usage(1, output=1), "")


def test_one_that_cannot_be_closed_leaves_no_other_open() -> None:
    closed = []

    class Stubborn(ScriptedModel):
        async def close(self) -> None:
            closed.append(self.model.name)
            raise OSError(f"{self.model.name} stays")

    def answer(request: Request) -> str:
        return "hi"

    async def use() -> None:
        models = Models({"a": Stubborn(answer, name="a"), "b": Stubborn(answer, name="b")})
        await models.call(Request((), "a"))
        await models.call(Request((), "b"))
        with pytest.raises(OSError, match="stays"):
            await models.close()

    asyncio.run(use())
    assert closed == ["a", "b"]


def test_after_the_end_nothing_is_asked_again() -> None:
    class Broken(ScriptedModel):
        """Its connections break off when they are closed."""

        async def say(self, request: Request, abilities: Abilities, watch: Watch | None) -> Reply:
            self.requests.append(request)
            self.gone = asyncio.Event()
            await self.gone.wait()
            raise Fault(Kind.LOST, "connection closed")

        async def close(self) -> None:
            self.gone.set()

    async def use() -> None:
        model = Broken([])
        async with Models({"default": model}):
            call = asyncio.create_task(chat("hello"))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        with pytest.raises(ModelUnavailable, match="'default' was closed while it was being asked"):
            await asyncio.wait_for(call, 5)
        assert len(model.requests) == 1

    asyncio.run(use())
