"""`firm up` as a process: the official clients use the firm's models through its router."""

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import openai

from firm.testing import mock_server

HI: Any = [{"role": "user", "content": "hi"}]


@contextlib.contextmanager
def up(folder: Path, *words: str) -> Iterator[tuple[Any, "subprocess.Popen[str]"]]:
    """What `firm up --json` says first, and its process."""
    with begun(folder, "--json", *words) as (line, process):
        yield json.loads(line), process


@contextlib.contextmanager
def begun(folder: Path, *words: str) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """The first line of `firm up`, and its process."""
    command = [sys.executable, "-m", "firm.cli", "up", "--home", str(folder), *words]
    environ = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ, cwd=folder
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.communicate(timeout=20)
        yield line, process
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)


def test_official_clients_use_a_model_through_firm_up(tmp_path: Path) -> None:
    async def use(said: Any) -> None:
        served = said["serve"]
        async with openai.AsyncOpenAI(base_url=served["url"], api_key=served["key"], max_retries=0) as client:
            reply = await client.chat.completions.create(model="big", messages=HI)
            response = await client.responses.create(model="big", input="hi")
            assert reply.choices[0].message.content == response.output_text
        root = served["url"].removesuffix("/v1")
        async with (
            anthropic.AsyncAnthropic(base_url=root, api_key=served["key"], max_retries=0) as client,
            client.messages.stream(model="big", max_tokens=50, messages=HI) as stream,
        ):
            assert "".join([text async for text in stream.text_stream]) == response.output_text

    async def inside() -> None:
        async with mock_server() as server:
            (tmp_path / "firm.toml").write_text(
                f'[serve]\nport = 0\n[models.big]\nurl = "{server.url}"\nname = "mock"\n', "utf-8"
            )
            with await asyncio.to_thread(contextlib.ExitStack) as stack:
                said, process = await asyncio.to_thread(stack.enter_context, up(tmp_path))
                await use(said)
                assert [path.name for path in (tmp_path / ".firm").iterdir() if path.name == "api-keys"]
                await asyncio.to_thread(stack.close)
            assert process.returncode == 0

    asyncio.run(inside())


def test_a_second_start_shows_no_key_and_no_serve_serves_nothing(tmp_path: Path) -> None:
    with up(tmp_path, "--port", "0") as (said, _):
        assert said["serve"]["key"].startswith("firm-")
    with up(tmp_path, "--port", "0") as (said, _):
        assert set(said["serve"]) == {"url"}
    with up(tmp_path, "--no-serve") as (said, _):
        assert "serve" not in said


def test_a_person_is_told_how_to_use_it(tmp_path: Path) -> None:
    with begun(tmp_path, "--port", "0") as (line, process):
        assert "is up in" in line
        assert process.stdout is not None
        told = [process.stdout.readline() for _ in range(4)]
    assert re.search(r"served at (http://127\.0\.0\.1:\d+/v1)", told[0])
    assert re.search(r"export OPENAI_BASE_URL=http://127\.0\.0\.1:\d+/v1\n", told[1])
    assert re.search(r"export OPENAI_API_KEY=firm-[\w-]+\n", told[2])
    assert "ANTHROPIC_BASE_URL" in told[3]


def test_a_port_that_is_taken_is_named_and_the_runs_go_on(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with up(tmp_path, "--port", str(port)) as (said, process):
            assert "serve" not in said
            assert process.stderr is not None
            assert f"port {port} of '127.0.0.1' is taken" in process.stderr.readline()
            assert process.poll() is None
