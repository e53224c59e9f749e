"""The blocks of code in the documents, and how they are run.

A ```python block is a script of its own, run in an empty folder. One that begins with `# name.py` (or a ```toml
block with `# firm.toml`) is also put under that name into the folder in which the ```console blocks of the same
document run, one after the other, in one shell: a line after `$ ` is typed, one after `> ` continues it, and all
others must appear in what it prints (`…` stands for anything, and an id for that which was drawn). A command must
end with 0, unless the next one is `echo $?`.
"""

import contextlib
import os
import re
import runpy
import select
import shlex
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import firm

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
DOCS = [README, *sorted((ROOT / "docs").rglob("*.md"))]
TRANSLATION = ROOT / "README.zh-CN.md"
"""Not run: `test_translation.py` holds its blocks to those of the README."""
KINDS = ("python", "console", "toml", "mermaid", "text")
_FENCE = re.compile(r"^```(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NAME = re.compile(r"# ([a-z_-]+\.(?:py|toml))\n")
_ID = re.compile(r"\b(?:[0-9a-f]{12}|[a-z]+-[0-9a-hjkmnp-tv-z]{10})\b")
_MARK = "@@ended@@"
_END = re.compile(rf"\n{_MARK} (\d+)\n".encode())
PATIENCE_S = 30.0


@dataclass(frozen=True)
class Block:
    """One fenced block."""

    path: Path
    line: int
    kind: str
    text: str

    @property
    def file(self) -> str:
        """The name under which a script or settings are kept for the shell; '' if they are not."""
        named = _NAME.match(self.text)
        return named.group(1) if named else ""

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line}"


@dataclass(frozen=True)
class Command:
    """One command of a transcript, and what must stand in its output."""

    block: Block
    typed: str
    shown: list[str]


def blocks_of(path: Path) -> list[Block]:
    """All fenced blocks of one document."""
    text = path.read_text("utf-8")
    return [
        Block(path, text[: found.start()].count("\n") + 1, found.group(1), found.group(2))
        for found in _FENCE.finditer(text)
    ]


def prose(path: Path) -> str:
    """A document without its blocks."""
    return re.sub(r"^```.*?^```$", "", path.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)


def run_script(block: Block, folder: Path) -> None:
    """Run a block of Python as a script in `folder`, and every `test_…` function of it that takes nothing."""
    path = folder / (block.file or "example.py")
    path.write_text(block.text, "utf-8")
    search, modules = list(sys.path), set(sys.modules)

    def too_long(*_: object) -> None:
        if (
            signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
        ):  # `firm.run` listens, and uvloop drops what is raised
            os.kill(os.getpid(), signal.SIGTERM)
            return
        raise AssertionError(f"{path.name} did not end in {PATIENCE_S:.0f} s")

    before = signal.signal(signal.SIGALRM, too_long)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE_S)
    try:
        names = runpy.run_path(str(path), run_name="__main__")
        for name, value in names.items():
            if name.startswith("test_") and callable(value) and not value.__code__.co_argcount:
                value()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        sys.path[:] = search
        for name in set(sys.modules) - modules:
            if name.startswith("firm_file_"):
                del sys.modules[name]


def commands_of(block: Block) -> list[Command]:
    """The commands of a transcript."""
    found: list[Command] = []
    for line in block.text.splitlines():
        if line.startswith("$ "):
            found.append(Command(block, line[2:], []))
        elif line.startswith("> "):
            last = found.pop()
            found.append(Command(block, f"{last.typed}\n{line[2:]}", []))
        elif line.strip():
            found[-1].shown.append(line)
    return found


def play(commands: list[Command], folder: Path) -> list[str]:
    """Type the commands into one shell; the faults that were found, one sentence each."""
    shell = subprocess.Popen(
        ["bash"],
        cwd=folder,
        env=_environment(folder.parent),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    ids: dict[str, str] = {}
    faults: list[str] = []
    try:
        for command, after in zip(commands, [*commands[1:], None], strict=True):
            typed = _ID.sub(lambda found: ids.get(found.group(), found.group()), command.typed)
            said, code = _type(shell, typed)
            where = f"{command.block}: `{typed}`"
            if code is None:
                return [*faults, f"{where} did not end in {PATIENCE_S:.0f} s:\n{said}"]
            if code and (after is None or after.typed != "echo $?"):
                faults.append(f"{where} ended with {code}:\n{said}")
            faults += [
                f"{where} does not print {line!r}:\n{said}"
                for line in command.shown
                if not _is_shown(line, " ".join(said.split()), ids)
            ]
        return faults
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(shell.pid, signal.SIGKILL)
        shell.communicate(timeout=20)


def _type(shell: "subprocess.Popen[bytes]", typed: str) -> tuple[str, int | None]:
    """What a command prints, and what it ends with; None: it does not end."""
    assert shell.stdin is not None and shell.stdout is not None
    shell.stdin.write(
        f"{{ {typed}\n}} </dev/null; __rc=$?; printf '\\n{_MARK} %d\\n' $__rc; (exit $__rc)\n".encode()
    )
    shell.stdin.flush()
    said, until = b"", time.monotonic() + PATIENCE_S
    while (left_s := until - time.monotonic()) > 0:
        if select.select([shell.stdout], [], [], left_s)[0]:
            more = os.read(shell.stdout.fileno(), 65536)
            said += more
            if ended := _END.search(said):
                return said[: ended.start()].decode("utf-8", "replace"), int(ended.group(1))
            if not more:
                break
    return said.decode("utf-8", "replace"), None


def _is_shown(line: str, said: str, ids: dict[str, str]) -> bool:
    """Whether a line of the document stands in the output; ids that are new are learned from there."""
    pattern, new = "", []
    for part in re.split(f"(…|{_ID.pattern})", " ".join(line.split())):
        if part == "…":
            pattern += ".*?"
        elif _ID.fullmatch(part) and part not in ids and part not in new:
            new.append(part)
            pattern += f"({_ID.pattern})"
        else:
            pattern += re.escape(ids.get(part, part))
    found = re.search(pattern, said)
    if found:
        ids.update(zip(new, found.groups(), strict=True))
    return found is not None


def _environment(folder: Path) -> dict[str, str]:
    """Of a user who has `firm` and `python`, and nothing else of ours."""
    tools = folder / "tools"
    tools.mkdir(exist_ok=True)
    for name, call in (("firm", "-m firm.cli"), ("python", "")):
        tool = tools / name
        tool.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {call} "$@"\n', "utf-8")
        tool.chmod(0o755)
    source = str(Path(firm.__file__).parents[1])
    return {
        "PATH": f"{tools}:{os.environ['PATH']}",
        "PYTHONPATH": source,
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "COLUMNS": "200",
    }
