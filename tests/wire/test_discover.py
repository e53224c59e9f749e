"""Which model is the default where none is named."""

import asyncio
from collections.abc import Mapping

import pytest

from firm.model.discover import Found, hosted, local
from firm.model.target import Model
from firm.model.transport import Transport
from firm.testing import MockOptions, mock_server


@pytest.mark.parametrize(
    ("environ", "url", "wire", "key"),
    [
        ({"OPENAI_API_KEY": "k"}, "https://api.openai.com/v1", "responses", "env:OPENAI_API_KEY"),
        (
            {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "http://gpu-1:8000/v1"},
            "http://gpu-1:8000/v1",
            "chat",
            "env:OPENAI_API_KEY",
        ),
        ({"ANTHROPIC_API_KEY": "k"}, "https://api.anthropic.com/v1", "anthropic", "env:ANTHROPIC_API_KEY"),
        (
            {"ANTHROPIC_API_KEY": "k", "ANTHROPIC_BASE_URL": "http://gpu-1:8000"},
            "http://gpu-1:8000/v1",
            "anthropic",
            "env:ANTHROPIC_API_KEY",
        ),
        ({"OPENROUTER_API_KEY": "k"}, "https://openrouter.ai/api/v1", "chat", "env:OPENROUTER_API_KEY"),
    ],
)
def test_a_key_in_the_environment_stands_for_its_provider(
    environ: Mapping[str, str], url: str, wire: str, key: str
) -> None:
    model = hosted(environ).model
    assert model is not None
    assert (model.url, model.wire, model.key) == (url, wire, key)
    named = hosted({**environ, "FIRM_MODEL": "mine"}).model
    assert named is not None
    assert named.name == "mine"


def test_without_a_key_there_is_no_provider_and_it_is_said_which_were_looked_for() -> None:
    found = hosted({"OPENAI_API_KEY": ""})
    assert found.model is None
    assert "no OPENAI_API_KEY in the environment" in found.why


def look(models: tuple[str, ...], wanted: str = "") -> Found:
    """Two ports: nobody at the first, a server at the second."""

    async def inside() -> Found:
        transport = Transport()
        try:
            async with mock_server(MockOptions(models=models)) as server:
                servers = (("Ollama", "http://127.0.0.1:1/v1"), ("vLLM", server.url))
                return await local(transport, servers, wanted)
        finally:
            await transport.close()

    return asyncio.run(inside())


def test_a_server_on_a_usual_port_is_taken_with_its_first_model() -> None:
    found = look(("small", "large"))
    assert isinstance(found.model, Model)
    assert found.model.name == "small"
    assert found.why[0] == "no Ollama at http://127.0.0.1:1/v1"
    assert "the port of vLLM" in found.why[1]


def test_a_wanted_model_is_taken_where_the_server_has_it() -> None:
    found = look(("small", "large"), "large")
    assert found.model is not None
    assert found.model.name == "large"


def test_nobody_there_is_no_model() -> None:
    async def inside() -> Found:
        transport = Transport()
        try:
            return await local(transport, (("Ollama", "http://127.0.0.1:1/v1"),))
        finally:
            await transport.close()

    assert asyncio.run(inside()).model is None
