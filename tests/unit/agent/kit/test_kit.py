"""The kit as a whole: every tool can be had by its name, and is described for a model and for a reader."""

import importlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.unit.agent.kit.calling import refused, said

from firm.agent import kit
from firm.agent.kit.shell import shell
from firm.agent.tool import ToolDef, tool_of
from firm.agent.workspace import Workspace
from firm.errors import NotIsolated
from firm.sandbox import Level, Probe

GROUPS = ("FILES", "SHELL", "GIT", "WEB", "HTTP", "SQL", "PERSON", "TIME", "NOTES")
REFERENCE = Path(__file__).parents[4] / "docs" / "reference" / "kit.md"


def tools() -> list[ToolDef]:
    return [tool_of(one) for group in GROUPS for one in getattr(kit, group)]


def test_every_name_is_there_and_no_other() -> None:
    for name in kit.__all__:
        assert getattr(kit, name) is not None
    with pytest.raises(AttributeError, match="no_such_tool"):
        kit.no_such_tool  # noqa: B018
    names = {tool.name for tool in tools()}
    assert names - {"shell"} <= set(kit.__all__)
    assert len(names) == len(tools())


@pytest.mark.parametrize("tool", tools(), ids=lambda tool: tool.name)
def test_a_tool_is_described_for_a_model(tool: ToolDef) -> None:
    spec = tool.spec
    assert spec.description[:1].isupper() and 20 < len(spec.description) < 700
    for name, schema in spec.parameters["properties"].items():
        assert (
            schema.get("description")
            or f"`{name}`" in spec.description
            or name in ("question", "text", "items")
        )
    assert tool.timeout_s is None or tool.timeout_s > 0


def test_the_reference_names_every_tool_with_its_risk_and_effect() -> None:
    rows = re.findall(
        r"^\| `(\w+)\((.*?)\)` \| (\w+)(.*?) \| (\w+) \|", REFERENCE.read_text("utf-8"), re.MULTILINE
    )
    told = {name: (risk, effect, "untrusted" in more) for name, _, risk, more, effect in rows}
    assert told == {tool.name: (tool.risk, tool.effect, tool.untrusted) for tool in tools()}


def test_the_limits_in_the_reference_are_those_in_the_code() -> None:
    rows = re.findall(
        r"^\| .+ \| ([\d,.]+)( MiB)?.* \| `(firm\.agent\.[\w.]+)` \|$", REFERENCE.read_text("utf-8"), re.M
    )
    assert len(rows) >= 15
    for figure, unit, place in rows:
        module, _, name = place.rpartition(".")
        value = getattr(importlib.import_module(module), name)
        assert float(figure.replace(",", "")) * (1024 * 1024 if unit else 1) == value, place


def test_importing_the_kit_is_light() -> None:
    code = "import sys\nimport firm.agent.kit\nprint([n for n in sys.modules if n.startswith('firm.agent.kit.')])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"


def test_without_a_box_programs_of_ours_run_and_those_of_a_model_do_not(
    here: Workspace, limited: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("firm.sandbox.run", "firm.agent.kit.git"):
        monkeypatch.setattr(sys.modules[module], "probe", lambda: Probe(Level.LIMITS, "no bubblewrap here"))
    here.write("a.txt", b"eins\n")
    assert said(kit.search_files, "ein.") == "a.txt:1: eins"
    assert said(kit.sql_change, "x.db", "CREATE TABLE t (a)") == "done; 0 rows changed"
    if shutil.which("git") is not None:
        said(kit.git_commit, "first")
        assert said(kit.git_status).endswith(" first\nnothing is changed")
    for tool, text in ((shell, "touch b"), (kit.run_python, "open('b', 'w')")):
        assert "no bubblewrap here" in refused(tool, text, by=NotIsolated)
    assert not (here.root / "b").exists()
