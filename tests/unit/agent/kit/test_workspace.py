"""The folder of an agent: no path leads out of it, whatever stands in it and whatever changes meanwhile."""

import asyncio
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firm import Firm, workflow
from firm.agent import way
from firm.agent.kit.files import read_file, write_file
from firm.agent.workspace import MAX_WRITE_BYTES, Workspace, folder_here, workspace_here
from firm.errors import UsageError
from firm.kernel.context import current, opened

SECRET = "what nobody may read"


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder beside the workspace, with a secret in it."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "secret.txt").write_text(SECRET)
    return folder


def refused(here: Workspace, path: str) -> str:
    """What all ways to a path say, which must refuse it."""
    said = set[str]()
    for attempt in (here.resolve, here.read, lambda one: here.write(one, b"x")):
        with pytest.raises(UsageError) as error:
            attempt(path)
        said.add(str(error.value))
    return " / ".join(sorted(said))


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/etc/passwd", "absolute"),
        ("../outside/secret.txt", "without '..'"),
        ("a/../../outside/secret.txt", "without '..'"),
        ("..", "without '..'"),
        ("a\0b", "without NUL"),
        ("x" * 3_000, "at most 2,000 characters"),
        (".firm/journal.db", "firm keeps its own"),
        ("a/.FIRM/journal.db", "firm keeps its own"),
        ("a\udcff", "no proper text"),
        ("x" * 300, "too long"),
    ],
)
def test_a_path_that_leads_elsewhere_is_refused_with_what_to_do(
    here: Workspace, path: str, words: str
) -> None:
    (here.resolve(".") / "a").mkdir()
    with pytest.raises(UsageError, match=words):
        here.read(path)
    with pytest.raises(UsageError, match=words):
        here.write(path, b"x")


def test_an_absolute_path_into_the_workspace_is_answered_with_the_relative_one(here: Workspace) -> None:
    assert "as 'src/a.py'" in refused(here, f"{here.root}/src/a.py")
    assert "as 'src/a.py'" in refused(here, "/" + "box/src/a.py")


@given(st.text(alphabet="ab./\\\0 ~.", max_size=12))
def test_no_text_leads_out(path: str) -> None:
    root = Path("/nowhere/here")
    try:
        parts = way.parts_of(path, root)
    except UsageError:
        return
    assert not {"..", ".", ""} & set(parts)
    assert root in (root.joinpath(*parts), *root.joinpath(*parts).parents)


def test_a_link_that_leads_out_is_refused(here: Workspace, outside: Path) -> None:
    top = here.resolve(".")
    (top / "a").mkdir()
    (top / "absolute").symlink_to(outside)
    (top / "a" / "above").symlink_to("../../outside")
    (top / "file").symlink_to(outside / "secret.txt")
    (top / "chain").symlink_to("a/above")
    for path in ("absolute/secret.txt", "a/above/secret.txt", "file", "chain/secret.txt"):
        assert "leads out of the workspace" in refused(here, path)
    assert (outside / "secret.txt").read_text() == SECRET


def test_a_link_that_stays_inside_is_followed(here: Workspace) -> None:
    top = here.resolve(".")
    (top / "a" / "b").mkdir(parents=True)
    (top / "a" / "b" / "up").symlink_to("../../c.txt")
    (top / "again").symlink_to("a/b")
    here.write("again/up", b"through two links")
    assert (top / "c.txt").read_bytes() == here.read("a/b/up") == b"through two links"
    assert here.resolve("again/up") == here.root / "c.txt"
    assert (top / "a" / "b" / "up").is_symlink()


def test_a_link_into_the_state_of_the_firm_is_refused(here: Workspace) -> None:
    top = here.resolve(".")
    (top / ".firm").mkdir()
    (top / ".firm" / "journal.db").write_text(SECRET)
    (top / "state").symlink_to(".firm")
    assert "firm keeps its own" in refused(here, "state/journal.db")
    assert [entry.path for entry in here.entries()] == ["state"]


def test_links_in_a_circle_come_to_an_end(here: Workspace) -> None:
    (here.resolve(".") / "a").symlink_to("b")
    (here.resolve(".") / "b").symlink_to("a")
    assert "more than 20 links" in refused(here, "a")
    (here.resolve(".") / "dot").symlink_to(".")
    assert "is a folder" in refused(here, "dot")
    (here.resolve(".") / "sub").mkdir()
    (here.resolve(".") / "sub" / "up").symlink_to("..")
    assert "is a folder" in refused(here, "sub/up")


def test_a_workspace_in_the_state_of_the_firm_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="where the firm keeps its own"):
        Workspace(tmp_path / ".firm" / "blobs")


# --- what changes between check and use --------------------------------------------------------------------------


def swap_after_look(monkeypatch: pytest.MonkeyPatch, name: str, swap: Any) -> list[str]:
    """Let somebody change a name right after it was looked at."""
    swapped, look = list[str](), os.stat

    def stat(path: Any, *args: Any, **kwargs: Any) -> os.stat_result:
        found = look(path, *args, **kwargs)
        if path == name and not swapped:
            swapped.append(name)
            swap()
        return found

    monkeypatch.setattr(way.os, "stat", stat)
    return swapped


def test_a_folder_that_becomes_a_link_is_not_followed(
    here: Workspace, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.write("a/secret.txt", b"mine")
    folder = here.root / "a"

    def swap() -> None:
        folder.rename(here.root / "was")
        folder.symlink_to(outside)

    for attempt in (here.read, lambda path: here.write(path, b"changed")):
        swapped = swap_after_look(monkeypatch, "a", swap)
        with pytest.raises(UsageError, match="changed meanwhile"):
            attempt("a/secret.txt")
        assert swapped == ["a"]
        folder.unlink()
        (here.root / "was").rename(folder)
    assert (outside / "secret.txt").read_text() == SECRET


def test_a_file_that_becomes_a_link_is_not_read(
    here: Workspace, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.write("secret.txt", b"mine")

    def swap() -> None:
        (here.root / "secret.txt").unlink()
        (here.root / "secret.txt").symlink_to(outside / "secret.txt")

    swapped = swap_after_look(monkeypatch, "secret.txt", swap)
    with pytest.raises(UsageError, match="changed meanwhile"):
        here.read("secret.txt")
    assert swapped


def test_a_file_that_becomes_a_link_is_replaced_and_not_written_through(
    here: Workspace, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.write("secret.txt", b"mine")

    def swap() -> None:
        (here.root / "secret.txt").unlink()
        (here.root / "secret.txt").symlink_to(outside / "secret.txt")

    swapped = swap_after_look(monkeypatch, "secret.txt", swap)
    try:
        here.write("secret.txt", b"changed")
    except UsageError:
        pass  # refused is as good
    assert swapped
    assert (outside / "secret.txt").read_text() == SECRET


def test_a_folder_that_becomes_a_link_is_not_looked_into(
    here: Workspace, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.write("a/mine.txt", b"mine")
    folder = here.root / "a"

    def swap() -> None:
        folder.rename(here.root / "was")
        folder.symlink_to(outside)

    swapped = swap_after_look(monkeypatch, "a", swap)
    assert "secret.txt" not in " ".join(entry.path for entry in here.entries())
    assert swapped


# --- reading and writing ---------------------------------------------------------------------------------------


def test_a_write_is_whole_or_not_at_all(here: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    here.write("a/b.txt", b"before")

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(way.os, "replace", full)
    with pytest.raises(Exception, match="disk is full: free some room"):
        here.write("a/b.txt", b"after")
    assert here.read("a/b.txt") == b"before"
    assert [entry.path for entry in here.entries()] == ["a", "a/b.txt"]


def test_a_write_keeps_who_may_do_what(here: Workspace) -> None:
    here.write("run.sh", b"echo")
    (here.root / "run.sh").chmod(0o4755)
    here.write("run.sh", b"echo again")
    assert (here.root / "run.sh").stat().st_mode & 0o7777 == 0o755


def test_what_is_no_plain_file_is_refused_at_once(here: Workspace) -> None:
    os.mkfifo(here.resolve(".") / "pipe")
    (here.root / "folder").mkdir()
    with pytest.raises(UsageError, match="no plain file"):
        here.read("pipe")
    with pytest.raises(UsageError, match="no plain file"):
        here.write("pipe", b"x")
    with pytest.raises(UsageError, match=r"list_files\('folder/\*'\)"):
        here.read("folder")
    with pytest.raises(UsageError, match="is a folder"):
        here.write("folder", b"x")
    with pytest.raises(UsageError, match="is the workspace itself"):
        here.read(".")


def test_what_is_not_there_is_said(here: Workspace) -> None:
    here.write("a.txt", b"x")
    with pytest.raises(UsageError, match="not there; look with list_files"):
        here.read("b.txt")
    with pytest.raises(UsageError, match="no folder 'b'"):
        here.read("b/a.txt")
    with pytest.raises(UsageError, match="no folder, or was changed"):
        here.read("a.txt/b")


def test_too_much_is_refused(here: Workspace) -> None:
    here.write("a.txt", b"12345")
    assert here.read("a.txt", max_bytes=5) == b"12345"
    with pytest.raises(UsageError, match="has 5 bytes, at most 4 are read"):
        here.read("a.txt", max_bytes=4)
    with pytest.raises(UsageError, match="in parts"):
        here.write("b.txt", bytes(MAX_WRITE_BYTES + 1))
    assert [entry.path for entry in here.entries()] == ["a.txt"]


def test_only_git_writes_into_its_folder(here: Workspace) -> None:
    for path in (".git/config", ".GIT/hooks/pre-commit", "sub/.git", ".git"):
        with pytest.raises(UsageError, match=r"'\.git'"):
            here.write(path, b"[core]")
    assert not (here.root / ".git").exists()


def test_a_name_that_is_no_text_is_told_and_not_read(here: Workspace) -> None:
    Path(os.fsdecode(os.fsencode(here.resolve(".")) + b"/\xff\xfe")).write_text("x")
    assert [(entry.path, entry.kind) for entry in here.entries()] == [(r"\udcff\udcfe", "other")]


# --- which folder ------------------------------------------------------------------------------------------------


def test_outside_any_run_there_is_no_workspace() -> None:
    with pytest.raises(UsageError, match=r"start one in an open firm, or set a folder"):
        workspace_here()


def test_a_folder_is_relative_to_the_home(tmp_path: Path) -> None:
    firm = SimpleNamespace(home=SimpleNamespace(folder=tmp_path))
    tokens = opened.set(firm), folder_here.set("projects/a")
    try:
        assert workspace_here().root == tmp_path.resolve() / "projects" / "a"
        folder_here.set("")
        with pytest.raises(UsageError, match="outside any run there is no folder"):
            workspace_here()
        (tmp_path / "away").symlink_to("/usr")
        folder_here.set("away/share")
        with pytest.raises(UsageError, match="leads out of the firm's home"):
            workspace_here()
        folder_here.set("../x")
        with pytest.raises(UsageError, match="leads out of the firm's home"):
            workspace_here()
    finally:
        opened.reset(tokens[0])
        folder_here.reset(tokens[1])


@pytest.mark.parametrize(
    ("run", "folder"),
    [
        ("dinner-1", "dinner-1"),
        ("dinner-1/3/2.4", "dinner-1"),
        ("..", "run-"),
        ("Tisch für 4", "Tisch-f-r-4-"),
    ],
)
def test_a_run_has_a_folder_of_its_own_that_its_children_share(tmp_path: Path, run: str, folder: str) -> None:
    firm = SimpleNamespace(home=SimpleNamespace(folder=tmp_path))
    token = current.set(SimpleNamespace(id=run, firm=firm))  # type: ignore[arg-type]
    try:
        found = workspace_here().root
    finally:
        current.reset(token)
    assert found.parent == tmp_path.resolve() / "work"
    assert found.name == folder if not folder.endswith("-") else found.name.startswith(folder)


@workflow
async def keeping(text: str) -> str:
    await write_file("notes/a.txt", text)
    return str(await read_file("notes/a.txt"))


def test_tools_in_a_run_act_in_its_folder(tmp_path: Path) -> None:
    async def main() -> str:
        async with Firm.open(tmp_path) as firm:
            run = await firm.start(keeping, "kept", id="keep-1")
            return str(await run.result())

    assert asyncio.run(asyncio.wait_for(main(), 20)) == "notes/a.txt: lines 1-1 of 1\nkept"
    assert (tmp_path / "work" / "keep-1" / "notes" / "a.txt").read_text() == "kept"
