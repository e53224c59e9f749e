"""Files: pages that go on, edits that say why not, searches that end."""

import asyncio
import itertools
import threading
import time

import pytest
from tests.unit.agent.kit.calling import refused, said

from firm.agent.kit import pattern as patterns
from firm.agent.kit.files import MAX_FOUND, edit_file, list_files, read_file, search_files, write_file
from firm.agent.kit.glob import check_glob, matches
from firm.agent.workspace import Workspace
from firm.errors import UsageError

# --- read --------------------------------------------------------------------------------------------------------


def test_a_page_says_which_lines_it_has_and_how_to_go_on(here: Workspace) -> None:
    here.write("a.txt", b"".join(b"line %d\n" % number for number in range(1, 8)))
    assert said(read_file, "a.txt", 2, 3) == (
        "a.txt: lines 2-4 of 7; go on with start=5\nline 2\nline 3\nline 4"
    )
    assert said(read_file, "a.txt", 5) == "a.txt: lines 5-7 of 7\nline 5\nline 6\nline 7"
    assert refused(read_file, "a.txt", 8) == "'a.txt' has 7 lines; start=8 is behind its end"
    assert "give start from 1, and 1 to 2,000 lines" in refused(read_file, "a.txt", 0)


def test_a_page_is_bounded_and_all_pages_together_are_the_file(here: Workspace) -> None:
    text = "x" * 100_000 + "\n" + "".join(f"{number}\n" * 3 for number in range(9_000))
    here.write("big.json", text.encode())
    start, pages = 1, list[str]()
    while start:
        first, _, page = said(read_file, "big.json", start, 2_000).partition("\n")
        assert len(page) <= 15_000
        pages += page.split("\n")
        start = int(first.rpartition("start=")[2]) if "start=" in first else 0
    assert "".join(pages) == text.replace("\n", "")
    assert len(pages) == 50 + 27_000  # the long line counts as 50


def test_what_is_out_of_the_ordinary_in_a_file_is_said(here: Workspace) -> None:
    here.write("dos.txt", b"a\r\nb\r\n")
    here.write("bom.txt", b"\xef\xbb\xbfa")
    here.write("wide.txt", "ä\nb".encode("utf-16"))
    here.write("empty.txt", b"")
    assert said(read_file, "dos.txt") == "dos.txt: lines 1-2 of 2 (CRLF)\na\nb"
    assert said(read_file, "bom.txt") == "bom.txt: lines 1-1 of 1 (UTF-8 with BOM)\na"
    assert said(read_file, "wide.txt") == "wide.txt: lines 1-2 of 2 (UTF-16)\nä\nb"
    assert said(read_file, "empty.txt") == "empty.txt: empty"


def test_what_is_no_text_is_refused_with_what_to_do(here: Workspace) -> None:
    here.write("a.png", b"\x89PNG\r\n\x1a\n\0\0")
    here.write("latin.txt", "eins\nzwei ä\n".encode("latin-1"))
    assert "binary (a PNG picture), 10 bytes" in refused(read_file, "a.png")
    words = refused(read_file, "latin.txt")
    assert "byte 0xe4 in line 2" in words and "open('latin.txt', encoding='latin-1')" in words


# --- write and edit ----------------------------------------------------------------------------------------------


def test_a_written_file_is_read_as_it_was_written(here: Workspace) -> None:
    assert said(write_file, "a/b.txt", "eins\nzwei ä\n") == "wrote a/b.txt: 2 lines, 13 bytes"
    assert here.read("a/b.txt").decode() == "eins\nzwei ä\n"
    assert "half a character at 2" in refused(write_file, "c.txt", "ab\ud800")
    assert not (here.root / "c.txt").exists()


def test_an_edit_changes_the_one_place(here: Workspace) -> None:
    here.write("a.py", b"def f(x):\n    return x + 1\n")
    assert said(edit_file, "a.py", "return x + 1", "return x + 2") == "edited a.py in line 2"
    assert said(edit_file, "a.py", "def f(x):\n    ", "") == "edited a.py in line 1"
    assert here.read("a.py") == b"return x + 2\n"


def test_an_edit_keeps_line_ends_and_encoding(here: Workspace) -> None:
    here.write("dos.txt", b"\xef\xbb\xbfa\r\nb\r\n")
    said(edit_file, "dos.txt", "a\nb", "c\nd")
    assert here.read("dos.txt") == b"\xef\xbb\xbfc\r\nd\r\n"


def test_an_edit_of_what_occurs_more_often_says_where(here: Workspace) -> None:
    here.write("a.txt", b"x = 1\ny = 2\nx = 1\nx = 1\n")
    assert refused(edit_file, "a.txt", "x = 1", "x = 3") == (
        "old occurs 3 times in 'a.txt', in lines 1, 3, 4; take in lines around the one that is meant"
    )
    assert said(edit_file, "a.txt", "y = 2\nx = 1", "y = 2\nx = 3") == "edited a.txt in line 2"
    here.write("b.txt", b"aaa")
    assert "occurs 2 times" in refused(edit_file, "b.txt", "aa", "b")  # they overlap


def test_an_edit_of_what_does_not_occur_shows_what_is_nearest(here: Workspace) -> None:
    here.write("a.py", b"import os\n\ndef total(items):\n    return sum(items)\n\nprint(total([1]))\n")
    words = refused(edit_file, "a.py", "def total(item):\n  return sum(item)", "")
    assert words.endswith(
        "lines 3-4 are nearest, and must be given as it stands there:\ndef total(items):\n    return sum(items)"
    )
    words = refused(edit_file, "a.py", "def total(items):\n  return sum(items)", "")
    assert "lines 3-4 are like it but for spaces" in words
    assert "nor anything like it" in refused(edit_file, "a.py", "completely different @@@@", "")
    assert "old is empty" in refused(edit_file, "a.py", "", "x")
    assert "are the same" in refused(edit_file, "a.py", "os", "os")
    assert here.read("a.py").startswith(b"import os\n\ndef total(items)")


def test_edits_of_one_file_at_once_lose_nothing(here: Workspace) -> None:
    here.write("a.txt", b"".join(b"<%d>\n" % number for number in range(40)))

    async def main() -> None:
        edits = [asyncio.to_thread(edit_here, number) for number in range(40)]
        await asyncio.gather(*edits)

    def edit_here(number: int) -> None:
        edit_file.__wrapped__("a.txt", f"<{number}>", f"[{number}]")  # type: ignore[attr-defined]

    asyncio.run(main())
    assert here.read("a.txt").decode().split() == [f"[{number}]" for number in range(40)]


# --- list and search ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("*.py", "a.py", True),
        ("*.py", "a/b.py", False),
        ("**/*.py", "b.py", True),
        ("**/*.py", "a/b/c.py", True),
        ("src/**", "src/a/b", True),
        ("src/**", "src", True),
        ("src/", "src/a", True),
        ("src/", "src/a/b", False),
        ("src/**/test_*/*.py", "src/x/y/test_a/b.py", True),
        ("src/**/test_*/*.py", "src/test_a.py", False),
        ("a[0-9]?.txt", "a1x.txt", True),
        ("A.txt", "a.txt", False),
    ],
)
def test_patterns_of_paths(pattern: str, path: str, fits: bool) -> None:
    assert matches(path, check_glob(pattern)) is fits


def test_a_hostile_pattern_of_paths_ends() -> None:
    path = "/".join(["a" * 100] * 60)
    began = time.perf_counter()
    assert not matches(path, check_glob("/".join(["**"] * 80 + ["*a" * 40 + "b"])[:500]))
    assert time.perf_counter() - began < 2


def test_a_list_shows_files_with_their_sizes_and_leaves_heaps_out(here: Workspace) -> None:
    for path in ("a.py", "src/b.py", "node_modules/x/y.js", "src/__pycache__/b.pyc"):
        here.write(path, b"12345")
    (here.root / "link").symlink_to("a.py")
    assert said(list_files) == "a.py  5\nlink  (link)\nsrc/b.py  5"
    assert said(list_files, "*") == "a.py  5\nlink  (link)\nnode_modules/\nsrc/"
    assert said(list_files, "node_modules/**") == "node_modules/x/y.js  5"
    assert said(list_files, "*.js") == "no file matches '*.js'; '**/*.js' looks at any depth"
    assert "without '..'" in refused(list_files, "../*")
    assert "'**/*.py'" in refused(list_files, "")


def test_a_long_list_says_that_there_is_more(here: Workspace) -> None:
    top = here.resolve(".")
    for number in range(502):
        (top / f"{number:03}").touch()
    assert said(list_files).endswith("499  0\n… 2 more are not shown: narrow the pattern")


def test_a_search_finds_lines_with_their_numbers(here: Workspace, limited: None) -> None:
    here.write("a.py", b"import os\ndef total():\n    pass\n")
    here.write("src/b.py", "x = total()  # größer\n".encode())
    here.write("c.bin", b"total\0")
    words = said(search_files, r"tot\w+\(")
    assert words == (
        "a.py:2: def total():\nsrc/b.py:1: x = total()  # größer\n"
        "… 1 files were left out: binary, too large, or beyond what one search reads"
    )
    assert said(search_files, "GRÖSSER|größer", "**/*.py") == "src/b.py:1: x = total()  # größer"
    assert said(search_files, "nothing", "*.py") == "no line matches 'nothing' in 1 files that match '*.py'"
    assert "no regular expression: missing )" in refused(search_files, "(a")
    assert "1 to 2,000 characters" in refused(search_files, "")


def test_a_search_shows_only_so_many(here: Workspace, limited: None) -> None:
    here.write("a.txt", b"x\n" * 300 + b"y" * 1_000)
    lines = said(search_files, "x").split("\n")
    assert len(lines) == MAX_FOUND + 1
    assert "more than 200 lines match" in lines[-1]
    assert len(said(search_files, "y")) < 330


def test_a_pattern_that_would_never_end_is_stopped_and_holds_nobody_up(
    here: Workspace, limited: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patterns, "SEARCH_S", 1.0)
    here.write("a.txt", b"a" * 60 + b"b\n")
    turns = list[float]()

    async def main() -> None:
        async def turn() -> None:
            while True:
                turns.append(time.perf_counter())
                await asyncio.sleep(0.02)

        turning = asyncio.create_task(turn())
        with pytest.raises(UsageError, match="took longer than 1 s"):
            await search_files("(a+)+$")
        turning.cancel()

    asyncio.run(asyncio.wait_for(main(), 20))
    gaps = [after - before for before, after in itertools.pairwise(turns)]
    assert len(gaps) > 10 and max(gaps) < 0.8
    assert threading.active_count() < 20
