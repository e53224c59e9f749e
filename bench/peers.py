"""The same call through other people's clients, beside the bare one. Optional: `make bench-peers`.

What is not installed is left out, and one line on the standard error says so.
"""

import gc
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack

import bare
import uvloop
from bench import machine, tell

from firm.testing import mock_process

ROUNDS = 8
CALLS = {1: 50, 32: 5}
MESSAGES = bare.body()["messages"]


def openai_call(client: object) -> bare.Call:
    create = client.chat.completions.create  # type: ignore[attr-defined]

    async def once() -> object:
        reply = await create(model="mock", messages=MESSAGES, max_tokens=4096)
        return reply.choices[0].message.content

    return once


async def openai(stack: AsyncExitStack, url: str) -> bare.Call:
    """The official package as it comes."""
    from openai import AsyncOpenAI

    return openai_call(await stack.enter_async_context(AsyncOpenAI(base_url=url, api_key=bare.KEY)))


async def openai_aiohttp(stack: AsyncExitStack, url: str) -> bare.Call:
    """The official package over aiohttp."""
    from openai import AsyncOpenAI, DefaultAioHttpClient

    client = AsyncOpenAI(base_url=url, api_key=bare.KEY, http_client=DefaultAioHttpClient())
    return openai_call(await stack.enter_async_context(client))


async def pydantic_ai(stack: AsyncExitStack, url: str) -> bare.Call:
    """An agent without tools, one request a run."""
    from pydantic_ai import Agent
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    agent = Agent(OpenAIChatModel("mock", provider=OpenAIProvider(base_url=url, api_key=bare.KEY)))
    return lambda: agent.run(bare.TEXT, model_settings={"max_tokens": 4096})


async def firm(stack: AsyncExitStack, url: str) -> bare.Call:
    """Our own, undurable."""
    import tempfile

    from firm import Firm, Model, chat

    home = stack.enter_context(tempfile.TemporaryDirectory())
    models = {"default": Model(url=url, name="mock", key=bare.KEY)}
    await stack.enter_async_context(Firm.open(home, models=models))
    return lambda: chat(bare.TEXT)


PEERS: dict[str, Callable[[AsyncExitStack, str], object]] = {
    "firm": firm,
    "openai": openai,
    "openai over aiohttp": openai_aiohttp,
    "pydantic-ai": pydantic_ai,
}


async def main() -> None:
    gc.set_threshold(100_000, 50, 100)
    with mock_process() as server:
        async with AsyncExitStack() as stack:
            session = await stack.enter_async_context(bare.open_session())
            works = {"bare": bare.lanes(bare.call(session, server.url))}
            for name, peer in PEERS.items():
                try:
                    works[name] = bare.lanes(await peer(stack, server.url))
                    await works[name](1, 1)
                except (ImportError, RuntimeError) as error:
                    works.pop(name, None)
                    print(f"{name} is left out: {error}", file=sys.stderr)
            for at_once in CALLS:
                costs = await bare.take_turns(works, calls=CALLS[at_once], at_once=at_once, rounds=ROUNDS)
                for name in works:
                    tell(f"{name}, {at_once} at once, CPU", costs.least(name), "µs", **machine())
                for name in list(works)[1:]:
                    tell(f"{name} / bare, {at_once} at once", costs.ratio(name), "×")


if __name__ == "__main__":
    uvloop.run(main())
