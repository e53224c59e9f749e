"""The desk gives a verdict on everything, in order, and raises nothing that a candidate or a scorer does."""

import math
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from firm.errors import UsageError
from firm.lab import Problem
from firm.lab.candidate import Status
from firm.lab.load import evaluator_hash, find_problem, source_of
from firm.lab.wall.desk import Desk, open_desk
from firm.lab.wall.process import sweep

FILE = Path(__file__).parent / "walled.py"
PLAIN, MOODY, MANY, NOISY, CURIOUS = range(5)


def opened(name: str = "walled") -> Desk:
    source = source_of(f"{FILE}:{name}", {})
    found = find_problem(source)
    assert isinstance(found, Problem)
    return open_desk(source, found)


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    with opened() as found:
        yield found


@pytest.mark.parametrize("stage", [MOODY, MANY], ids=["one by one", "in a batch"])
def test_each_artifact_gets_its_own_verdict_whatever_the_others_do(desk: Desk, stage: int) -> None:
    artifacts = [[n / 10, 0.5] for n in range(8)]
    verdicts = desk.score(stage, artifacts, [0] * 8)
    good, crossed, raised, missed, died, true, hung, last = verdicts
    assert (good.status, good.value, good.slack, good.missed, good.others, good.descriptors) == (
        Status.VALID, 2.0, 0.0, 0.0, {"mass": 3.0}, (0.25,),
    )  # fmt: skip
    assert (crossed.status, crossed.value, crossed.slack, crossed.missed) == (Status.INVALID, None, -2.5, 2.5)
    assert crossed.why == crossed.nearest == "two of them cross"
    assert raised.status is Status.FAILED
    assert raised.why.startswith("ValueError: no such thing")
    assert len(raised.why) <= 200
    assert (missed.status, missed.value, missed.slack, missed.missed) == (Status.INVALID, 1.0, -0.5, 0.75)
    assert (missed.nearest, missed.why) == ("c", "constraint 'c' is missed by 0.5")
    assert missed.said == {"note": ["why", [1, 2]]}
    assert (died.status, died.value) == (Status.FAILED, None)
    assert "code 3" in died.why
    assert true.status is Status.FAILED
    assert "no number" in true.why
    assert (hung.status, hung.why) == (Status.KILLED, "time: the scorer took longer than 0.4 s (wall_s)")
    assert replace(last, cpu_us=0) == replace(good, cpu_us=0)


def test_a_scorer_that_comes_back_twice_is_heard_once(desk: Desk) -> None:
    verdicts = desk.score(MOODY, [[0.8, 0.5], [0.3, 0.5], [0.7, 0.5]], [0, 0, 0])
    assert [each.value for each in verdicts] == [2.0, 1.0, 2.0]
    assert desk.score(PLAIN, [[0.5, 0.25]], [0])[0].value == 0.75


def test_a_noisy_score_is_drawn_with_seeds_in_a_row_and_told_with_its_interval(desk: Desk) -> None:
    first, second = desk.score(NOISY, [[0.5, 0.5], [0.5, 0.5]], [0, 1])
    assert first.value == 2.0
    assert second.value == 3.0
    low, high = first.said["interval"]
    assert first.said["draws"] == 5
    assert math.isclose(high - 2.0, 2.776445 * math.sqrt(2.5 / 5), rel_tol=1e-6)
    assert math.isclose(2.0 - low, high - 2.0)


def test_a_scorer_sees_no_variable_no_network_and_no_file_of_the_caller(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_KEY", "hunter2")
    desk.close()
    with socket.create_server(("127.0.0.1", 0)) as server, open(__file__) as held:
        os.set_inheritable(held.fileno(), True)
        (verdict,) = desk.score(CURIOUS, [[0.5, server.getsockname()[1] / 100_000]], [0])
    assert verdict.status is Status.VALID
    assert "SECRET_KEY" not in verdict.said["environment"]
    assert verdict.said["home"] == verdict.said["here"]
    assert not any(each.endswith(".py") for each in verdict.said["open"])
    if "network" not in desk.not_held:
        assert verdict.said["line"] != 0
    desk.close()
    assert not Path(verdict.said["home"]).exists()


def test_processor_time_is_counted_and_never_goes_back() -> None:
    with opened() as desk:
        assert desk.cpu_s == 0
        desk.score(PLAIN, [[0.1, 0.2]], [0])
        running = desk.cpu_s
        assert running > 0.01, "the start counts too"
        desk.close()
        ended = desk.cpu_s
        assert ended >= running
        desk.score(PLAIN, [[0.1, 0.2]], [0])
        assert desk.cpu_s > ended


def test_one_scorer_serves_all_calls_and_says_what_it_has_loaded(desk: Desk) -> None:
    desk.score(PLAIN, [[0.1, 0.2]], [0])
    first = desk._scorer
    desk.score(PLAIN, [[0.1, 0.3]] * 100, [0] * 100)
    assert desk._scorer is first
    assert desk.evaluator == evaluator_hash(source_of(f"{FILE}:walled", {}))


def test_what_does_not_fit_together_is_wrong_use(desk: Desk) -> None:
    for stage, seeds in ((PLAIN, [0, 1]), (7, [0]), (-1, [0])):
        with pytest.raises(UsageError, match="do not fit"):
            desk.score(stage, [[0.1, 0.2]], seeds)
    with pytest.raises(UsageError, match="no programs to run"):
        desk.execute(PLAIN, "x = 1")
    assert desk.score(PLAIN, [], []) == []


def test_a_problem_that_the_scorer_cannot_load_is_a_verdict(tmp_path: Path) -> None:
    file = tmp_path / "moved.py"
    file.write_bytes(FILE.read_bytes())
    source = source_of(f"{file}:walled", {})
    found = find_problem(source)
    assert isinstance(found, Problem)
    file.unlink()
    with open_desk(source, found) as desk:
        verdicts = desk.score(PLAIN, [[0.1, 0.2], [2.0, 0.0]], [0, 0])
    assert [each.status for each in verdicts] == [Status.FAILED, Status.UNREADABLE]
    assert "could not be started" in verdicts[0].why
    assert "there is no file" in verdicts[0].why


def test_the_answers_to_a_prompt_are_those_to_its_own_samples() -> None:
    rows = [["1+1", "2", "2"], ["2+2", "4", "5"]]
    claims = [["1+1", "2", "2"], ["2+2", "5", "5"]]
    with opened("asked") as desk:
        good, other, text = desk.score(0, [rows, claims, "Answer: 4"], [0, 0, 0])
    assert (good.status, good.value) == (Status.VALID, 0.5)
    assert other.status is text.status is Status.UNREADABLE


HANGS = f"""
import sys
from firm.lab.load import *
from firm.lab.wall.desk import open_desk
source = source_of({str(FILE) + ":walled"!r}, {{"wall_s": 600}})
desk = open_desk(source, find_problem(source))
desk.score(0, [[0.1, 0.2]], [0])
print(desk._scorer._process.pid, desk._scorer._folder, flush=True)
desk.score(1, [[0.6, 0.5]], [0])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the signal at a parent's death is Linux's")
def test_a_scorer_dies_with_its_desk_and_its_folder_is_swept_later() -> None:
    with subprocess.Popen([sys.executable, "-c", HANGS], stdout=subprocess.PIPE, text=True) as foreman:
        assert foreman.stdout is not None
        pid, folder = foreman.stdout.readline().split()
        scorer = os.pidfd_open(int(pid))
        foreman.send_signal(signal.SIGKILL)
        foreman.wait()
    ended, _, _ = select.select([scorer], [], [], 10)
    os.close(scorer)
    assert ended, "it would have hung for ten minutes"
    assert Path(folder).exists()
    sweep(Path(folder).parent)
    assert not Path(folder).exists()
