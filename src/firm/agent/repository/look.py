"""How a repository stands, before anything is done with it.

One rule: nothing is written there, and nothing of it is run; what cannot be worked on is refused with what to do.
"""

import shutil
import tempfile
from pathlib import Path

import msgspec

from firm.agent.repository.git import GitFailed, Where, git, line, make_store, paths, shown
from firm.errors import UsageError

SHOWN = 20
"""Names that a note shows."""
LINK = "160000"
"""Mode of a submodule."""
STORE = "git"


class Found(msgspec.Struct, frozen=True):
    """A repository as it stands."""

    top: str
    """Its top folder."""
    common: str
    """The git directory with its objects and references."""
    head: str
    """Name of the commit that HEAD is."""
    branch: str
    """'' where HEAD is on none."""
    sha256: bool = False
    changed: tuple[str, ...] = ()
    """Files with changes that are not committed."""
    submodules: int = 0

    @property
    def notes(self) -> tuple[str, ...]:
        """What the founder should know of how it stands."""
        found = []
        if self.changed:
            more = f" and {len(self.changed) - SHOWN} more" if len(self.changed) > SHOWN else ""
            found.append(
                f"not committed, so neither touched nor seen by the agent: {', '.join(self.changed[:SHOWN])}{more}"
            )
        if not self.branch:
            found.append(f"HEAD is on no branch; the work begins from commit {self.head[:10]}")
        if self.submodules:
            found.append(f"submodules are left empty: {self.submodules}")
        return tuple(found)


def look(folder: str) -> Found:
    """How the repository stands that a folder lies in; nothing is written.

    Raises:
        UsageError: there is none, or none with files and a commit.
    """
    path = Path(folder)
    if not path.is_dir():
        raise UsageError(f"--repo {folder!r} is no folder; give that of a git repository")
    where = Where(folder=path)
    try:
        inside, bare = line(where, "rev-parse", "--is-inside-git-dir", "--is-bare-repository").split()
    except GitFailed as error:
        raise _no_repository(path, error) from None
    if "true" in (inside, bare):
        what = "bare repository" if bare == "true" else "git directory"
        raise UsageError(f"--repo {folder!r} is a {what}, without files; give a clone of it with its files")
    top = Path(line(where, "rev-parse", "--show-toplevel"))
    if not path.resolve().is_relative_to(top):
        raise UsageError(
            f"the repository at {folder!r} has its files at {str(top)!r} (core.worktree); give that folder"
        )
    common = Path(line(where, "rev-parse", "--path-format=absolute", "--git-common-dir"))
    head = _head(where, folder)
    sha256 = line(where, "rev-parse", "--show-object-format") == "sha256"
    own = Path(line(where, "rev-parse", "--absolute-git-dir"))
    branch = (
        git(where, "symbolic-ref", "-q", "--short", "HEAD", accept=(0, 1)).decode("utf-8", "replace").strip()
    )
    with tempfile.TemporaryDirectory(prefix="firm-look-") as made:
        store = make_store(Path(made, STORE), common, sha256)
        changed = _changed(store, top, own / "index", head)
        listed = git(Where(store), "ls-tree", "-r", "-z", head)
    submodules = sum(entry.startswith(LINK) for entry in paths(listed))
    return Found(str(top), str(common), head, branch, sha256, changed, submodules)


def _no_repository(path: Path, error: GitFailed) -> UsageError:
    if any((folder / ".git").exists() for folder in (path.resolve(), *path.resolve().parents)):
        return UsageError(f"the repository at {str(path)!r} is broken, see `git fsck` there: {error}")
    return UsageError(
        f"--repo {str(path)!r} is in no git repository; `git init` there and commit what shall be worked on"
    )


def _head(where: Where, folder: str) -> str:
    """The commit that HEAD is, and that its tree can be read."""
    try:
        head = line(where, "rev-parse", "-q", "--verify", "HEAD^{commit}")
        git(where, "ls-tree", head)
        return head
    except GitFailed as error:
        on = git(where, "symbolic-ref", "-q", "HEAD", accept=(0, 1)).decode().strip()
        if on and not git(where, "rev-parse", "-q", "--verify", on, accept=range(256)):
            raise UsageError(
                f"the repository at {folder!r} has no commit yet; commit what shall be worked on"
            ) from None
        raise UsageError(
            f"the last commit of the repository at {folder!r} cannot be read, see `git fsck` there: {error}"
        ) from None


def _changed(store: Path, top: Path, index: Path, head: str) -> tuple[str, ...]:
    """Files that are not as in the commit. The founder's index is copied, and no filter of his is run."""
    copied = store / "theirs"
    if index.is_file():
        shutil.copyfile(index, copied)
    where = Where(store, top, copied)
    try:
        found = paths(git(where, "diff-files", "--name-only", "-z", "--ignore-submodules=all"))
        found += paths(
            git(where, "diff-index", "--cached", "--name-only", "-z", "--ignore-submodules=all", head)
        )
        found += paths(git(where, "ls-files", "--others", "--exclude-standard", "--directory", "-z"))
    except GitFailed:  # an index that cannot be copied, such as a split one
        return ("(which ones could not be found out)",)
    return tuple(
        sorted({shown(name) for name in found if name not in (".firm/", "firm.toml", "work/", "reports/")})
    )
