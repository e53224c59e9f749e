"""Where a mission is worked: a worktree of its own, never inside the founder's checkout.

One rule: each function can be done again after a crash in its middle, with the same end. What is handed over to the
founder's repository is objects and one branch; his files, his index and his HEAD are not written.
"""

import os
import shutil
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from firm.agent.repository.git import GitFailed, Where, git, line, make_store, paths, shown
from firm.agent.repository.guard import Guard, suspicious
from firm.agent.repository.look import LINK, STORE, Found
from firm.agent.repository.order import Change, PutBack
from firm.errors import UsageError
from firm.ids import digest, slug
from firm.model.embedded.store import cache

TREE, JUDGED, SETUP, READY = "tree", "judged", "setup.json", "ready"
"""What lies in the place of a run, beside STORE."""
MAX_FILE_BYTES = 10 * 1024 * 1024
"""Larger files are not taken into the branch."""


class Gathered(msgspec.Struct, frozen=True):
    """What an agent did, as a tree of git."""

    tree: str
    files: tuple[Change, ...] = ()
    put_back: tuple[PutBack, ...] = ()
    suspects: tuple[str, ...] = ()
    """Lines that speak to what runs the tests."""


def place_of(home: Path, top: Path, run: str) -> Path:
    """The folder of a run's work: below the home, or where that lies in the checkout, in the cache of this user.

    Raises:
        UsageError: both lie in the checkout.
    """
    plain = slug(run)
    name = plain if plain == run else f"{plain}-{digest(run)[:8]}"
    for folder in (home / "work" / name, cache() / "work" / f"{name}-{digest(str(home))[:8]}"):
        real = Path(os.path.realpath(folder))
        if not real.is_relative_to(top) and ".firm" not in real.parts:
            return real
    raise UsageError(
        f"the repository {str(top)!r} holds both the firm's home and your cache; give a home outside of it (--home DIR)"
    )


# --- laying out -------------------------------------------------------------------------------------------------


def lay_out(found: Found, place: Path, branch: str) -> str:
    """Make the worktree with the files of the commit, on a branch of its own; the branch's name.

    Raises:
        UsageError: git cannot.
    """
    ready = place / READY
    if ready.is_file():
        return ready.read_text("utf-8")
    clear(found.common, place)
    (place / TREE).parent.mkdir(parents=True, exist_ok=True)
    store = make_store(place / STORE, Path(found.common), found.sha256)
    name = _add_worktree(found, place / TREE, branch)
    write_files(store, found.head, place / TREE, "index")
    ready.write_text(name, "utf-8")
    return name


def _add_worktree(found: Found, tree: Path, branch: str) -> str:
    where = Where(Path(found.common))
    error: GitFailed | None = None
    for name in (branch, *(f"{branch}-{number}" for number in range(2, 10)), branch.replace("/", "-")):
        at = git(where, "rev-parse", "-q", "--verify", f"refs/heads/{name}", accept=(0, 1))
        if at and at.decode().strip() != found.head:
            continue
        try:
            if not at:
                git(where, "update-ref", f"refs/heads/{name}", found.head, "")
            git(where, "worktree", "add", "--no-checkout", str(tree), name)
            return name
        except GitFailed as failed:
            error = error or failed
    raise UsageError(f"no worktree could be made of {found.top!r}: {error}")


def write_files(store: Path, tree: str, folder: Path, index: str) -> None:
    """Write the files of a commit or tree into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    where = Where(store, folder, store / index)
    git(where, "read-tree", tree)
    git(where, "checkout-index", "-a", "-f", "-q")


def judged_folder(place: Path, tree: str) -> Path:
    """A folder with the files of a tree and nothing else, made anew."""
    folder = place / JUDGED
    remove_tree(folder)
    write_files(place / STORE, tree, folder, "judged.index")
    return folder


# --- gathering --------------------------------------------------------------------------------------------------


def gather(place: Path, base: str, guard: Guard) -> Gathered:
    """What is changed in the worktree, as a tree; what decides how the tests run is put back, there and in the tree."""
    store, folder = place / STORE, place / TREE
    where = Where(store, folder, store / "index")
    _open_up(folder)
    _drop_repositories(folder)
    git(where, "add", "-A", "--ignore-errors", "--", ".", accept=(0, 1))
    entries = _entries(git(where, "diff-index", "--cached", "-z", "--no-renames", base))
    back = [(entry, why) for entry in entries if (why := _why_back(entry, folder, guard))]
    if back:
        _put_back(where, [entry for entry, _ in back])
    tree = line(where, "write-tree")
    told = tuple(PutBack(shown(entry.path), why) for entry, why in back)
    patch = git(
        where, "diff-tree", "-r", "-p", "-U0", "--no-renames", "--no-ext-diff", "--no-textconv", base, tree
    )
    before = {entry.path: entry for entry in entries}
    known = [path for path, entry in before.items() if entry.old_mode != "000000"]
    return Gathered(tree, _stat(where, base, tree), told, suspicious(patch, _spoken(where, base, known)))


class _Entry(msgspec.Struct, frozen=True):
    """One changed file."""

    old_mode: str
    mode: str
    old: str
    path: str

    @property
    def is_new(self) -> bool:
        return self.old_mode == "000000"


def _entries(raw: bytes) -> list[_Entry]:
    parts = raw.split(b"\0")
    found = []
    for head, path in zip(parts[::2], parts[1::2], strict=False):
        old_mode, mode, old, *_ = head.decode("ascii").removeprefix(":").split(" ")
        found.append(_Entry(old_mode, mode, old, os.fsdecode(path)))
    return found


def _why_back(entry: _Entry, folder: Path, guard: Guard) -> str:
    if LINK in (entry.old_mode, entry.mode):
        return "a repository of its own"
    if why := guard.why(entry.path, is_new=entry.is_new):
        return why
    try:
        size = os.lstat(folder / entry.path).st_size if entry.mode != "000000" else 0
    except OSError:
        size = 0
    return f"has {size:,} bytes; at most {MAX_FILE_BYTES:,} are taken" if size > MAX_FILE_BYTES else ""


def _put_back(where: Where, entries: Sequence[_Entry]) -> None:
    """Make files in index and folder as they were."""
    gone = [entry for entry in entries if entry.is_new]
    kept = [entry for entry in entries if not entry.is_new]
    empty = "0" * len(entries[0].old)
    lines = [f"0 {empty}\t{entry.path}" for entry in gone] + [f"{e.old_mode} {e.old}\t{e.path}" for e in kept]
    body = b"".join(os.fsencode(text) + b"\0" for text in lines)
    git(where, "update-index", "-z", "--replace", "--index-info", stdin=body)
    assert where.folder is not None
    for entry in gone:
        _unlink(where.folder, entry.path)
    files = [entry.path for entry in kept if entry.old_mode != LINK]
    body = b"".join(os.fsencode(path) + b"\0" for path in files)
    git(where, "checkout-index", "-f", "-q", "-z", "--stdin", stdin=body)


def _unlink(folder: Path, path: str) -> None:
    """Remove a file, if no link on the way leads elsewhere."""
    place = folder / path
    if Path(os.path.realpath(place.parent)) != folder / Path(path).parent:
        return
    if place.is_dir() and not place.is_symlink():
        remove_tree(place)
    else:
        place.unlink(missing_ok=True)


def _drop_repositories(folder: Path) -> None:
    """Remove every `.git` below the top: a repository in a repository would be taken for a submodule."""
    for at, folders, files in os.walk(folder):
        if Path(at) == folder:
            folders[:] = [name for name in folders if name != ".git"]
            continue
        for name in {*folders, *files} & {".git"}:
            _unlink(folder, os.path.relpath(os.path.join(at, name), folder))
        folders[:] = [name for name in folders if name != ".git"]


def _stat(where: Where, base: str, tree: str) -> tuple[Change, ...]:
    found = []
    for entry in paths(git(where, "diff-tree", "-r", "--numstat", "-z", "--no-renames", base, tree)):
        added, removed, path = entry.split("\t", 2)
        found.append(Change(shown(path), *(-1 if count == "-" else int(count) for count in (added, removed))))
    return tuple(found)


def _spoken(where: Where, base: str, files: Iterable[str]) -> dict[str, str]:
    """What stood in files before, as far as it is text of a decent size."""
    found = {}
    for path in files:
        body = git(where, "cat-file", "blob", f"{base}:{path}", accept=range(256))
        if len(body) <= MAX_FILE_BYTES:
            found[path] = body.decode("utf-8", "replace")
    return found


# --- handing over -----------------------------------------------------------------------------------------------


class Parcel(msgspec.Struct, frozen=True):
    """What is handed over."""

    branch: str
    tree: str
    message: str
    at_s: int
    """The time of the commit, seconds since 1970; fixed, so that doing it again makes the same one."""


def hand_over(found: Found, place: Path, parcel: Parcel) -> tuple[str, str]:
    """Commit a tree on its branch in the founder's repository; the branch's and the commit's name."""
    store, common = Where(place / STORE, at_s=parcel.at_s), Where(Path(found.common))
    message = parcel.message.encode("utf-8", "replace")
    made = line(store, "commit-tree", parcel.tree, "-p", found.head, stdin=message)
    pack = git(store, "pack-objects", "-q", "--revs", "--stdout", stdin=f"{made}\n^{found.head}\n".encode())
    git(common, "unpack-objects", "-q", stdin=pack)
    for name in (parcel.branch, *(f"{parcel.branch}-{number}" for number in range(2, 10))):
        old = git(common, "rev-parse", "-q", "--verify", f"refs/heads/{name}", accept=(0, 1)).decode().strip()
        if old in ("", found.head, made):
            git(common, "update-ref", "-m", "firm: what an agent did", f"refs/heads/{name}", made, old)
            return name, made
    raise UsageError(
        f"branch {parcel.branch!r} was moved by somebody else, and so was every other name for it"
    )


def drop_branch(found: Found, branch: str) -> None:
    """Delete a branch on which nothing was done."""
    git(Where(Path(found.common)), "update-ref", "-d", f"refs/heads/{branch}", found.head, accept=range(256))


def clear(common: str, place: Path) -> None:
    """Remove the worktree and all that belongs to it; the branch stays."""
    tree = place / TREE
    remove_tree(tree)
    where = Where(Path(common))
    listed = git(where, "worktree", "list", "--porcelain", "-z", accept=range(256))
    if os.fsencode(f"worktree {tree}") in listed.split(b"\0"):
        git(where, "worktree", "remove", "--force", "--force", str(tree), accept=range(256))
    remove_tree(place)


def remove_tree(folder: Path) -> None:
    """Remove a folder with all in it, also where an agent took away its own right to look."""
    if folder.is_symlink():
        folder.unlink()
    elif folder.is_dir():
        _open_up(folder)
        shutil.rmtree(folder)


def _open_up(folder: Path) -> None:
    """Give this process the right to look into each folder in it."""
    os.chmod(folder, stat.S_IRWXU)
    for at, folders, _ in os.walk(folder):
        for name in folders:
            inner = os.path.join(at, name)
            if not os.path.islink(inner) and os.stat(inner).st_mode & stat.S_IRWXU != stat.S_IRWXU:
                os.chmod(inner, stat.S_IRWXU)
