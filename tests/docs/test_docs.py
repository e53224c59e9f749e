"""What the documents say is so: every block runs, every link leads somewhere, every name is explained."""

import dataclasses
import importlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import typer
from tests.docs.blocks import (
    DOCS,
    KINDS,
    README,
    ROOT,
    TRANSLATION,
    Block,
    blocks_of,
    commands_of,
    play,
    prose,
    run_script,
)

import firm
import firm.errors
import firm.model.embedded.error
import firm.model.error
from firm.cli.app import build
from firm.kernel.status import TRANSITIONS, Status
from firm.root.config import Config, ModelSettings, read_config
from firm.sandbox.level import Level
from firm.sandbox.probe import probe

BLOCKS = [block for path in DOCS for block in blocks_of(path)]
SCRIPTS = [block for block in BLOCKS if block.kind == "python"]
PLAYED = [path for path in DOCS if any(block.kind == "console" for block in blocks_of(path))]
BOXED = (ROOT / "docs" / "repository.md",)
"""What runs in the sandbox."""
WORDS = ROOT / "docs" / "glossary.md"


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


# --- blocks --------------------------------------------------------------------------------------------------


def test_every_block_says_what_it_is() -> None:
    assert [f"{block}: {block.kind!r}" for block in BLOCKS if block.kind not in KINDS] == []
    fences = sum(
        len(re.findall(r"^\s*(```|~~~)", path.read_text("utf-8"), flags=re.MULTILINE)) for path in DOCS
    )
    assert fences == 2 * len(BLOCKS), "a fence is indented, or is not closed"


@pytest.mark.parametrize("block", SCRIPTS, ids=str)
def test_python_block_runs(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FIRM_HOME", raising=False)
    run_script(block, tmp_path)


@pytest.mark.parametrize("path", PLAYED, ids=name_of)
def test_console_blocks_of_a_document_run_one_after_the_other(path: Path, tmp_path: Path) -> None:
    if path in BOXED and probe().level < Level.BUBBLEWRAP and not os.environ.get("CI"):
        pytest.skip(probe().why)
    folder = tmp_path / "here"
    folder.mkdir()
    for block in blocks_of(path):
        if block.kind in ("python", "toml") and block.file:
            (folder / block.file).write_text(block.text, "utf-8")
    commands = [
        command for block in blocks_of(path) if block.kind == "console" for command in commands_of(block)
    ]
    faults = play(commands, folder)
    assert not faults, "\n\n".join(faults)


PLANTED = """# A page

```console
$ echo 1f09c2ab44de
0123456789ab
$ echo the id is 0123456789ab
the id … 0123456789ab
$ false
$ true
something
$ (exit 4)
$ echo $?
4
```
"""


def test_what_is_wrong_in_a_transcript_is_found(tmp_path: Path) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    (tmp_path / "page.md").write_text(PLANTED, "utf-8")
    (block,) = blocks_of(tmp_path / "page.md")
    commands = commands_of(dataclasses.replace(block, path=ROOT / "page.md"))
    assert [fault.split("`")[1] for fault in play(commands, folder)] == ["false", "true"]
    assert play(commands_of(Block(ROOT, 1, "console", "$ echo a\nb … c\n")), folder) != []


def test_what_is_wrong_in_a_script_is_raised(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        run_script(Block(tmp_path, 1, "python", "def test_it() -> None:\n    1 / 0\n"), tmp_path)


def test_settings_in_the_documents_are_accepted(tmp_path: Path) -> None:
    for number, block in enumerate(
        block for block in BLOCKS if block.kind == "toml" and block.file in ("", "firm.toml")
    ):
        path = tmp_path / f"{number}.toml"
        path.write_text(block.text, "utf-8")
        read_config(path)


# --- links ---------------------------------------------------------------------------------------------------

_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def anchors(path: Path) -> set[str]:
    """What a link to a place in the document may say after `#`."""
    titles = re.findall(r"^#+ (.+)$", prose(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def links(path: Path) -> Iterator[tuple[str, Path, str]]:
    """Links to files and places: (as written, file, place in it)."""
    for link in _LINK.findall(prose(path)):
        if not re.match(r"[a-z]+:", link):
            file, _, place = link.partition("#")
            yield link, (path.parent / file).resolve() if file else path, place


def test_links_between_documents_lead_somewhere() -> None:
    lost = [
        f"{name_of(path)}: {link}"
        for path in (*DOCS, TRANSLATION)
        for link, file, place in links(path)
        if not file.exists() or (place and place not in anchors(file))
    ]
    assert lost == []


def test_every_document_can_be_reached_from_the_readme() -> None:
    seen, todo = set[Path](), [README]
    while todo:
        path = todo.pop()
        if path not in seen:
            seen.add(path)
            todo += [file for _, file, _ in links(path) if file.suffix == ".md" and file.exists()]
    assert sorted(name_of(path) for path in DOCS if path not in seen) == []


# --- names ---------------------------------------------------------------------------------------------------


def everything() -> str:
    return "\n".join(path.read_text("utf-8") for path in DOCS)


def test_every_public_name_is_mentioned() -> None:
    text = everything()
    assert [name for name in firm.__all__ if not re.search(rf"\b{name}\b", text)] == []


def commands() -> dict[str, Any]:
    """The commands of the program, by name."""
    return dict(typer.main.get_command(build()).commands)  # type: ignore[attr-defined]


def sections(path: Path) -> dict[str, str]:
    """Text under each heading of the second level."""
    parts = re.split(r"^## (.+)$", path.read_text("utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_every_command_is_described_with_its_help_its_options_and_its_example() -> None:
    described = sections(ROOT / "docs" / "reference" / "cli.md")
    missing = []
    for name, command in commands().items():
        text = described.get(f"firm {name}", "")
        wanted = [command.help.splitlines()[0], command.epilog.removeprefix("Example: ")]
        wanted += [option for parameter in command.params for option in parameter.opts if option[:2] == "--"]
        missing += [f"firm {name}: {part}" for part in wanted if part not in text]
    assert missing == []
    extra = {title for title in described if title.startswith("firm ")} - {f"firm {n}" for n in commands()}
    assert extra == set()


def test_no_command_is_mentioned_that_does_not_exist() -> None:
    known = {*commands(), "COMMAND"}
    called = set(re.findall(r"(?:`|^\$ )firm ([a-z]+)\b", everything(), flags=re.MULTILINE))
    assert called - known == set()


def test_every_setting_is_described_with_its_default() -> None:
    text = (ROOT / "docs" / "reference" / "config.md").read_text("utf-8")
    rows = {row[0].strip(" `"): row[2].strip(" `") for row in table_rows(text) if len(row) > 2}
    wanted = dict(settings(Config()))
    assert {key: rows.get(key) for key in wanted} == {key: str(value) for key, value in wanted.items()}


def settings(of: msgspec.Struct, section: str = "") -> Iterator[tuple[str, object]]:
    """Every key and its default, as the document writes them."""
    for field in msgspec.structs.fields(of):
        value = getattr(of, field.name)
        if field.name in ("firm", "purses", "rules", "capabilities", "mandates", "egress"):
            continue  # sections that have tables of their own
        if isinstance(value, msgspec.Struct):
            yield from settings(value, f"[{field.name}] ")
        elif field.name == "models":
            yield from settings(ModelSettings(), "[models.NAME] ")
        else:
            written = {"": '""', None: "none", (): "[]", True: "true", False: "false"}
            yield (
                section + field.name,
                written.get(value, value) if type(value) not in (int, float) else value,
            )


def table_rows(text: str) -> list[list[str]]:
    """Cells of all lines of tables, heads and rules left out."""
    lines = re.findall(r"^\|(.+)\|$", text, re.MULTILINE)
    return [line.split("|") for line in lines if not set(line) <= set("|-: ")]


def test_every_error_is_described() -> None:
    text = (ROOT / "docs" / "reference" / "errors.md").read_text("utf-8")
    known = {
        name
        for module in (firm.errors, firm.model.error, firm.model.embedded.error)
        for name, value in vars(module).items()
        if isinstance(value, type) and value.__module__ == module.__name__
    }
    rows = {row[0].strip(" `") for row in table_rows(text)}
    assert known - rows == set()


def test_the_tree_in_the_readme_names_every_package_and_every_file_of_the_kernel() -> None:
    source = ROOT / "src" / "firm"
    tree = next(block.text for block in BLOCKS if block.path.name == "README.md" and "kernel/" in block.text)
    files = {path.name for path in (source / "kernel").glob("*.py") if path.name != "__init__.py"}
    packages = {f"{path.name}/" for path in source.iterdir() if (path / "__init__.py").exists()}
    assert {name for name in files | packages if not re.search(rf"^\s+{name}\s+\S", tree, re.M)} == set()
    told = set(re.findall(r"^\s{4}(\w+\.py)\s", tree, re.MULTILINE))
    there = {path.name for path in source.glob("*/*.py")}
    assert told - there == set(), "files that are not there any more"


# --- the diagram, the limits, the words ----------------------------------------------------------------------


def state_diagram() -> str:
    """The states of a run in the words of Mermaid, drawn from `firm.kernel.status.TRANSITIONS`."""
    lines = ["stateDiagram-v2", f"    [*] --> {Status.PENDING}", f"    [*] --> {Status.RUNNING}"]
    for before in Status:
        after = TRANSITIONS[before]
        lines += [f"    {before} --> {status}" for status in Status if status in after]
        lines += [] if after else [f"    {before} --> [*]"]
    return "\n".join(lines) + "\n"


def test_the_diagram_of_states_is_the_table_in_the_code() -> None:
    drawn = [block.text for block in BLOCKS if block.kind == "mermaid"]
    assert drawn == [state_diagram()], f"put this into docs/concepts.md:\n{state_diagram()}"


def test_limits_are_those_in_the_code() -> None:
    text = (ROOT / "docs" / "concepts.md").read_text("utf-8")
    rows = [row for row in table_rows(text) if row[-1].strip().startswith("`firm.")]
    assert len(rows) >= 15
    wrong = []
    for row in rows:
        module, _, name = row[-1].strip(" `").rpartition(".")
        value = getattr(importlib.import_module(module), name)
        figure = float(row[1].split()[0].replace(",", ""))
        if figure * (1024 * 1024 if "MiB" in row[1] else 1024 if "KiB" in row[1] else 1) != value:
            wrong.append(f"{name} is {value}, the table says {row[1].strip()}")
    assert wrong == []


def glossary() -> tuple[set[str], set[str]]:
    """The words that are explained, and the words to avoid."""
    parts = sections(WORDS)
    said = {word for row in table_rows(parts["Words"]) for word in re.findall(r"\*\*(.+?)\*\*", row[0])}
    avoided = {row[0].strip() for row in table_rows(parts["Words to avoid"])[1:]}
    return said, avoided


WANTED = (
    "run attempt step journal event replay suspend resume message timer worker lease epoch effect intent question "
    "answer inbox generation place blob home owner spool workflow evict retry claim founder backup ballast child "
    "clerk visitor seed fault"
)


def test_the_glossary_explains_the_words_of_the_engine_once() -> None:
    said, avoided = glossary()
    assert {*WANTED.split(" "), "in doubt", "idempotency key"} - said == set()
    assert said & avoided == set()
    cells = [row[0] for row in table_rows(sections(WORDS)["Words"])]
    assert len(cells) == len(set(cells))


def test_words_to_avoid_are_avoided() -> None:
    _, avoided = glossary()
    assert len(avoided) >= 8
    found = []
    for path in DOCS:
        if path != WORDS:
            text = re.sub(r"`[^`]*`", "", prose(path))
            found += [
                f"{name_of(path)}: {hit.group()!r}"
                for word in avoided
                for hit in re.finditer(rf"\b{re.escape(word)}s?\b", text, re.IGNORECASE)
            ]
    assert found == []


def test_statuses_are_all_in_the_documents() -> None:
    text = (ROOT / "docs" / "concepts.md").read_text("utf-8")
    assert [status for status in Status if f"`{status}`" not in text] == []


def test_the_figures_of_a_retry_are_those_in_the_code() -> None:
    text = (ROOT / "docs" / "concepts.md").read_text("utf-8")
    shown = ", ".join(f"{field.name}={field.default!r}" for field in dataclasses.fields(firm.Retry))
    assert f"Retry({shown})" in text
