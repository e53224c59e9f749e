"""One framework's agent beside the others: `python bench/agent_peers.py NAME cpu|wall ADDRESS FOLDER`, one JSON line.

It runs in the framework's own virtual environment, so it stands on nothing of `firm`. Each agent has the same words
and the same three tools as the bare one, and the framework as its own guide shows it: default client, default loop,
memory of earlier runs and telemetry off. `bench/peers_agents.py` installs, starts and prints.
"""

import asyncio
import gc
import importlib.metadata
import json
import os
import sqlite3
import sys
import time
import uuid
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from bare_agent import ANSWER, KEY, SYSTEM, TASK, TOOLS

AT_ONCE = 100
ROUNDS = 3
MANY = 1_000

Once = Callable[[], Awaitable[str]]
QUIET = {
    "AGNO_TELEMETRY": "false",
    "CREWAI_DISABLE_TELEMETRY": "true",
    "CREWAI_TRACING_ENABLED": "false",
    "CREWAI_TESTING": "true",
    "OPENAI_AGENTS_DISABLE_TRACING": "1",
    "LANGSMITH_TRACING": "false",
    "OTEL_SDK_DISABLED": "true",
    "OPENAI_API_KEY": KEY,
}


async def bare(stack: AsyncExitStack, url: str, folder: Path) -> Once:
    """aiohttp, orjson and uvloop."""
    import bare_agent

    return bare_agent.agent(await stack.enter_async_context(bare_agent.open_session()), url)


async def firm(stack: AsyncExitStack, url: str, folder: Path) -> Once:
    """Ours: durable, with ledger and gate."""
    from agents import side

    return await side("firm", url, stack)


async def openai_agents(stack: AsyncExitStack, url: str, folder: Path) -> Once:
    """The OpenAI Agents SDK over Chat Completions."""
    from agents import Agent, OpenAIChatCompletionsModel, Runner, function_tool, set_tracing_disabled
    from openai import AsyncOpenAI

    set_tracing_disabled(True)
    client = await stack.enter_async_context(AsyncOpenAI(base_url=url, api_key=KEY))
    model = OpenAIChatCompletionsModel("mock", client)
    agent = Agent("clerk", instructions=SYSTEM, model=model, tools=[function_tool(tool) for tool in TOOLS])

    async def run() -> str:
        return str((await Runner.run(agent, TASK)).final_output)

    return run


def react(url: str, checkpointer: Any) -> Any:
    """LangGraph's ready-made agent."""
    from langchain_openai import ChatOpenAI
    from langgraph.prebuilt import create_react_agent

    model = ChatOpenAI(model="mock", base_url=url, api_key=KEY)
    return create_react_agent(model, list(TOOLS), prompt=SYSTEM, checkpointer=checkpointer)


async def langgraph(stack: AsyncExitStack, url: str, folder: Path) -> Once:
    """LangGraph without a saver."""
    graph = react(url, None)

    async def run() -> str:
        said = await graph.ainvoke({"messages": [("user", TASK)]})
        return str(said["messages"][-1].content)

    return run


async def langgraph_sqlite(stack: AsyncExitStack, url: str, folder: Path) -> Once:
    """LangGraph with its own SQLite saver."""
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

    saver = AsyncSqliteSaver.from_conn_string(str(folder / "graph.db"))
    graph = react(url, await stack.enter_async_context(saver))

    async def run() -> str:
        thread = {"configurable": {"thread_id": str(uuid.uuid4())}}
        said = await graph.ainvoke({"messages": [("user", TASK)]}, thread)
        return str(said["messages"][-1].content)

    return run


def pydantic_agent(url: str, **more: Any) -> Any:
    """An agent of pydantic-ai."""
    from pydantic_ai import Agent
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    model = OpenAIChatModel("mock", provider=OpenAIProvider(base_url=url, api_key=KEY))
    return Agent(model, name="clerk", instructions=SYSTEM, tools=list(TOOLS), **more)


async def pydantic_ai(stack: AsyncExitStack, url: str, folder: Path) -> Once:
    """pydantic-ai by itself."""
    agent = pydantic_agent(url)

    async def run() -> str:
        return str((await agent.run(TASK)).output)

    return run


def launch_dbos(stack: AsyncExitStack, folder: Path) -> Any:
    """DBOS on SQLite, or on the database that `DBOS_URL` names."""
    from dbos import DBOS

    url = os.environ.get("DBOS_URL") or f"sqlite:///{folder}/dbos.sqlite"
    DBOS(config={"name": "bench", "system_database_url": url, "log_level": "ERROR"})
    stack.callback(DBOS.destroy)
    return DBOS


async def dbos(stack: AsyncExitStack, url: str, folder: Path) -> Once:
    """A plain loop over aiohttp as a DBOS workflow, each call of a model and of a tool a step."""
    import bare_agent
    import orjson

    DBOS = launch_dbos(stack, folder)
    session = await stack.enter_async_context(bare_agent.open_session())
    where = url + "/chat/completions"

    @DBOS.step()
    async def ask(messages: list[dict[str, Any]]) -> dict[str, Any]:
        body = {"model": "mock", "messages": messages, "tools": bare_agent.WIRE_TOOLS, "max_tokens": 4096}
        async with session.post(where, data=orjson.dumps(body), headers=bare_agent.HEADERS) as response:
            return dict(orjson.loads(await response.read())["choices"][0]["message"])

    @DBOS.step()
    async def call_tool(name: str, arguments: str) -> str:
        return await bare_agent.BY_NAME[name](**orjson.loads(arguments))

    @DBOS.workflow()
    async def agent(task: str) -> str:
        messages: list[dict[str, Any]] = [
            {"role": "system", "content": SYSTEM},
            {"role": "user", "content": task},
        ]
        while True:
            said = await ask(messages)
            if not said.get("tool_calls"):
                return str(said["content"])
            messages.append(
                {"role": "assistant", "content": said["content"], "tool_calls": said["tool_calls"]}
            )
            for call in said["tool_calls"]:
                result = await call_tool(call["function"]["name"], call["function"]["arguments"])
                messages.append({"role": "tool", "tool_call_id": call["id"], "content": result})

    DBOS.launch()
    return lambda: agent(TASK)


async def pydantic_dbos(stack: AsyncExitStack, url: str, folder: Path) -> Once:
    """pydantic-ai with its own DBOS capability; its tools are steps."""
    from pydantic_ai.durable_exec.dbos import DBOSDurability

    DBOS = launch_dbos(stack, folder)
    agent = pydantic_agent(url, capabilities=[DBOSDurability()])

    @DBOS.workflow()
    async def work(task: str) -> str:
        return str((await agent.run(task)).output)

    DBOS.launch()
    return lambda: work(TASK)


async def agno(stack: AsyncExitStack, url: str, folder: Path) -> Once:
    """Agno without a database."""
    from agno.agent import Agent
    from agno.models.openai import OpenAIChat

    model = OpenAIChat(id="mock", base_url=url, api_key=KEY)
    agent = Agent(model=model, instructions=SYSTEM, tools=list(TOOLS), telemetry=False)

    async def run() -> str:
        return str((await agent.arun(TASK)).content)

    return run


async def crewai(stack: AsyncExitStack, url: str, folder: Path) -> Once:
    """CrewAI: an agent by itself, without a crew; one is made for each run, since it keeps its state in itself."""
    from crewai import LLM, Agent
    from crewai.tools import tool

    model = LLM(model="openai/gpt-4o", base_url=url, api_key=KEY)
    tools = [tool(function.__name__)(function) for function in TOOLS]

    async def run() -> str:
        agent = Agent(
            role="clerk", goal=SYSTEM, backstory="You keep a shop.", llm=model, tools=tools, verbose=False
        )
        return str((await agent.kickoff_async(TASK)).raw)

    return run


PEERS: dict[str, tuple[Callable[[AsyncExitStack, str, Path], Awaitable[Once]], tuple[str, ...]]] = {
    "bare": (bare, ("aiohttp",)),
    "firm": (firm, ()),
    "openai-agents": (openai_agents, ("openai-agents", "openai")),
    "langgraph": (langgraph, ("langgraph", "langchain-openai")),
    "langgraph-sqlite": (langgraph_sqlite, ("langgraph", "langgraph-checkpoint-sqlite")),
    "pydantic-ai": (pydantic_ai, ("pydantic-ai-slim",)),
    "pydantic-ai-dbos": (pydantic_dbos, ("pydantic-ai-slim", "dbos")),
    "dbos-sqlite": (dbos, ("dbos",)),
    "dbos-postgres": (dbos, ("dbos", "psycopg")),
    "agno": (agno, ("agno", "openai")),
    "crewai": (crewai, ("crewai",)),
}


async def measure_cpu(name: str, url: str, folder: Path) -> dict[str, Any]:
    """Processor time of a run, 100 at once, in ms, round by round; and what was measured."""
    peer, packages = PEERS[name]
    found: dict[str, Any] = {"versions": {one: importlib.metadata.version(one) for one in packages}}
    found["sqlite"] = sqlite3.sqlite_version
    async with AsyncExitStack() as stack:
        once = await peer(stack, url, folder)
        said = await once()
        if said.strip() != ANSWER:
            raise RuntimeError(f"{name} answers {said!r:.300}")
        await asyncio.gather(*(once() for _ in range(AT_ONCE)))
        found["cpu_ms"] = []
        for _ in range(ROUNDS):
            gc.collect()
            begun = time.process_time()
            await asyncio.gather(*(once() for _ in range(AT_ONCE)))
            found["cpu_ms"].append((time.process_time() - begun) / AT_ONCE * 1e3)
    return found


async def measure_wall(name: str, slow_url: str, folder: Path) -> float:
    """Seconds that 1,000 agents at once take where each model call takes a second."""
    async with AsyncExitStack() as stack:
        once = await PEERS[name][0](stack, slow_url, folder)
        begun = time.perf_counter()
        said = await asyncio.gather(*(once() for _ in range(MANY)))
        wall_s = time.perf_counter() - begun
        if {one.strip() for one in said} != {ANSWER}:
            raise RuntimeError(f"{name} answers {set(said)!r:.300}")
        return wall_s


def main() -> None:
    name, what, url, folder = sys.argv[1:]
    os.environ.update(QUIET)
    gc.set_threshold(100_000, 50, 100)
    if name != "firm":  # a package of a framework is called as a file here
        sys.path.remove(str(Path(__file__).parent))
    import uvloop

    out = sys.stdout
    sys.stdout = sys.stderr  # some frameworks print what they do
    if what == "cpu":
        found = uvloop.run(measure_cpu(name, url, Path(folder)))
    else:
        found = {"wall_s": uvloop.run(measure_wall(name, url, Path(folder)))}
    out.write(json.dumps(found) + "\n")
    out.flush()
    os._exit(0)  # threads of some frameworks stay


if __name__ == "__main__":
    main()
