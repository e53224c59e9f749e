"""kill -9 while an agent works on a repository: it goes on where it was, and nothing is done twice."""

import json
import os
import signal
import subprocess
import threading
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.mock import mock_in_thread
from tests.examples.repository import command, environment, git, make_repository, write_settings

from examples.repository import mender
from firm.sandbox import Level, probe
from firm.testing import MockOptions, MockReply

pytestmark = pytest.mark.skipif(probe().level < Level.BUBBLEWRAP, reason=probe().why)

PATIENCE_S = 120.0
KILLED_AT = (3, 7)
"""Requests at which the process dies before it reads the reply."""


class Killer:
    """The model; it kills who asks it, at some requests."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.victim: subprocess.Popen[str] | None = None
        self.ended = threading.Event()

    def __call__(self, body: Mapping[str, Any]) -> MockReply:
        if not str(body["messages"][0]["content"]).startswith("You mend"):
            return MockReply("yes")  # what is asked to find out what the server can
        self.asked.append(json.dumps(body["messages"], sort_keys=True))
        if len(self.asked) in KILLED_AT and self.victim is not None:
            os.kill(self.victim.pid, signal.SIGKILL)
        reply = mender.reply(body)
        if not reply.tool_calls:
            self.ended.set()
        return reply


def life(killer: Killer, folder: Path, *more: str) -> "subprocess.Popen[str]":
    out = subprocess.PIPE if more else subprocess.DEVNULL
    words, space = command(folder / "home", folder / "pantry", *more), environment(folder)
    killer.victim = subprocess.Popen(words, env=space, stdout=out, stderr=out, text=True)
    return killer.victim


def test_a_mission_killed_three_times_ends_in_one_right_branch(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "pantry")
    killer = Killer()
    with mock_in_thread(MockOptions(script=killer)) as server:
        write_settings(tmp_path / "home", server.url)
        for _ in KILLED_AT:
            assert life(killer, tmp_path).wait(PATIENCE_S) == -signal.SIGKILL
        third = life(killer, tmp_path)  # dies while the tests judge
        assert killer.ended.wait(PATIENCE_S)
        while not any((tmp_path / "home" / "work").glob("*/judged/tests")):
            assert third.poll() is None
        third.kill()
        third.wait()
        out, err = life(killer, tmp_path, "--json").communicate(timeout=PATIENCE_S)
    assert "joining the unfinished run" in err
    report = json.loads(out)["result"]
    assert (report["after"]["passed"], report["after"]["total"], report["reached"]) == (10, 10, True)
    often = sorted(Counter(killer.asked).values())
    assert often[-3:] == [1, 2, 2], "only what nobody had read was asked again"
    assert git(repository, "branch", "--format=%(refname:short)").split() == [report["branch"], "main"]
    assert git(repository, "rev-list", "--count", f"main..{report['branch']}") == "1"
    assert git(repository, "diff", "--shortstat", f"main...{report['branch']}") == (
        "3 files changed, 3 insertions(+), 3 deletions(-)"
    )
    assert git(repository, "status", "--porcelain") == ""
    assert len(git(repository, "worktree", "list").splitlines()) == 1
    assert not list((tmp_path / "home" / "work").iterdir())
