"""`firm chat` and `firm models` against a server that speaks as the providers do, and one that does all wrong."""

import base64
import contextlib
import io
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.e2e.mock import mock_in_thread

import firm as package
from firm.testing import HOSTILE_TEXT, FaultKind, MockFault, MockOptions, MockReply, MockServer
from firm.units import Usage

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
HOSTILE = "red \x1b[31m, a title \x1b]0;x\x07, a link \u202e, a bell \x07, and 花は桜木"


class Outcome:
    """What a command did."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    def __repr__(self) -> str:
        return f"exit code {self.code}\n{self.out}\n{self.err}"

    @property
    def lines(self) -> list[dict[str, object]]:
        """Its stdout as lines of JSON."""
        return [json.loads(line) for line in self.out.splitlines()]


Firm = Callable[..., Outcome]


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    """One server for all tests of this file."""
    with mock_in_thread() as found:
        yield found


@pytest.fixture
def mock(server: MockServer) -> MockServer:
    """The server, answering as it does by itself."""
    server.options = MockOptions()
    server.requests.clear()
    return server


@pytest.fixture
def firm(
    tmp_path: Path, mock: MockServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Firm:
    """`firm("chat", …, stdin=…)` in a folder whose `firm.toml` names the mock server."""
    from firm.cli.app import build

    monkeypatch.delenv("FIRM_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    settings(tmp_path, mock.url)

    def call(*words: str, stdin: str | bytes = "") -> Outcome:
        raw = stdin if isinstance(stdin, bytes) else stdin.encode()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw)))
        with pytest.raises(SystemExit) as ended:
            build()(list(words), prog_name="firm")
        captured = capsys.readouterr()
        return Outcome(int(ended.value.code or 0), captured.out, captured.err)

    return call


def settings(folder: Path, url: str, more: str = "") -> None:
    """Write a `firm.toml` whose default model is at `url`."""
    (folder / "firm.toml").write_text(
        f'[models.default]\nurl = "{url}"\nname = "m"\n{more}\n'
        f'[models.own]\nurl = "{url}"\nname = "q"\nusd_per_gpu_hour = 3600\n[budget]\nusd_per_day = 1_000_000\n',
        "utf-8",
    )


def said(mock: MockServer, number: int = -1) -> list[tuple[str, object]]:
    """The messages of a request that the server got."""
    body = mock.requests[number].body
    return [(message["role"], message["content"]) for message in body["messages"]]


# --- a question, and lines over a pipe -------------------------------------------------------------------------


def test_one_question_is_answered_and_stdout_has_the_reply_alone(firm: Firm, mock: MockServer) -> None:
    found = firm("chat", "How are you?", "--system", "Be short.", "-e", "low")
    assert (found.code, found.out) == (0, "Hello from the mock.\n")
    assert found.err == f"default: m at {mock.url} (firm.toml)\n"
    assert said(mock) == [("system", "Be short."), ("user", "How are you?")]


def test_each_line_of_a_pipe_is_a_message_of_one_conversation(firm: Firm, mock: MockServer) -> None:
    found = firm("chat", stdin="one\n\ntwo\r\n")
    assert (found.code, found.out) == (0, "Hello from the mock.\n" * 2)
    assert said(mock) == [("user", "one"), ("assistant", "Hello from the mock."), ("user", "two")]


def test_commands_work_over_a_pipe_and_speak_on_stderr(firm: Firm, mock: MockServer, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("buy milk", "utf-8")
    mock.options = MockOptions(first_s=0.005)  # so that a millisecond or more of a GPU is used
    first = "/help\n/cost\n/effort high\n/attach note.txt\none\n"
    found = firm("chat", stdin=f"{first}/model own\ntwo\n/model\n/cost\n/new\n/cost\n/exit\nno\n")
    assert (found.code, found.out) == (0, "Hello from the mock.\n" * 2)
    for word in ("/attach [FILE]", "effort high", "1 file with your next", "*  own", "a new conversation"):
        assert word in found.err
    assert found.err.count("nothing was asked yet") == 2
    rows = {row.split()[0]: row for row in found.err.splitlines() if " tokens " in row}
    assert rows["default"].endswith("price not known")
    assert float(rows["own"].split()[-1]) > 0
    assert mock.requests[-1].body["model"] == "q"
    assert any("buy milk" in str(said(mock, number)) for number in range(len(mock.requests)))


def test_a_wrong_command_or_file_is_said_and_the_chat_goes_on(firm: Firm) -> None:
    found = firm("chat", stdin="/modle own\n/model ownn\n/effort huge\n/attach\n/attach nowhere.png\nhi\n")
    assert (found.code, found.out) == (1, "Hello from the mock.\n")
    for word in (
        "did you mean /model?",
        "did you mean 'own'?",
        "give one of instant",
        "/attach wants a file",
        "'nowhere.png' cannot be attached: No such file",
    ):
        assert word in found.err


def test_json_over_a_pipe_answers_a_line_with_an_object(firm: Firm, mock: MockServer) -> None:
    mock.options = MockOptions(first_s=0.005)  # so that a millisecond or more of a GPU is used
    lines = ["plain", '"in\\nquotes"', '{"content": "own", "model": "own", "new": true}', "/cost"]
    found = firm("chat", "--json", stdin="\n".join(lines))
    assert found.code == 0
    first, _, third, _ = found.lines
    assert list(first) == ["text", "model", "endpoint", "usage", "cost_usd", "priced", "timing", "stop"]
    assert (first["text"], first["model"], first["endpoint"]) == ("Hello from the mock.", "m", mock.url)
    assert (first["priced"], first["cost_usd"], first["stop"]) == (False, 0.0, "stop")
    assert first["usage"]["input"] > 0  # type: ignore[index]
    assert first["timing"]["total_s"] > 0  # type: ignore[index]
    assert third["priced"] and third["cost_usd"] > 0  # type: ignore[operator]
    assert said(mock, -3) == [
        ("user", "plain"),
        ("assistant", "Hello from the mock."),
        ("user", "in\nquotes"),
    ]
    assert said(mock, -2) == [("user", "own")]
    assert said(mock, -1)[-1] == ("user", "/cost")


def test_a_line_that_fails_is_an_object_too_and_the_exit_code_says_so(firm: Firm, mock: MockServer) -> None:
    lines = ['{"contnet": "x"}', "{oops", '{"content": "x", "model": "nobody"}', '{"content": 3}', "fine"]
    found = firm("chat", "--json", stdin="\n".join(lines).encode() + b"\nnot \xff UTF-8\n")
    assert found.code == 1
    kinds = [line.get("error", {}).get("type") for line in found.lines]  # type: ignore[attr-defined]
    assert kinds == ["UsageError"] * 4 + [None, "UsageError"]
    assert len(mock.requests) == 1


def test_a_line_that_is_too_long_is_refused_whole(
    firm: Firm, mock: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from firm.cli import piped

    monkeypatch.setattr(piped, "MAX_LINE_BYTES", 10)
    found = firm("chat", stdin="x" * 35 + "\n0123456789\n" + "y" * 11)
    assert (found.code, found.out) == (1, "")
    assert found.err.count("a line has more than 10 bytes") == 3
    assert firm("chat", stdin="012345678\n" + "x" * 35 + "\nshort").out == "Hello from the mock.\n" * 2


def test_what_a_machine_was_told_is_not_kept_and_what_a_person_said_is(firm: Firm, tmp_path: Path) -> None:
    assert firm("chat", "--json", stdin="hi\n").code == 0
    assert not (tmp_path / ".firm" / "chat").exists()
    assert firm("chat", "first thing?", "--system", "Be short.").code == 0
    [file] = (tmp_path / ".firm" / "chat").glob("*.jsonl")
    assert file.stat().st_mode & 0o077 == 0
    assert len(file.read_text("utf-8").splitlines()) == 3


def test_resume_goes_on_with_the_last_conversation(firm: Firm, mock: MockServer, tmp_path: Path) -> None:
    assert "no conversation" in firm("chat", "go on, please", "--resume").err
    firm("chat", "first thing?", "--system", "Be short.")
    [file] = (tmp_path / ".firm" / "chat").glob("*.jsonl")
    with file.open("ab") as torn:
        torn.write(b'{"at": "2026-')  # killed while it wrote
    found = firm("chat", "second thing?", "--resume")
    assert (found.code, "2 messages" in found.err) == (0, True)
    assert [text for _, text in said(mock)] == [
        "Be short.",
        "first thing?",
        "Hello from the mock.",
        "second thing?",
    ]
    assert [json.loads(line)["message"]["role"] for line in file.read_text("utf-8").splitlines()] == [
        *("system", "user", "assistant", "user", "assistant")
    ]
    file.write_text("oops\n")
    broken = firm("chat", "third thing?", "--resume")
    assert (broken.code, "line 1" in broken.err) == (2, True)


def test_what_a_model_says_never_controls_the_terminal(firm: Firm, mock: MockServer) -> None:
    mock.options = MockOptions(HOSTILE)
    for found in (firm("chat", "be nasty, please"), firm("chat", stdin="hi\n")):
        assert found.out == (
            "red \\x1b[31m, a title \\x1b]0;x\\x07, a link \\u202e, a bell \\x07, and 花は桜木\n"
        )
    assert json.loads(firm("chat", "--json", "be nasty, please").out)["text"] == HOSTILE


def test_text_that_is_not_quite_text_is_made_whole(firm: Firm, mock: MockServer) -> None:
    mock.options = MockOptions(HOSTILE_TEXT)
    assert firm("chat", "be nasty, please").out == (
        "NUL \\x00, a lone surrogate \ufffd, an escape \\x1b[31m, and the end.\n"
    )
    found = firm("chat", "--json", stdin=b"a NUL \x00 in the question\n")
    assert "a lone surrogate \ufffd" in str(found.lines[0]["text"])
    assert said(mock) == [("user", "a NUL \x00 in the question")]


def test_a_reply_that_was_cut_off_says_so(firm: Firm, mock: MockServer) -> None:
    mock.options = MockOptions(MockReply("Once upon", stop="length"))
    assert "cut off at its greatest length" in firm("chat", "tell me more").err
    mock.options = MockOptions("")
    assert "an empty reply" in firm("chat", "tell me more").err


# --- what goes wrong -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "kind", "says"),
    [
        (MockOptions(key="sk-good"), "KeyRefused", ("the key env:MOCK_KEY was refused", "[models.default]")),
        (MockOptions(models=("other",)), "UnknownModel", ("it does not know 'm'", "[models.default]")),
        (
            MockOptions(faults=(MockFault(FaultKind.CONTEXT, asked=9000, limit=8192),)),
            "ContextTooLong",
            ("9000 tokens were asked for, 8192 fit", "trim the messages"),
        ),
        (
            MockOptions(faults=(MockFault(FaultKind.CUT),)),
            "ModelUnavailable",
            ("connection lost", "server's log"),
        ),
        (MockOptions(faults=(MockFault(FaultKind.JUNK),)), "BadReply", ("unreadable reply", "wire")),
        (MockOptions(faults=(MockFault(FaultKind.HUGE),)), "BadReply", ("more than 8,388,608 bytes",)),
        (MockOptions(faults=(MockFault(status=400),)), "BadRequest", ("change the request",)),
        (MockOptions(faults=(MockFault(status=429),)), "RateLimited", ("try later",)),
    ],
)
def test_a_failure_names_endpoint_model_and_remedy(
    firm: Firm,
    mock: MockServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: MockOptions,
    kind: str,
    says: tuple[str, ...],
) -> None:
    monkeypatch.setenv("MOCK_KEY", "sk-wrong-12345")
    settings(tmp_path, mock.url, 'key = "env:MOCK_KEY"')
    mock.options = options
    found = firm("chat", "--json", "are you there?")
    assert found.code == 1, found
    [line] = found.lines
    error = line["error"]
    assert error["type"] == kind  # type: ignore[index]
    for word in ("'default'", mock.url, *says):
        assert word in error["message"]  # type: ignore[index]
        assert word in found.err
    assert "sk-wrong" not in found.out + found.err
    if kind == "ContextTooLong":
        assert (error["asked"], error["limit"]) == (9000, 8192)  # type: ignore[index]


def test_a_server_that_is_down_is_named(firm: Firm, tmp_path: Path) -> None:
    settings(tmp_path, "http://127.0.0.1:9/v1")
    found = firm("chat", "are you there?")
    assert found.code == 1
    for word in ("'default'", "http://127.0.0.1:9/v1", "no connection", "see whether the server runs"):
        assert word in found.err


def test_a_key_that_is_not_set_is_named(
    firm: Firm, mock: MockServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MOCK_KEY", raising=False)
    settings(tmp_path, mock.url, 'key = "env:MOCK_KEY"')
    found = firm("chat", "are you there?")
    assert (found.code, "set MOCK_KEY" in found.err) == (2, True)
    assert "MOCK_KEY is not set" in firm("doctor").out
    assert firm("doctor").code == 0


def test_a_picture_for_a_model_without_eyes_is_refused(firm: Firm, mock: MockServer, tmp_path: Path) -> None:
    (tmp_path / "dot.png").write_bytes(PIXEL)
    assert firm("chat", "What is this?", "--attach", "dot.png").code == 0
    assert "image_url" in str(said(mock))
    settings(tmp_path, mock.url, "eyes = false")
    found = firm("chat", "What is this?", "--attach", "dot.png")
    assert (found.code, "has no eyes" in found.err, mock.url in found.err) == (1, True, True)
    settings(tmp_path, mock.url)
    mock.options = MockOptions(eyes=False)
    found = firm("chat", "What is this?", "--attach", "dot.png")
    assert (found.code, mock.url in found.err, "ask a model that sees" in found.err) == (1, True, True)
    assert "1 file still with" in firm("chat", stdin="/attach dot.png\nWhat is this?\n").err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("chat", "scout"), "would be the name of an agent"),
        (("chat", "-m", "ownn", "how are you?"), "did you mean 'own'?"),
        (("chat", "-e", "huge", "how are you?"), "give one of instant, low"),
        (("chat", "--json", "--resume"), "exclude each other"),
        (("chat", "how are you?", "--attach", "nowhere"), "'nowhere' cannot be attached"),
        (("models", "test", "ownn"), "did you mean 'own'?"),
        (("models", "pull", "qwen2.5-coder"), "did you mean 'qwen2.5-coder"),
        (("models", "pull", "own"), "that server's business"),
        (("models", "remove", "nothing"), "the catalogue of embedded models has no 'nothing'"),
    ],
)
def test_wrong_use_exits_2_and_says_what_to_do(firm: Firm, words: tuple[str, ...], says: str) -> None:
    found = firm(*words)
    assert found.code == 2, found
    assert says in found.err


# --- models ----------------------------------------------------------------------------------------------------


def test_models_are_listed_with_where_they_come_from(
    firm: Firm, mock: MockServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIRM_MODELS", str(tmp_path / "weights"))
    rows = {row["name"]: row for row in json.loads(firm("models", "--json").out)}
    assert (rows["own"]["model"], rows["own"]["at"], rows["own"]["source"]) == ("q", mock.url, "firm.toml")
    small = rows["smollm2-135m-instruct-q4_1"]
    assert (small["pulled"], small["bytes"], small["licence"]) == (False, 98_362_432, "Apache-2.0")
    told = firm("models", "list").out
    assert "98 MB, not pulled" in told
    assert firm("models", "list", "own").out == f"{mock.url} has mock\n"


def test_the_default_model_is_found_by_a_key_in_the_environment(
    firm: Firm, mock: MockServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "firm.toml").unlink()
    monkeypatch.setenv("OPENAI_API_KEY", "sk-good")
    monkeypatch.setenv("OPENAI_BASE_URL", mock.url)
    mock.options = MockOptions(key="sk-good")
    found = firm("chat", "how are you?")
    assert (found.code, found.out) == (0, "Hello from the mock.\n")
    assert "OPENAI_API_KEY is in the environment" in found.err
    assert "OPENAI_API_KEY is in the environment" in firm("doctor").out


def test_the_doctor_says_which_model_is_the_default_and_what_is_lacking(
    firm: Firm, mock: MockServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from firm.cli import finding

    monkeypatch.setenv("FIRM_MODELS", str(tmp_path / "weights"))
    monkeypatch.delenv("BIG_KEY", raising=False)
    monkeypatch.setattr(finding, "LOCAL", (("Ollama", mock.url), ("vLLM", "http://127.0.0.1:9/v1")))
    settings(tmp_path, mock.url)
    with (tmp_path / "firm.toml").open("a") as file:
        file.write('[models.big]\nurl = "http://gpu/v1"\nname = "b"\nkey = "env:BIG_KEY"\n')
        file.write('[models.vault]\nurl = "http://gpu/v1"\nname = "b"\nkey = "secret:big"\n')
        file.write('[models.tiny]\nembedded = "smollm2-135m-instruct-q4_1"\n')
    told = firm("doctor", "--json")
    assert told.code == 0
    rows = [(row["level"], row["what"], row["text"]) for row in json.loads(told.out)]
    assert ("ok", "default", f"m at {mock.url} (firm.toml)") in rows
    assert ("ok", "servers", f"{mock.url} (the port of Ollama) has 1 model") in rows
    warnings = " ".join(text for level, what, text in rows if level == "warn" and what in ("key", "weights"))
    for word in (
        "'big': BIG_KEY is not set",
        "'vault': 'secret:big' cannot be read",
        "smollm2-135m-instruct-q4_1 is not",
    ):
        assert word in warnings


def test_a_model_is_measured_by_calling_it(firm: Firm, mock: MockServer) -> None:
    mock.options = MockOptions(
        "one two three four five six seven eight nine ten " * 4, first_s=0.02, chunk_s=0.01
    )
    [found] = json.loads(firm("models", "test", "own", "--json").out)
    assert 0.02 <= found["first_token_s"] < found["total_s"]
    writing_s = found["total_s"] - found["first_token_s"]
    assert found["tokens_per_s"] == pytest.approx((found["written_tokens"] - 1) / writing_s)
    tokens = found["read_tokens"] + found["written_tokens"]
    assert found["usd_per_million_tokens"] == pytest.approx(found["total_s"] / tokens * 1e6, rel=0.2)
    told = firm("models", "test").out
    assert "tokens/s" in told
    assert "price        not known" in told
    mock.options = MockOptions(faults=(MockFault(status=401),))
    assert firm("models", "test").code == 1


def test_weights_of_a_wrong_hash_or_without_room_are_refused(
    firm: Firm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    monkeypatch.setenv("FIRM_MODELS", str(tmp_path / "weights"))
    wrong = tmp_path / "weights.gguf"
    wrong.write_bytes(b"not the weights")
    found = firm("models", "pull", "smollm2-135m-instruct-q4_1", "--from", str(wrong))
    assert found.code == 1
    for word in ("sha256", "b179c9523d0e6a0f", "weights.gguf"):
        assert word in found.err
    assert firm("models", "pull", "smollm2-135m-instruct-q4_1", "--from", "nowhere").code == 2
    full = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    found = firm("models", "pull", "smollm2-135m-instruct-q4_1")
    assert found.code == 1
    for word in ("smollm2-135m-instruct-q4_1", "1,000 free", "FIRM_MODELS"):
        assert word in found.err
    assert firm("models", "remove", "smollm2-135m-instruct-q4_1").out.startswith("nothing of ")


# --- at a terminal ---------------------------------------------------------------------------------------------


class Terminal:
    """`firm` at a terminal of its own, 80 columns wide."""

    def __init__(self, folder: Path, *words: str) -> None:
        self.raw = b""
        self._seen = 0
        self.pid, self._fd = pty.fork()
        if self.pid == 0:  # pragma: no cover - another process
            os.chdir(folder)
            env = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
            env |= {"TERM": "xterm", "LANG": "C.UTF-8", "PYTHONPATH": str(Path(package.__file__).parents[1])}
            os.execve(sys.executable, [sys.executable, "-m", "firm.cli", *words], env)

    def until(self, words: str, timeout_s: float = 15) -> str:
        """What is shown until these words are, from where the last call ended."""
        deadline_s = time.monotonic() + timeout_s
        wanted = words.replace("\n", "\r\n").encode()
        while wanted not in self.raw[self._seen :]:
            assert time.monotonic() < deadline_s, f"no {words!r} in {self.raw[self._seen :]!r}"
            self._read(0.2)
        end = self.raw.index(wanted, self._seen) + len(wanted)
        found, self._seen = self.raw[self._seen : end], end
        return found.decode("utf-8", "replace").replace("\r\n", "\n")

    def _read(self, wait_s: float) -> bool:
        if not select.select([self._fd], [], [], wait_s)[0]:
            return True
        try:
            more = os.read(self._fd, 65_536)
        except OSError:
            return False
        self.raw += more
        return bool(more)

    def type(self, words: str) -> None:
        """Press these keys."""
        os.write(self._fd, words.encode())

    def interrupt(self, words: str) -> None:
        """Press Ctrl-C at the prompt, until these words are shown.

        Python loses one that comes after readline has shown its prompt and before it listens; it then counts as
        one with the next.
        """
        for patience_s in (3, 3, 15):
            self.type("\x03")
            with contextlib.suppress(AssertionError):
                self.until(words, patience_s)
                return
        raise AssertionError(f"Ctrl-C does nothing: {self.raw[self._seen :]!r}")

    def end(self) -> int:
        """Its exit code, once it has ended."""
        deadline_s = time.monotonic() + 15
        while self._read(0.2):
            assert time.monotonic() < deadline_s, f"it does not end: {self.raw[self._seen :]!r}"
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def close(self) -> None:
        """Kill what is left."""
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self._fd)


@pytest.fixture
def terminal(tmp_path: Path, mock: MockServer) -> Iterator[Callable[..., Terminal]]:
    """`terminal("chat")` in a folder whose `firm.toml` names the mock server."""
    settings(tmp_path, mock.url)
    made: list[Terminal] = []

    def begin(*words: str) -> Terminal:
        made.append(Terminal(tmp_path, *words))
        return made[-1]

    yield begin
    for found in made:
        found.close()


def test_a_dialog_shows_replies_as_they_come_and_controls_as_text(
    terminal: Callable[..., Terminal], mock: MockServer
) -> None:
    mock.options = MockOptions(HOSTILE)
    chat = terminal("chat")
    assert f"default: m at {mock.url} (firm.toml)" in chat.until("> ")
    chat.type("你好\n")
    shown = chat.until("> ")
    assert "red \\x1b[31m, a title \\x1b]0;x\\x07, a link \\u202e, a bell \\x07, and 花は桜木\n" in shown
    assert "\x1b[31m" not in shown and "\u202e" not in shown and "\x07" not in shown
    assert said(mock)[-1] == ("user", "你好")
    chat.type("first line\\\nsecond\n")
    chat.until("花は桜木")
    assert said(mock)[-1] == ("user", "first line\nsecond")
    chat.until("> ")
    chat.type("/exit\n")
    assert chat.end() == 0


def test_ctrl_c_stops_the_reply_and_twice_it_leaves(
    terminal: Callable[..., Terminal], mock: MockServer, tmp_path: Path
) -> None:
    mock.options = MockOptions("never ending " * 50, chunks=50, chunk_s=0.5)
    chat = terminal("chat")
    chat.until("> ")
    chat.type("tell me a story\n")
    chat.until("never ending")
    chat.type("\x03")
    chat.until("(stopped; Ctrl-C again leaves)")
    chat.until("> ")
    mock.options = MockOptions("Then the end.")
    chat.type("and then?\n")
    chat.until("Then the end.")
    assert [role for role, _ in said(mock)] == ["user", "assistant", "user"]
    assert str(said(mock)[1][1]).startswith("never ending")
    chat.until("> ")
    chat.type("/cost\n")
    assert "1 reply stopped in the middle" in chat.until("not known\n> ")
    chat.interrupt("(Ctrl-C again leaves)")
    chat.until("> ")
    chat.interrupt("\n")
    assert chat.end() == 0
    [file] = (tmp_path / ".firm" / "chat").glob("*.jsonl")
    assert '"stopped":true' in file.read_text("utf-8")
    history = tmp_path / ".firm" / "chat" / "history"
    assert "tell me a story" in history.read_text("utf-8")
    assert history.stat().st_mode & 0o077 == 0


def test_a_stream_that_breaks_off_is_begun_again_and_said_so(
    terminal: Callable[..., Terminal], mock: MockServer
) -> None:
    faults = [MockFault(FaultKind.CUT)]
    mock.options = MockOptions(
        "a reply that is long enough", chunk_s=0.01, script=lambda _: faults.pop() if faults else None
    )
    chat = terminal("chat")
    chat.until("> ")
    chat.type("how are you?\n")
    chat.until("(the reply broke off; here it is from the beginning)")
    chat.until("a reply that is long enough")
    chat.until("> ")
    chat.type("\x04")
    assert chat.end() == 0


TABLE = """\
MODEL    REPLIES  READ       WRITTEN   USD
default  1        19 tokens  5 tokens  price not known
大模型   1        19 tokens  5 tokens  price not known
"""


def test_wide_characters_line_up(terminal: Callable[..., Terminal], mock: MockServer, tmp_path: Path) -> None:
    with (tmp_path / "firm.toml").open("a", encoding="utf-8") as file:
        file.write(f'[models."大模型"]\nurl = "{mock.url}"\nname = "名前"\n')
    mock.options = MockOptions(MockReply("你好，世界。", usage=Usage(input=19, output=5)))
    chat = terminal("chat")
    for typed in ("hi\n", "/model 大模型\n", "你好\n", "/cost\n"):
        chat.until("> ")
        chat.type(typed)
    assert "你好\n你好，世界。\n> " in chat.raw.decode().replace("\r\n", "\n")
    shown = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", chat.until("not known\n") + chat.until("not known\n"))
    shown = "\n".join(row.rstrip() for row in shown.split("\n"))
    assert shown.partition("/cost\n")[2] == TABLE
    from rich.cells import cell_len

    rows = TABLE.splitlines()
    assert {
        cell_len(row[: row.index(word)]) for row, word in zip(rows, ("REPLIES", "1 ", "1 "), strict=True)
    } == {9}


def test_a_real_pipe_is_answered_line_by_line(tmp_path: Path, mock: MockServer) -> None:
    settings(tmp_path, mock.url)
    env = {name: value for name, value in os.environ.items() if name != "FIRM_HOME"}
    env["PYTHONPATH"] = str(Path(package.__file__).parents[1])
    command = [sys.executable, "-m", "firm.cli", "chat", "--json", "--home", str(tmp_path)]
    with subprocess.Popen(
        command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin and process.stdout and process.stderr
        for number in range(3):
            process.stdin.write(f"line {number}\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["text"] == "Hello from the mock."
        process.stdin.close()
        assert process.stdout.read() == ""
        assert process.stderr.read() == f"default: m at {mock.url} (firm.toml)\n"
        assert process.wait(timeout=20) == 0
