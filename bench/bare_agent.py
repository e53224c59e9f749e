"""The floor under the benches of agents: four model calls and three tool calls in a loop over aiohttp and orjson.

No framework, no journal, no check of anything: the conversation is a list of dicts that grows, as it would be written
by hand. The words and the tools are those of every side. Nothing of `firm` is imported, and what the loop itself needs
only where it is used: this is read in the environments of other frameworks, too.
"""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import aiohttp

KEY = "sk-mock"
HEADERS = {"Content-Type": "application/json", "Authorization": f"Bearer {KEY}"}
SYSTEM = "Find out what is on the shelf and what it costs, then say so in one sentence."
TASK = "What is on the shelf?"
MODEL_CALLS = 4
TOOL_CALLS = 3
ANSWER = "Hello from the mock."
"""What the mock server says in the end."""


async def look(name: str, number: int) -> str:
    """Look what lies at a place of the shelf."""
    return f"{name} {number}: three left"


async def price(name: str, number: int) -> str:
    """Say what a thing costs."""
    return f"{name} {number}: 4.20 USD"


async def place(name: str, number: int) -> str:
    """Say where a thing is kept."""
    return f"{name} {number}: second row"


TOOLS = (look, price, place)
BY_NAME: dict[str, Callable[..., Awaitable[str]]] = {tool.__name__: tool for tool in TOOLS}
PARAMETERS = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "number": {"type": "integer"}},
    "required": ["name", "number"],
    "additionalProperties": False,
}
WIRE_TOOLS = [
    {
        "type": "function",
        "function": {"name": tool.__name__, "description": tool.__doc__, "parameters": PARAMETERS},
    }
    for tool in TOOLS
]


def open_session() -> "aiohttp.ClientSession":
    """A session as everybody writes it, without the limit of 100 connections."""
    import aiohttp

    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))


def agent(session: "aiohttp.ClientSession", url: str) -> Callable[[], Awaitable[str]]:
    """One run of the agent."""
    import orjson

    where = url + "/chat/completions"

    async def ask(messages: list[dict[str, Any]]) -> dict[str, Any]:
        body = {"model": "mock", "messages": messages, "tools": WIRE_TOOLS, "max_tokens": 4096}
        async with session.post(where, data=orjson.dumps(body), headers=HEADERS) as response:
            found: dict[str, Any] = orjson.loads(await response.read())["choices"][0]["message"]
            return found

    async def run() -> str:
        messages: list[dict[str, Any]] = [
            {"role": "system", "content": SYSTEM},
            {"role": "user", "content": TASK},
        ]
        while True:
            said = await ask(messages)
            if not said.get("tool_calls"):
                return str(said["content"])
            messages.append(
                {"role": "assistant", "content": said["content"], "tool_calls": said["tool_calls"]}
            )
            for call in said["tool_calls"]:
                function = call["function"]
                result = await BY_NAME[function["name"]](**orjson.loads(function["arguments"]))
                messages.append({"role": "tool", "tool_call_id": call["id"], "content": result})

    return run
