"""The steps of a mission: each is journaled, and can be done again after a crash in its middle.

One rule: a step looks, writes or runs; what follows from it is decided in `firm.agent.repository.mission`.
"""

import asyncio
from pathlib import Path
from typing import Any

import msgspec

from firm.agent.repository.command import Checks
from firm.agent.repository.guard import guard_for
from firm.agent.repository.order import Order, RepositoryReport, Spent
from firm.agent.repository.place import (
    SETUP,
    TREE,
    Gathered,
    Parcel,
    clear,
    drop_branch,
    gather,
    hand_over,
    judged_folder,
    lay_out,
    place_of,
    remove_tree,
)
from firm.agent.repository.scene import Judged, Scene, scene_of
from firm.agent.repository.sources import Sources, sources_of
from firm.agent.repository.tests import run_all
from firm.agent.repository.words import markdown
from firm.errors import UsageError
from firm.ids import slug
from firm.kernel import step
from firm.kernel.context import current_firm

REPORTS = "reports"
"""Where reports lie, in the home; in its `.firm` where the home lies in the checkout."""


@step
def examine(order: Order) -> Scene:
    """The repository, its tests and its files, as they are when the run begins."""
    return scene_of(order)


@step
def prepare(scene: Scene, place: str, branch: str) -> str:
    """Make the worktree; the name of its branch."""
    name = lay_out(scene.found, Path(place), branch)
    (Path(place) / SETUP).write_bytes(msgspec.json.encode(scene.tests))
    return name


@step
async def judge(tests: Checks, place: str, tree: str) -> Judged:
    """Run the tests on the files of a tree, in a folder that no agent has seen."""
    folder = await asyncio.to_thread(judged_folder, Path(place), tree)
    try:
        return Judged(*await run_all(tests, folder))
    finally:
        await asyncio.to_thread(remove_tree, folder)


@step
def show_sources(scene: Scene, place: str, judged: Judged) -> Sources:
    """The files that matter for what fails, as they are in the worktree."""
    return sources_of(Path(place) / TREE, scene.files, judged.tally.failing, judged.text)


@step
def collect(scene: Scene, place: str) -> Gathered:
    """What the agent has changed, without what decides how the tests are run."""
    return gather(Path(place), scene.found.head, guard_for(scene.tests.command, frozenset(scene.files)))


@step
def deliver(scene: Scene, place: str, parcel: Parcel) -> tuple[str, str]:
    """The branch in the founder's repository, with its commit."""
    return hand_over(scene.found, Path(place), parcel)


@step
def clean(scene: Scene, place: str, branch: str) -> None:
    """Remove the worktree; the branch too, if nothing was done on it."""
    clear(scene.found.common, Path(place))
    drop_branch(scene.found, branch)


@step
async def count_spent(run: str) -> Spent:
    """What the models of a run and of its children took, as the ledger has it."""
    read: Any = getattr(current_firm(), "books", None)
    if read is None:
        return Spent()
    books, _ = await read()
    calls = tokens = usd_micro = 0
    unpriced = False
    for sums in books.days.values():
        for tags, one in sums.items():
            if tags.run == run or tags.run.startswith(f"{run}/"):
                calls += one.used.calls + one.written_off.calls
                tokens += one.used.tokens + one.written_off.tokens
                usd_micro += one.used.usd_micro + one.written_off.usd_micro
                unpriced = unpriced or bool(
                    one.used.tokens and not tags.price_date and not one.used.usd_micro
                )
    return Spent(calls, tokens, usd_micro / 1e6, unpriced)


@step
def write_down(report: RepositoryReport) -> str:
    """Put the report beside the firm's home; where it lies."""
    folder = _home()
    if folder.is_relative_to(report.repository):
        folder /= ".firm"
    folder /= REPORTS
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{slug(report.run)}.md"
    path.write_text(markdown(report), "utf-8", errors="backslashreplace")
    return str(path)


@step
def find_place(scene: Scene, run: str) -> str:
    """The folder of this run's work."""
    return str(place_of(_home(), Path(scene.found.top), run))


def _home() -> Path:
    home: Any = getattr(current_firm(), "home", None)
    if home is None:
        raise UsageError("a mission for a repository needs a firm; start it with Firm.start, or `firm run`")
    return Path(home.folder).resolve()
