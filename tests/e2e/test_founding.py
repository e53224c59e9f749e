"""`firm new` with a model behind a real socket: it writes the firm, or the template is taken and it is said so."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from firm.testing.mock import MockOptions, MockReply, mock_server

DRAFT = {
    "roles": [
        {"name": "chief", "purpose": "Plans."},
        {"name": "writer", "purpose": "Writes.", "tools": ["web"]},
        {"name": "reader", "purpose": "Reads."},
    ],
    "goals": [{"id": "page", "says": "There is a page."}],
    "tasks": [
        {
            "id": "page",
            "says": "Write: {mission}",
            "role": "writer",
            "makes": "page",
            "deliver": True,
            "done": {"says": "It can be read.", "checks": ["not empty"], "reviewer": "reader"},
        }
    ],
}


def firm(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("FIRM_")}
    return subprocess.run(
        [sys.executable, "-m", "firm.cli", *words],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def founded(folder: Path, said: str) -> subprocess.CompletedProcess[str]:
    """`firm new` with a model that says this, whatever it is asked."""

    async def main() -> subprocess.CompletedProcess[str]:
        async with mock_server(
            MockOptions(script=lambda body: MockReply(said), honours_schema=False)
        ) as server:
            words = ("new", "shop", "a contract desk", "--json", "--model", server.url, "--name", "big")
            return await asyncio.to_thread(firm, folder, *words)

    return asyncio.run(main())


@pytest.mark.parametrize(("said", "by"), [(json.dumps(DRAFT), "model"), ("I would rather not.", "template")])
def test_a_model_writes_the_firm_or_it_is_said_that_it_could_not(tmp_path: Path, said: str, by: str) -> None:
    done = founded(tmp_path, said)
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert made["by"] == by
    assert ("nothing that could be used" in done.stderr) == (by == "template")
    assert ("nothing that could be used" in made["why"]) == (by == "template")
    assert 'name = "big"' in (tmp_path / "shop/firm.toml").read_text("utf-8")
    looked = json.loads(firm(tmp_path, "doctor", "--json", "--home", "shop").stdout)
    assert [one for one in looked if one["level"] == "bad"] == []
    assert [one["level"] for one in looked if one["what"] == "ABOUT.md"] == ["ok"]
