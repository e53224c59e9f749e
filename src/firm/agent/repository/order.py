"""What is asked for, and what is reported in the end.

One rule: plain data; the report says what is true of the branch that it names, and nothing of what was hoped for.
"""

import msgspec


class Order(msgspec.Struct, frozen=True):
    """A mission for one repository."""

    mission: str
    """In words."""
    repository: str
    """Absolute path of a folder in it."""
    tests: str = ""
    """The command that runs its tests, for a shell in its top folder; '': found out."""
    rounds: int = 4
    """How often the agent begins anew after a no of the tests, at least 1."""
    isolation: str = "bubblewrap"
    """The least level of the sandbox: 'bubblewrap' or 'limits'."""
    readable: tuple[str, ...] = ()
    """Folders besides that the tests may read, absolute."""


class Tally(msgspec.Struct, frozen=True):
    """What one run of the tests came to."""

    ok: bool
    """Whether the command ended with 0 in its time."""
    words: str
    """In a few words: `7 passed, 3 failed`."""
    passed: int = 0
    total: int = 0
    """0 where the command's words were not understood; then only its exit code counts."""
    left_out: int = 0
    """Skipped, deselected, expected to fail."""
    failing: tuple[str, ...] = ()
    """Names of tests, at most 50."""
    took_s: float = 0.0
    isolation: str = ""
    """The level of the sandbox at which they ran."""


class Change(msgspec.Struct, frozen=True):
    """A file that the branch changes."""

    path: str
    added: int
    """Lines; -1 for a binary file."""
    removed: int


class PutBack(msgspec.Struct, frozen=True):
    """A file that the agent changed and that is as it was on the branch."""

    path: str
    why: str


class Attempt(msgspec.Struct, frozen=True):
    """One round: the agent's work, and what the tests said of it."""

    words: str
    """The agent's own, of what it did."""
    ended: str
    """How its work ended: 'answered', or the limit or error that ended it."""
    tests: Tally
    refused: str = ""
    """Why it does not count as done; '' where it does."""
    put_back: tuple[PutBack, ...] = ()
    changed: int = 0
    """Files."""


class Spent(msgspec.Struct, frozen=True):
    """What the models took."""

    calls: int = 0
    tokens: int = 0
    usd: float = 0.0
    unpriced: bool = False
    """Some of it has no price: the founder's own compute."""


class RepositoryReport(msgspec.Struct, frozen=True):
    """How a mission for a repository ended."""

    mission: str
    reached: bool
    """Whether the tests pass on the branch."""
    how: str
    """One sentence."""
    repository: str
    """Its top folder."""
    base: str
    """Name of the commit that it began from."""
    command: str
    """That ran the tests."""
    isolation: str
    """The level at which they ran."""
    before: Tally
    after: Tally
    """Of what the branch holds."""
    branch: str = ""
    """'' where nothing was changed."""
    commit: str = ""
    printed: str = ""
    """The end of what the tests printed last, where they said no."""
    rounds: tuple[Attempt, ...] = ()
    files: tuple[Change, ...] = ()
    notes: tuple[str, ...] = ()
    """What else is worth knowing: files that are not committed, submodules."""
    spent: Spent = Spent()
    took_s: float = 0.0
    run: str = ""
    file: str = ""
    """Where the report lies, in Markdown."""
