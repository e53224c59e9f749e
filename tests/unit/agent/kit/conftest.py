"""A workspace for each test, and a skip for what needs a sandbox that is not here."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from firm.agent.workspace import Workspace, folder_here
from firm.sandbox import Level, probe


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Workspace]:
    """The workspace of the test, which the tools act in."""
    folder = tmp_path / "here"
    token = folder_here.set(str(folder))
    yield Workspace(folder)
    folder_here.reset(token)


@pytest.fixture
def boxed() -> None:
    """Only where code can be isolated."""
    found = probe()
    if found.level < Level.BUBBLEWRAP:
        pytest.skip(f"bubblewrap is not here: {found.why}")


@pytest.fixture
def limited() -> None:
    """Only where programs of ours can be bounded."""
    found = probe()
    if found.level < Level.LIMITS:
        pytest.skip(f"nothing can be bounded here: {found.why}")
