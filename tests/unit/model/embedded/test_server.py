"""When the server goes, and what it reads to know."""

import os
import threading
import time
from pathlib import Path

import pytest
from tests.unit.model.embedded.weights import entry

from firm.errors import UsageError
from firm.model.embedded import server
from firm.model.embedded.flock import is_taken, take
from firm.model.embedded.launch import Address, Desk, desk

METRICS = """# TYPE llamacpp:prompt_tokens_total counter
llamacpp:prompt_tokens_total 38
llamacpp:n_decode_total 80
llamacpp:requests_processing {busy}
llamacpp:other 1
"""
ADDRESS = Address("http://127.0.0.1:9/v1", "secret", "tiny", 512, 1)


@pytest.fixture
def files(tmp_path: Path) -> Desk:
    found = Desk(tmp_path / "abc")
    server.publish(found, ADDRESS)
    return found


class Engine:
    """Says how busy it is; leaves its test when it is asked too often."""

    def __init__(self, *busy: int) -> None:
        self.busy = list(busy)
        self.asked = 0

    def handle_metrics(self) -> str:
        self.asked += 1
        assert self.asked < 1000
        return METRICS.format(busy=self.busy.pop(0) if self.busy else 0)


def old(files: Desk) -> None:
    """Nobody has asked for long."""
    os.utime(files.state, (1, 1))


def test_counters_are_read_out_of_the_metrics() -> None:
    assert server.counters(METRICS.format(busy=2)) == (80, 38, 2)


def test_only_the_user_can_read_the_address_and_its_key_is_not_shown(files: Desk) -> None:
    assert "secret" in files.state.read_text()
    assert "secret" not in repr(ADDRESS)


def test_an_idle_server_takes_its_address_away(files: Desk) -> None:
    old(files)
    server.watch(Engine(0, 1, 1), files, 0.02)
    assert not files.state.exists()


def test_a_server_that_works_stays_until_it_has_been_quiet(files: Desk) -> None:
    old(files)
    engine = Engine(*[1] * 30)
    server.watch(engine, files, 0.02)
    assert engine.asked > 30


def test_who_asks_for_the_address_keeps_the_server(files: Desk) -> None:
    begun_s = time.time() - 1000
    assert not server.leave(files, begun_s, 10.0)
    assert files.state.exists()
    old(files)
    assert server.leave(files, begun_s, 10.0)
    assert not files.state.exists()


def test_the_server_stays_while_somebody_is_at_the_door(files: Desk) -> None:
    old(files)
    door = take(files.door)
    assert door is not None
    assert not server.leave(files, 1.0, 10.0)
    os.close(door)
    assert server.leave(files, 1.0, 10.0)


def test_a_lock_is_held_once_and_seen(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert not is_taken(path)
    held = take(path)
    assert held is not None and is_taken(path) and take(path) is None
    os.close(held)
    assert not is_taken(path)


def test_there_is_at_least_one_core() -> None:
    assert 1 <= server.physical_cores() <= (os.cpu_count() or 1)


def test_each_weight_file_has_a_desk_of_its_own() -> None:
    assert desk(entry()).state != desk(entry(sha256="1" * 64)).state
    assert desk(entry()).state.name == f"{entry().sha256[:16]}.json"


def test_an_embedding_model_or_a_senseless_time_is_refused() -> None:
    import asyncio

    from firm.model.embedded.launch import ensure

    with pytest.raises(UsageError, match="answers no messages"):
        asyncio.run(ensure("all-minilm-l6-v2"))
    with pytest.raises(UsageError, match="idle_s=0"):
        asyncio.run(ensure("smollm2-135m-instruct-q4_1", idle_s=0))


def test_a_lock_that_somebody_looks_at_is_taken_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    held = take(path)
    assert held is not None
    letting_go = threading.Timer(0.05, os.close, [held])
    letting_go.start()
    assert server.take_over(path)
    letting_go.join()
    assert is_taken(path)


def test_a_lock_of_a_server_is_not_taken_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "LOCK_TRIES", 2)
    held = take(tmp_path / "lock")
    assert held is not None and not server.take_over(tmp_path / "lock")
    os.close(held)
