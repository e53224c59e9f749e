"""Code in a box does not get out, and the world outside stays as it is."""

import asyncio
import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
import uvloop
from tests.security.escapes import CLOSED, HEAD, OPEN, TAIL

from firm.errors import NotIsolated
from firm.sandbox import Box, Finished, Level, Limits, Probe, probe, run

FOUND = probe()
pytestmark = pytest.mark.skipif(
    FOUND.level < Level.BUBBLEWRAP and not os.environ.get("CI"),
    reason=f"no box can be made here: {FOUND.why}",
)
PLAIN = Probe(Level.LIMITS, "as a test")
PYTHON = Path(sys.executable).resolve()
OF_PYTHON = () if PYTHON.is_relative_to("/usr") else (Path(sys.base_prefix).resolve(),)


@dataclass(frozen=True, slots=True)
class World:
    """What lies outside the box, and must not be seen or changed."""

    outside: Path
    folder: Path
    readable: Path
    pid: int
    port: int
    canary: str
    name: str

    def box(self, **limits: float) -> Box:
        held = Limits(**{"wall_s": 20.0, **limits})  # type: ignore[arg-type]
        return Box(self.folder, readable=(*OF_PYTHON, self.readable), limits=held)

    def seen(self) -> dict[str, tuple[int, bytes]]:
        """Every file outside, with its mode and what it holds."""
        files = [path for path in self.outside.rglob("*") if path.is_file()]
        files += [path for path in self.readable.rglob("*") if path.is_file()]
        files += [path for path in self.folder.rglob(".firm/**/*") if path.is_file()]
        files += [Path("/dev/shm", self.name), Path("/tmp", self.name), Path("/proc/sys/kernel/core_pattern")]
        return {str(path): (path.stat().st_mode, path.read_bytes()) for path in files}

    def head(self) -> str:
        names = {
            "SECRET": str(self.outside / "secret"),
            "READABLE": str(self.readable),
            "PID": self.pid,
            "PORT": self.port,
            "CANARY": self.canary[::-1],
            "ABSTRACT": self.name,
        }
        return HEAD + "".join(f"{name} = {value!r}\n" for name, value in names.items())


def greet(server: socket.socket) -> None:
    """Answer whoever comes, until the socket is closed."""
    while True:
        try:
            client, _ = server.accept()
        except OSError:
            return
        with client:
            client.sendall(b"hello")


@contextlib.contextmanager
def a_world(tmp_path: Path) -> Iterator[World]:
    outside, folder, readable = tmp_path / "outside", tmp_path / "folder", tmp_path / "readable"
    canary, name = f"canary-{secrets.token_hex(8)}", f"firm-{secrets.token_hex(8)}"
    for place in (outside, folder / ".firm", folder / "sub" / "deep" / ".firm", readable / ".firm"):
        place.mkdir(parents=True)
        (place / "journal").write_text(canary)
    (outside / "secret").write_text(canary)
    (readable / "shown").write_text("shown")
    (folder / "planted").symlink_to(outside / "secret")
    elsewhere = [Path("/dev/shm", name), Path("/tmp", name)]
    for path in elsewhere:
        path.write_text(canary)
    sleeper = subprocess.Popen(["/bin/sleep", "600"], env={"CANARY": canary})
    servers = [socket.create_server(("127.0.0.1", 0)), *(socket.socket(socket.AF_UNIX) for _ in range(2))]
    servers[1].bind(f"\0{name}")
    servers[2].bind(str(outside / "socket"))
    answering = [threading.Thread(target=greet, args=(server,)) for server in servers]
    for server, thread in zip(servers, answering, strict=True):
        server.listen()
        thread.start()
    try:
        yield World(outside, folder, readable, sleeper.pid, servers[0].getsockname()[1], canary, name)
        assert sleeper.poll() is None, "a process outside was ended"
    finally:
        sleeper.kill()
        sleeper.wait()
        for server, thread in zip(servers, answering, strict=True):
            server.shutdown(socket.SHUT_RDWR)
            server.close()
            thread.join()
        for path in elsewhere:
            path.unlink()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with a_world(tmp_path) as made:
        yield made


def python(code: str, box: Box, *, stdin: bytes = b"") -> Finished:
    return asyncio.run(run([str(PYTHON), "-I", "-S", "-c", code], box, stdin=stdin))


def attacked(attacks: dict[str, str], world: World, box: Box) -> dict[str, str]:
    """What came of each attack; all of them run in one box, each in a process of its own."""
    os.environ["CANARY"] = world.canary
    try:
        with open(world.outside / "secret") as left_open:
            os.set_inheritable(left_open.fileno(), True)
            done = python(world.head() + TAIL, box, stdin=msgspec.json.encode(attacks))
    finally:
        del os.environ["CANARY"]
    assert (done.code, done.stderr, done.stopped) == (0, b"", ""), done
    assert world.canary.encode() not in done.stdout
    return dict(msgspec.json.decode(line) for line in done.stdout.splitlines())


@pytest.fixture(scope="module")
def inside(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    with a_world(tmp_path_factory.mktemp("world")) as world:
        before = world.seen()
        assert any(world.canary.encode() in content for _, content in before.values())
        found = attacked(OPEN | CLOSED, world, world.box())
        assert world.seen() == before, "the world outside has changed"
        return found


@pytest.fixture(scope="module")
def without(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    with pytest.MonkeyPatch.context() as patch, a_world(tmp_path_factory.mktemp("world")) as world:
        patch.setattr(sys.modules["firm.sandbox.run"], "probe", lambda: PLAIN)
        return attacked(OPEN, world, Box(world.folder, limits=Limits(wall_s=20), at_least=Level.LIMITS))


@pytest.mark.parametrize("name", [*OPEN, *CLOSED])
def test_there_is_no_way_out_by(name: str, inside: dict[str, str]) -> None:
    assert inside[name].startswith(("refused: ", "nothing there"))


@pytest.mark.skipif(os.getuid() != 0, reason="some of these are open to root alone")
@pytest.mark.parametrize("name", OPEN)
def test_without_a_box_there_is_a_way_out_by(name: str, without: dict[str, str]) -> None:
    assert without[name] == "ESCAPED"


@pytest.fixture
def no_box(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["firm.sandbox.run"], "probe", lambda: PLAIN)


# --- bombs ---------------------------------------------------------------------------------------------------


def sh(script: str, box: Box) -> Finished:
    return asyncio.run(run(["/bin/sh", "-c", script], box))


def left(token: str) -> list[str]:
    """Processes that still have `token` in their command line."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if token.encode() in path.read_bytes():
                found.append(path.parent.name)
        except OSError:
            continue
    return found


def test_a_fork_bomb_comes_to_the_limit(world: World) -> None:
    token = f"token-{secrets.token_hex(8)}"
    code = f"import os, time\n# {token}\ntry:\n  while True: os.fork()\nexcept OSError: time.sleep(60)"
    done = python(code, world.box(processes=20, wall_s=1.0))
    assert (done.code, done.stopped in ("time", "processes")) == (137, True), done
    assert left(token) == []


def test_a_fork_bomb_comes_to_the_limit_without_a_control_group(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("firm.sandbox.launch.make_group", lambda limits: None)
    token = f"token-{secrets.token_hex(8)}"
    code = f"import os, time\n# {token}\nfor _ in range(6): os.fork()\ntime.sleep(60)"
    done = python(code, world.box(processes=20, wall_s=5.0))
    if os.getuid() == 0:  # the kernel does not count root's processes; the watch does
        assert (done.code, done.stopped) == (137, "processes"), done
    else:
        assert b"BlockingIOError" in done.stderr
    assert left(token) == []


def test_a_memory_bomb_comes_to_the_limit(world: World) -> None:
    done = python("x = []\nwhile True: x.append(bytearray(4 << 20))", world.box(memory_bytes=100 << 20))
    assert done.code == 137 or b"MemoryError" in done.stderr, done


@pytest.mark.parametrize("grouped", [True, False], ids=["control group", "watch"])
def test_memory_of_many_processes_counts_together(
    grouped: bool, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not grouped:
        monkeypatch.setattr("firm.sandbox.launch.make_group", lambda limits: None)
    code = """
import mmap, os, time
for _ in range(3):
    os.fork()
held = mmap.mmap(-1, 32 << 20)
for at in range(0, 32 << 20, 4096):
    held[at] = 1
time.sleep(60)
"""
    done = python(code, world.box(memory_bytes=100 << 20, wall_s=10.0))
    assert (done.code, done.stopped) == (137, "memory"), done


@pytest.mark.parametrize("place", ["/tmp", "/dev/shm"])
def test_temporary_files_are_bounded(place: str, world: World) -> None:
    done = sh(
        f"head -c 100000000 /dev/zero > {place}/big; wc -c < {place}/big", world.box(memory_bytes=64 << 20)
    )
    assert b"No space left" in done.stderr and int(done.stdout) <= 32 << 20, done


def test_one_large_file_comes_to_the_limit(world: World) -> None:
    done = sh("head -c 100000000 /dev/zero > big", world.box(disk_bytes=10 << 20))
    assert (done.stopped, (world.folder / "big").stat().st_size) == ("disk", 10 << 20), done


@pytest.mark.parametrize("after", ["", "; os.unlink(f'big{number}')"], ids=["kept", "deleted while open"])
def test_many_files_come_to_the_limit(after: str, world: World) -> None:
    code = f"""
import os
files = []
for number in range(1000):
    files.append(open(f"big{{number}}", "wb", 0)){after}
    files[-1].write(bytes(4 << 20))
    os.fsync(files[-1])
"""
    done = python(code, world.box(disk_bytes=20 << 20))
    assert (done.code, done.stopped) == (137, "disk"), done


def test_an_output_bomb_is_cut(world: World) -> None:
    done = sh("yes & yes >&2", world.box(output_bytes=100_000))
    assert (done.stopped, done.cut) == ("output", True)
    assert len(done.stdout) + len(done.stderr) == 100_000


def test_time_comes_to_the_limit_for_everything_it_started(world: World) -> None:
    token = f"token-{secrets.token_hex(8)}"
    done = sh(f"trap '' TERM INT HUP; : {token}; setsid sleep 60 & sleep 60", world.box(wall_s=0.2))
    assert (done.code, done.stopped) == (137, "time") and done.took_s < 5
    assert left(token) == []


def test_processor_time_comes_to_the_limit(world: World) -> None:
    done = python("import os\nos.fork()\nos.fork()\nwhile True: pass", world.box(cpu_s=0.4))
    assert (done.code, done.stopped) == (137, "cpu"), done


DAEMON = """
import os, sys, time
# TOKEN
if os.fork():
    os._exit(0)
os.setsid()
if os.fork():
    os._exit(0)
for number in range(3):
    os.close(number)
time.sleep(60)
"""


def test_a_daemon_does_not_outlive_its_box(world: World) -> None:
    token = f"token-{secrets.token_hex(8)}"
    done = python(DAEMON.replace("TOKEN", token), world.box())
    assert (done.code, done.stopped, left(token)) == (0, "", [])


@pytest.mark.usefixtures("no_box")
def test_without_a_box_a_daemon_is_found_by_its_marker(world: World) -> None:
    token = f"token-{secrets.token_hex(8)}"
    box = Box(world.folder, limits=Limits(wall_s=20), at_least=Level.LIMITS)
    done = python(DAEMON.replace("TOKEN", token), box)
    assert (done.code, left(token)) == (0, [])


# --- ends ----------------------------------------------------------------------------------------------------


async def cancelled_after(delay_s: float, box: Box, token: str) -> None:
    running = asyncio.ensure_future(run(["/bin/sh", "-c", f"sleep 60; : {token}"], box))
    await asyncio.sleep(delay_s)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


@pytest.mark.parametrize("runner", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_cancelling_at_any_moment_leaves_nothing(runner: object, world: World) -> None:
    token = f"token-{secrets.token_hex(8)}"
    box = Box(world.folder)

    async def all_of_them() -> None:
        await asyncio.gather(*(cancelled_after(number * 0.004, box, token) for number in range(12)))

    runner(asyncio.sleep(0))  # type: ignore[operator]
    descriptors = len(os.listdir("/proc/self/fd"))
    runner(all_of_them())  # type: ignore[operator]
    assert left(token) == []
    assert len(os.listdir("/proc/self/fd")) == descriptors


def test_a_box_ends_with_the_process_that_made_it(world: World) -> None:
    token = f"token-{secrets.token_hex(8)}"
    code = f"""
import asyncio, pathlib
from firm.sandbox import Box, run
asyncio.run(run(["/bin/sh", "-c", "echo > started; sleep 60; : {token}"], Box(pathlib.Path({str(world.folder)!r}))))
"""
    maker = subprocess.Popen([sys.executable, "-c", code])
    until = time.monotonic() + 20
    while not (world.folder / "started").exists() and time.monotonic() < until:
        time.sleep(0.01)
    assert len(left(token)) >= 2
    maker.send_signal(signal.SIGKILL)
    maker.wait()
    while left(token) and time.monotonic() < until:
        time.sleep(0.01)
    assert left(token) == []


def test_programs_in_the_folder_are_not_taken_for_the_systems(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("bwrap", "sh", "true", "sitecustomize.py", "msgspec.py", ".bashrc", ".profile", "firm.toml"):
        path = world.folder / name
        path.write_text(f"#!/bin/sh\necho taken > {world.outside}/taken\necho taken > taken\n")
        path.chmod(0o755)
    monkeypatch.chdir(world.folder)
    assert sh("true; exit 3", world.box()).code == 3
    assert not (world.outside / "taken").exists() and not (world.folder / "taken").exists()


def test_what_is_allowed_works(world: World) -> None:
    done = python(
        "import os, sys\nopen('made', 'w').write(sys.stdin.read())\nos.makedirs('/tmp/a/b')\n"
        "print(os.getcwd(), os.getuid(), os.environ['HOME'], sorted(os.listdir('.firm')))\n"
        f"print(open({str(world.readable / 'shown')!r}).read(), os.cpu_count() > 0)",
        world.box(),
        stdin=b"given" * 100_000,
    )
    assert done.stdout == b"/box 65534 /tmp []\nshown True\n", done
    assert (world.folder / "made").read_bytes() == b"given" * 100_000
    assert (done.code, done.stderr, done.cut, done.stopped) == (0, b"", False, "")


def test_with_network_the_hosts_loopback_is_reached(world: World) -> None:
    box = Box(world.folder, readable=OF_PYTHON, network=True)
    name = "a port of the host's loopback"
    assert attacked({name: OPEN[name]}, world, box) == {name: "ESCAPED"}


@pytest.mark.parametrize("runner", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_a_box_that_cannot_be_built_says_why_and_leaves_nothing(
    runner: object, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = f"token-{secrets.token_hex(8)}"
    program = world.outside / "bwrap"
    program.write_text(f"#!/bin/sh\necho it does not work here >&2\nexit 1\n: {token}\n")
    program.chmod(0o755)
    monkeypatch.setattr("firm.sandbox.bubblewrap.find_bubblewrap", lambda: str(program))
    runner(asyncio.sleep(0))  # type: ignore[operator]
    descriptors = len(os.listdir("/proc/self/fd"))
    with pytest.raises(NotIsolated, match="it does not work here"):
        runner(run(["/bin/sh", "-c", f": {token}"], Box(world.folder)))  # type: ignore[operator]
    assert left(token) == []
    assert len(os.listdir("/proc/self/fd")) == descriptors
