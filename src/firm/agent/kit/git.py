"""Git on the workspace: what is changed, what was, and a commit of it all.

One rule: nothing that the repository says about itself is obeyed. Git runs in the sandbox with settings that are made
anew for each call: of `.git` it gets objects, references, index and HEAD, no configuration, so no hook, filter,
external diff, helper, alias or remote; a `.git` that is a file or a link is not followed. Where a git directory
outside the workspace is used (`git_dir_here`), files are read in the sandbox, and what comes out of it is a pack of
objects that git checks; the commit is then made without looking at a file of the workspace.
"""

import asyncio
import os
import re
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from firm.agent.kit.boxed import environment, folder_of, program
from firm.agent.kit.text import ends_of
from firm.agent.strictgit import git_settings
from firm.agent.tool import tool
from firm.agent.way import REPOSITORY
from firm.agent.workspace import Workspace, workspace_here
from firm.errors import TerminalError, UsageError
from firm.sandbox import Box, Finished, Level, Limits, probe, run

GIT_S = 60.0
"""Longest that one command may take."""
MAX_COMMITS = 200
"""Commits of one log."""
SHOWN_CHARS = 15_000
"""Characters of one result; both ends of what is more."""
MAX_MESSAGE_CHARS = 10_000
MAX_PACK_BYTES = 256 * 1024 * 1024
"""What one commit into a git directory outside the workspace may add."""

git_dir_here: ContextVar[str] = ContextVar("firm_git_dir", default="")
"""Git directory of the workspace where that lies outside of it, absolute, as of a linked worktree; set by code that
made it, never by what stands in the workspace. '': `.git` in the workspace."""

_NAME = re.compile(r"[0-9a-f]{40}")

# $G: git directory. $O: the directory that holds its objects and references. $F: format of names, if not SHA-1.
_AROUND = r"""
set -eu
C=$(mktemp -d); trap 'rm -rf "$C"' EXIT
printf '[core]\n\trepositoryformatversion = 0\n\tbare = false\n\tautocrlf = false\n' > "$C/config"
for one in refs packed-refs logs info shallow; do
    if [ -e "$O/$one" ]; then ln -s "$O/$one" "$C/$one"; fi
done
export GIT_DIR="$G" GIT_COMMON_DIR="$C" GIT_OBJECT_DIRECTORY="$O/objects" GIT_WORK_TREE="$PWD"
HEAD=$(git rev-parse -q --verify 'HEAD^{commit}' || :)
"""
_STAGED = r"""
mkdir "$C/objects"
export GIT_OBJECT_DIRECTORY="$C/objects" GIT_ALTERNATE_OBJECT_DIRECTORIES="$O/objects" GIT_INDEX_FILE="$C/index"
if [ -f "$G/index" ]; then cp "$G/index" "$C/index"; elif [ -n "$HEAD" ]; then git read-tree "$HEAD"; fi
git -c advice.addEmbeddedRepo=false add -A -- . ':(exclude,icase,glob)**/.firm/**'
FROM=${HEAD:-$(git hash-object -t tree -w --stdin < /dev/null)}
"""
_WHERE = r"""
branch=$(git symbolic-ref -q --short HEAD || echo '(no branch)')
if [ -n "$HEAD" ]; then echo "on $branch, $(git log -1 --no-show-signature --format='%h %s' "$HEAD")"
else echo "on $branch, no commit yet"; fi
"""
_STATUS = (
    _AROUND + _STAGED + _WHERE + 'git diff-index --cached -M --name-status --ignore-submodules=all "$FROM"\n'
)
_DIFF = (
    _AROUND
    + _STAGED
    + 'git diff-index --cached -M -p --no-color --no-ext-diff --no-textconv --ignore-submodules=all "$FROM" -- "$@"\n'
)
_LOG = (
    _AROUND
    + 'if [ -n "$HEAD" ]; then git log -n "$1" --no-color --no-show-signature --date=iso-strict '
    + "--format='%h %ad %an: %s' \"$HEAD\"; fi\n"
)
_COMMIT = (
    _AROUND
    + r"""
git -c advice.addEmbeddedRepo=false add -A -- . ':(exclude,icase,glob)**/.firm/**'
FROM=${HEAD:-$(git hash-object -t tree -w --stdin < /dev/null)}
if git diff-index --cached --quiet "$FROM"; then exit 9; fi
git commit -q --no-verify --no-gpg-sign --cleanup=whitespace -F -
git log -1 --no-show-signature --format=%H HEAD
"""
)
_PACK = (
    _AROUND
    + _STAGED
    + r"""
tree=$(git write-tree)
if [ -n "$HEAD" ] && [ "$tree" = "$(git rev-parse "$HEAD^{tree}")" ]; then exit 9; fi
echo "$tree $HEAD"
if [ -n "$HEAD" ]; then printf '%s\n^%s\n' "$tree" "$HEAD"; else echo "$tree"; fi | git pack-objects -q --revs --stdout
"""
)
_MAKE = 'set -eu; git init -q --template= -b main "$PWD"\n'
NOTHING = 9
"""Exit code: there is nothing to commit."""


@tool(risk="read", timeout_s=GIT_S * 2)
async def git_status() -> str:
    """Tell the branch, the last commit, and all files of the workspace that git_commit would commit.

    Each line has A (new), M (changed), D (gone) or R (renamed), and the file.
    """
    done = await _repository().run(_STATUS)
    first, _, rest = _said(done).partition("\n")
    return ends_of(f"{first}\n{rest or 'nothing is changed'}", SHOWN_CHARS)


@tool(risk="read", timeout_s=GIT_S * 2)
async def git_diff(path: str = "") -> str:
    """Show what is changed in the workspace since the last commit, new files too, as a unified diff.

    Args:
        path: Only this file or folder, relative to the workspace; empty: all.
    """
    here = workspace_here()
    only: tuple[str, ...] = ()
    if path:
        here.resolve(path)
        only = (f":(literal){path.strip('/')}",)
    done = await _repository().run(_DIFF, *only)
    return ends_of(_said(done), SHOWN_CHARS) or "nothing is changed" + (f" in {path!r}" if path else "")


@tool(risk="read", timeout_s=GIT_S * 2)
async def git_log(count: int = 10) -> str:
    """List the last commits, newest first: short name, time, author, first line of the message.

    Args:
        count: How many, 1 to 200.
    """
    if not 1 <= count <= MAX_COMMITS:
        raise UsageError(f"count={count!r}: give 1 to {MAX_COMMITS}")
    return ends_of(_said(await _repository().run(_LOG, str(count))), SHOWN_CHARS) or "no commit yet"


@tool(risk="write", timeout_s=GIT_S * 3)
async def git_commit(message: str) -> str:
    """Commit all that is changed in the workspace, new and removed files too, but what .gitignore names.

    A workspace without a repository gets one.

    Args:
        message: What was done and why; the first line is its title.
    """
    if not message.strip() or len(message) > MAX_MESSAGE_CHARS:
        raise UsageError(f"message {message!r:.80}: give 1 to {MAX_MESSAGE_CHARS:,} characters")
    here = workspace_here()
    if not git_dir_here.get() and not os.path.lexists(here.root / REPOSITORY):
        _said(await run(_shell(_MAKE), _box(here), stdin=b""))
    repository = _repository()
    body = message.encode("utf-8", "replace")
    if repository.outside:
        name = await _commit_outside(repository, body)
    else:
        done = await repository.run(_COMMIT, stdin=body)
        name = "" if done.code == NOTHING and not done.stopped else _said(done).strip()
    if not name:
        return "nothing is changed, so nothing was committed"
    return f"committed {name[:10]}: {message.strip().splitlines()[0][:200]}"


GIT = (git_status, git_diff, git_log, git_commit)
"""All tools of this file."""


@dataclass(frozen=True, slots=True)
class _Repository:
    """Which git directory belongs to the workspace."""

    here: Workspace
    outside: Path | None = None
    """The git directory, where it lies outside the workspace."""
    common: Path | None = None
    """The one that holds its objects and references."""

    async def run(self, script: str, *args: str, stdin: bytes = b"", output_bytes: int = 4 << 20) -> Finished:
        """Run a script of ours beside this repository."""
        inside = f"$PWD/{REPOSITORY}"
        names = f'G="{inside}"; O="{inside}"' if self.outside is None else "G=$1; O=$2; shift 2"
        first = () if self.outside is None else (str(self.outside), str(self.common))
        readable = {path for path in (self.common, self.outside) if path is not None}
        box = _box(self.here, *sorted(readable), output_bytes=output_bytes)
        return await run(_shell(f"{names}\n{script}", *first, *args), box, stdin=stdin)


def _repository() -> _Repository:
    """The git directory of the workspace here, checked."""
    here, named = workspace_here(), git_dir_here.get()
    folder_of(here)
    if not named:
        _check_inside(here)
        return _Repository(here)
    outside = Path(os.path.realpath(named))
    if not os.path.isabs(named) or outside.is_relative_to(here.root) or not (outside / "HEAD").is_file():
        raise UsageError(
            f"git directory {named!r} of the workspace is no absolute path of one outside of it; "
            "set firm.agent.kit.git.git_dir_here to what `git rev-parse --absolute-git-dir` says"
        )
    told = outside / "commondir"
    common = Path(os.path.realpath(outside / told.read_text("utf-8").strip())) if told.is_file() else outside
    return _Repository(here, outside, common)


def _shell(script: str, *args: str) -> tuple[str, ...]:
    program("git")
    return ("/bin/sh", "-c", script, "sh", *args)


def _box(here: Workspace, *readable: Path, output_bytes: int = 4 << 20) -> Box:
    return Box(
        folder=folder_of(here),
        readable=tuple(path for path in readable if not path.is_relative_to("/usr")),
        env=environment() | git_settings(),
        limits=Limits(wall_s=GIT_S, cpu_s=GIT_S, output_bytes=output_bytes),
        at_least=Level.LIMITS,
    )


def _check_inside(here: Workspace) -> None:
    """Whether `.git` is a folder; without a box around it, one that leads nowhere else too."""
    place = here.root / REPOSITORY
    if place.is_symlink() or place.is_file():
        raise UsageError(
            f"{REPOSITORY!r} in the workspace is a {'link' if place.is_symlink() else 'file'} that points elsewhere, "
            "which is not followed; the code that made it has to set firm.agent.kit.git.git_dir_here"
        )
    if not place.is_dir():
        raise UsageError("the workspace has no repository yet; git_commit makes one")
    if probe().level >= Level.BUBBLEWRAP:
        return
    for entry in here.entries():
        parts = entry.path.split("/")
        nested = REPOSITORY in parts[1:]
        leads_out = parts[0] == REPOSITORY and (
            entry.kind not in ("file", "folder") or entry.path.endswith("objects/info/alternates")
        )
        if nested or leads_out:
            raise UsageError(
                f"{entry.path!r} in the workspace may lead git elsewhere, and there is no bubblewrap here to hold it; "
                "take it away, or have the founder install bubblewrap"
            )


def _said(done: Finished) -> str:
    """What git printed.

    Raises:
        TerminalError: it was stopped.
        UsageError: it failed.
    """
    if done.stopped:
        raise TerminalError(
            f"git was stopped ({done.stopped}) after {done.took_s:.0f} s; the workspace may be too large for it"
        )
    if done.code:
        words = done.stderr.decode("utf-8", "replace").strip()[-500:]
        raise UsageError(f"git failed with exit code {done.code}: {words}; see what is wrong with list_files")
    return done.stdout.decode("utf-8", "replace").rstrip("\n")


async def _commit_outside(repository: _Repository, message: bytes) -> str:
    """Commit into a git directory outside the workspace; the name of the commit, '' where nothing is changed."""
    done = await repository.run(_PACK, output_bytes=MAX_PACK_BYTES)
    if done.code == NOTHING and not done.stopped:
        return ""
    if done.code or done.stopped:
        _said(done)
    first, _, pack = done.stdout.partition(b"\n")
    tree, _, head = first.decode("ascii", "replace").partition(" ")
    if not _NAME.fullmatch(tree) or (head and not _NAME.fullmatch(head)):
        raise UsageError(f"git named {tree!r:.60} as what to commit; look at the workspace with git_status")
    folder = str(repository.outside)
    await _plumb(folder, "unpack-objects", "-q", "--strict", stdin=pack)
    name = (await _plumb(folder, "commit-tree", tree, *(("-p", head) if head else ()), stdin=message)).strip()
    await _plumb(folder, "update-ref", "-m", "commit of an agent", "HEAD", name, head or "0" * 40)
    await _plumb(folder, "read-tree", name)
    return name


async def _plumb(folder: str, *args: str, stdin: bytes = b"") -> str:
    """Run git outside the sandbox on a git directory that is not the workspace's, and on no other file."""
    process = await asyncio.create_subprocess_exec(
        program("git"),
        *args,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment()
        | git_settings()
        | {"GIT_DIR": folder, "GIT_WORK_TREE": "/nonexistent", "HOME": "/nonexistent"},
        cwd="/",
    )
    try:
        async with asyncio.timeout(GIT_S):
            out, err = await process.communicate(stdin)
    except TimeoutError:
        raise TerminalError(
            f"git {args[0]} took longer than {GIT_S:g} s; see whether another git holds {folder!r}"
        ) from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise UsageError(
            f"git {args[0]} failed: {err.decode('utf-8', 'replace').strip()[-500:]}; look with git_status"
        )
    return out.decode("utf-8", "replace")
