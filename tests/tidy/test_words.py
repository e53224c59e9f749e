"""Names that say nothing, and traces of one machine, stay out of the repository."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

EMPTY_NAMES = {"utils", "util", "helpers", "helper", "common", "base", "manager", "misc"}

# Put together at run time, so that this file does not contain what it looks for.
OWN_FOLDERS = "|".join(["work", "farm", "root", r"home/[\w.-]+", r"Users/[\w.-]+"])
MACHINE_PATH = re.compile(rf"(?<![\w.~}}/-])/(?:{OWN_FOLDERS})/[\w.-]+")
INDEX_HOSTS = "|".join(
    [r"pypi\.org", r"pythonhosted\.org", r"npmjs\.org", r"crates\.io", r"index\.docker\.io"]
)
INDEX = re.compile(
    rf"https?://[^\s\"'>]*(?:{INDEX_HOSTS}|/simple(?:/|\b))|--(?:extra-)?index-url|--trusted[-]host"
)

TEXT = {
    ".py",
    ".md",
    ".toml",
    ".txt",
    ".yml",
    ".yaml",
    ".json",
    ".html",
    ".css",
    ".js",
    ".sql",
    ".sh",
    ".cfg",
    "",
}


def tracked() -> list[Path]:
    """Files that git tracks or would add; all files when this is not a git checkout (an unpacked archive)."""
    done = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        return [path for path in ROOT.rglob("*") if path.is_file() and ".venv" not in path.parts]
    return [path for name in done.stdout.decode().split("\0") if name and (path := ROOT / name).is_file()]


def text_faults(text: str, pattern: re.Pattern[str]) -> list[str]:
    """What `pattern` finds in `text`, with its line."""
    return [
        f"line {text[: hit.start()].count(chr(10)) + 1}: {hit.group()!r}" for hit in pattern.finditer(text)
    ]


def faults(pattern: re.Pattern[str]) -> list[str]:
    """What `pattern` finds in the text files of the repository."""
    found = []
    for path in tracked():
        if path.suffix in TEXT:
            text = path.read_text("utf-8", errors="replace")
            found += [f"{path.relative_to(ROOT)} {fault}" for fault in text_faults(text, pattern)]
    return found


def test_file_names_say_what_they_hold() -> None:
    assert [path for path in tracked() if path.stem in EMPTY_NAMES] == []


def test_no_path_of_one_machine() -> None:
    assert faults(MACHINE_PATH) == []


def test_no_package_index_is_named() -> None:
    assert faults(INDEX) == []


@pytest.mark.parametrize("folder", ["work", "farm", "home/sam", "Users/Sam"])
def test_a_planted_machine_path_is_found(folder: str) -> None:
    assert text_faults(f"see\nopen('/{folder}/main/x.py')", MACHINE_PATH) == [
        f"line 2: '/{folder}/main'"
    ] or (text_faults(f"open('/{folder}/main/x.py')", MACHINE_PATH) != [])


@pytest.mark.parametrize(
    "text", ["a network/work/flow", "https://example.org/work/list", "src/farm/x/y", "/workflows/a"]
)
def test_other_words_are_fine(text: str) -> None:
    assert text_faults(text, MACHINE_PATH) == []


def test_a_planted_index_is_found() -> None:
    assert text_faults("https" + "://mirror.example/" + "simple" + "/firm", INDEX) != []
