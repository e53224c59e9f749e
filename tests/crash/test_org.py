"""kill -9 in the middle of a mission: nothing is lost, nothing is done twice, and it goes on by itself."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import msgspec
import pytest
from tests.crash import bureau, office

from firm.org.mission import Outcome

KILLS = 3
GOES_ON_S = 5.0
"""So soon after its restart a killed firm must be at work again."""


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def life(home: Path, until: int | None) -> tuple[Outcome | None, float]:
    """One life of the firm, killed when the model was asked so many times; what came of it, and when it was at work."""
    asked = home.parent / "asked"
    before, began, at_work = len(lines(asked)), time.monotonic(), 0.0
    command = [sys.executable, office.__file__, str(home)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        while process.poll() is None:
            count = len(lines(asked))
            at_work = at_work or (time.monotonic() - began if count > before else 0.0)
            if until is not None and count >= until:
                process.send_signal(signal.SIGKILL)
                break
            time.sleep(0.002)
        out, _ = process.communicate(timeout=60)
        done = process.returncode == 0
        return (msgspec.json.decode(out, type=Outcome) if done else None), at_work


def essence(outcome: Outcome) -> object:
    """What must be the same however often it was killed."""
    return outcome.ending, [
        (one.id, one.status, one.rounds, one.artifact and one.artifact.digest, len(one.verdicts))
        for one in outcome.tasks
    ]


def commits(home: Path) -> list[str]:
    command = ["git", "-C", str(home), "log", "--format=%s"]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()


@pytest.mark.parametrize("seed", range(int(os.environ.get("FIRM_CRASH_LOOPS", "2")) // 2 or 1))
def test_a_mission_that_was_killed_ends_as_if_it_had_not_been(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    whole, _ = life(tmp_path / "calm" / "home", None)
    assert whole is not None and whole.ending == "reached"
    calm = lines(tmp_path / "calm" / "asked")

    home = tmp_path / "killed" / "home"
    third = (
        len(calm) // KILLS
    )  # one in each, so that the mission gets on in between: else it would be set aside
    points = [chance.randrange(max(1, third * part), third * (part + 1)) for part in range(KILLS)]
    for point in points:
        outcome, at_work = life(home, point)
        assert outcome is None, "it ended before it could be killed"
        assert at_work < GOES_ON_S
    outcome, at_work = life(home, None)
    assert outcome is not None and essence(outcome) == essence(whole)
    assert at_work < GOES_ON_S

    sent = Counter(line.split()[0] for line in set(lines(tmp_path / "killed" / "sent")))
    assert sent == Counter(f"t{number}" for number in range(office.TASKS)), (
        "an effect was lost, or done under two keys"
    )
    asked = lines(tmp_path / "killed" / "asked")
    assert set(asked) == set(calm)
    assert len(asked) - len(calm) <= KILLS * office.TASKS, "answers that were known were asked for again"
    assert len(commits(home)) == len(commits(tmp_path / "calm" / "home")), "it was delivered twice"


# --- in every phase ------------------------------------------------------------------------------------------------


def phase_life(home: Path, *phase: str) -> tuple[Outcome, tuple[str, ...]] | None:
    """One life of a mission with a unit, a person and a lesson; None: it was killed where it was told to be."""
    command = [sys.executable, bureau.__file__, str(home), *phase]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=60, check=False)
    assert done.returncode == (-signal.SIGKILL if phase else 0), f"in phase {phase} it ended otherwise"
    return None if phase else msgspec.json.decode(done.stdout, type=tuple[Outcome, tuple[str, ...]])


TOGETHER = ({"in a unit", "an effect"}, {"before the delivery", "after the delivery"})
"""Phases between which the mission itself does not get on: three deaths there would set it aside, for the founder."""


def order_of_phases(loop: int) -> list[str]:
    """All phases in their order; later some of them, and some twice."""
    if loop == 0:
        return list(bureau.PHASES)
    chance = random.Random(f"phases/{loop}")
    found: list[str] = []
    for phase in bureau.PHASES:
        beside = [one for group in TOGETHER if phase in group for one in found if one in group]
        found += [phase] * chance.choice((0, 1, 1, 2) if not beside else (0, 1) if len(beside) < 2 else (0,))
    return found or [bureau.PHASES[-1]]


@pytest.mark.parametrize("loop", range(int(os.environ.get("FIRM_CRASH_LOOPS", "2")) // 2 or 1))
def test_a_mission_that_is_killed_in_each_of_its_phases_loses_and_doubles_nothing(
    tmp_path: Path, loop: int
) -> None:
    calm = phase_life(tmp_path / "calm" / "home")
    assert calm is not None and calm[0].ending == "reached" and len(calm[1]) == 1
    home = tmp_path / "killed" / "home"
    phases = order_of_phases(loop)
    for phase in phases:
        phase_life(home, phase)
    last = phase_life(home)
    assert last is not None and essence(last[0]) == essence(calm[0]) and last[1] == calm[1]

    outside, quiet = tmp_path / "killed", tmp_path / "calm"
    sent = Counter(line.split(":")[0] for line in set(lines(outside / "sent")))
    assert sent == Counter(line.split(":")[0] for line in lines(quiet / "sent")), (
        "an effect was lost, or done under two keys"
    )
    assert set(lines(outside / "put")) == set(lines(quiet / "put")), "a question was lost, or put anew"
    asked, known = Counter(lines(outside / "asked")), Counter(lines(quiet / "asked"))
    assert asked.keys() == known.keys()
    assert (asked - known).total() <= len(phases), "answers that were known were asked for again"
    assert len(commits(home)) == len(commits(quiet / "home")), "it was delivered twice, or not at all"
    [lesson] = calm[1]
    assert (home / "roles" / "clerk.md").read_text().count(lesson) == 1, "a lesson was lost, or learnt twice"
