"""Two real processes on one home; kill -9, SIGTERM, Ctrl-C; nothing lost, nothing done twice."""

import json
import os
import pty
import resource
import signal
import subprocess
import sys
from typing import Any

from .conftest import Place

OPEN = "import asyncio, sys\nsys.path.insert(0, '.')\nimport work\nfrom firm import Firm\n"
CLIENT = (
    OPEN
    + """
async def main():
    async with Firm.open(".") as firm:
        print("open", firm.is_owner, flush=True)
        {body}
asyncio.run(main())
"""
)


def client(place: Place, body: str) -> "subprocess.Popen[str]":
    """A process with an open firm."""
    process = place.begin(script=CLIENT.format(body=body))
    assert process.stdout is not None
    assert process.stdout.readline().startswith("open")
    return process


def finish(process: "subprocess.Popen[str]", code: int = 0) -> str:
    """Its stdout and stderr, when it has ended."""
    out, err = process.communicate(timeout=20)
    assert process.returncode == code, out + err
    return out + err


def inbox(place: Place) -> list[dict[str, Any]]:
    """The inbox, as another process sees it."""
    found: list[dict[str, Any]] = json.loads(place.firm("inbox", "--json"))
    return found


def status(place: Place, run: str) -> str:
    """How a run stands."""
    return str(json.loads(place.firm("show", run, "--json"))["run"]["status"])


def test_a_second_process_starts_answers_sends_and_cancels(place: Place) -> None:
    up = place.up()
    assert place.firm("run", "work.py:add", "1", "2") == "6\n"
    out = place.firm("run", "work.py:asks", "we", "--id", "q", code=3)
    [question] = inbox(place)
    assert f"firm answer {question['id']} yes" in out
    assert "one of" in place.firm("answer", question["id"], "maybe", code=2)
    place.firm("answer", question["id"], "yes")
    assert "answered already" in place.firm("answer", question["id"], "yes", code=2)
    assert place.firm("run", "work.py:asks", "we", "--id", "q") == '"yes"\n'
    body = "run = await firm.start(work.collects, id='c'); [await firm.send('c', 'news', n) for n in (1, 2, 'end')]"
    finish(client(place, body + "; print(await run.result())"))
    assert json.loads(place.firm("show", "c", "--json"))["events"][-1]["value"] == [1, 2]
    finish(client(place, "await firm.start(work.asks, 'you', id='gone')"))
    place.firm("cancel", "gone")
    place.until(lambda: status(place, "gone") == "cancelled")
    assert place.calls().count("double 1") == 3
    assert "is carried already" in place.firm("up", code=1)
    up.send_signal(signal.SIGTERM)
    assert "nothing was parked" in finish(up)


def test_a_request_pending_at_kill_9_is_taken_in_exactly_once(place: Place) -> None:
    up = place.up()
    finish(client(place, "await firm.start(work.collects, id='c')"))
    up.send_signal(signal.SIGSTOP)  # it can take in nothing more
    body = "await asyncio.gather(*(firm.send('c', 'news', n) for n in range(5)))"
    sender = client(place, body)
    place.until(lambda: len(place.spooled()) == 5, "the requests")
    kept = {path: path.read_bytes() for path in place.spooled()}
    sender.kill()
    up.kill()
    up.communicate(timeout=20)
    again = place.up()
    place.until(lambda: not place.spooled(), "taking in")
    again.kill()  # as if killed between commit and deletion: the files are there again
    again.communicate(timeout=20)
    for path, data in kept.items():
        path.write_bytes(data)
    place.up()
    place.until(lambda: not place.spooled(), "taking in")
    finish(client(place, "await firm.send('c', 'news', 'end')"))
    place.until(lambda: status(place, "c") == "succeeded")
    assert json.loads(place.firm("show", "c", "--json"))["events"][-1]["value"] == [0, 1, 2, 3, 4]


def test_a_start_asked_of_a_stopped_owner_happens_once_after_its_end(place: Place) -> None:
    up = place.up()
    up.send_signal(signal.SIGSTOP)
    asking = place.begin("run", "work.py:add", "1", "2", "--id", "sum")
    place.until(lambda: place.spooled(), "the request")
    up.kill()
    assert finish(asking) == "6\n"
    assert sorted(place.calls()) == ["double 1", "double 2"]
    assert len(json.loads(place.firm("ps", "--all", "--json"))) == 1


def test_a_waiting_client_takes_over_from_a_killed_owner(place: Place) -> None:
    up = place.up()
    waiting = place.begin("run", "work.py:chain", "4", "0.3")
    place.until(lambda: "begin 1" in place.calls(), "the second step")
    up.kill()
    assert json.loads(finish(waiting)) == ["0", "1", "2", "3"]
    assert [call for call in place.calls() if call.startswith("end")] == ["end 0", "end 1", "end 2", "end 3"]


def test_a_run_killed_in_the_middle_goes_on_where_it_was(place: Place) -> None:
    running = place.begin("run", "work.py:chain", "4", "0.2")
    place.until(lambda: "begin 2" in place.calls(), "the third step")
    running.kill()
    assert json.loads(place.firm("run", "work.py:chain", "4", "0.2")) == ["0", "1", "2", "3"]
    assert [call for call in place.calls() if call.startswith("end")] == ["end 0", "end 1", "end 2", "end 3"]
    assert place.calls().count("begin 0") == 1


def test_an_effect_cut_off_by_kill_9_is_never_repeated_but_asked_about(place: Place) -> None:
    running = place.begin("run", "work.py:pays", "--id", "p")
    place.until(lambda: place.calls() == ["pay"], "the payment")
    running.kill()
    out = place.firm("run", "work.py:pays", "--id", "p", code=3)
    assert "may or may not have happened" in out
    [question] = inbox(place)
    assert (
        "nobody carries"
        in place.begin("answer", question["id"], '{"done": "paid"}').communicate(timeout=20)[1]
    )
    assert place.firm("run", "work.py:pays", "--id", "p") == '"paid"\n'
    assert place.calls() == ["pay"]


def test_sigterm_parks_and_exits_0_and_the_run_goes_on_later(place: Place) -> None:
    up = place.up()
    finish(client(place, "await firm.start(work.chain, 3, 0.3, id='c')"))
    place.until(lambda: "begin 1" in place.calls(), "the second step")
    up.send_signal(signal.SIGTERM)
    assert "1 run parked (c)" in finish(up)
    assert place.calls()[-1] == "end 1"  # a step under way may end
    assert json.loads(place.firm("run", "work:chain", "3", "0.3")) == ["0", "1", "2"]
    assert place.calls().count("begin 1") == 1


def test_firm_stop_ends_the_owner(place: Place) -> None:
    assert place.firm("stop") == "nothing runs here\n"
    up = place.up()
    assert str(up.pid) in place.firm("stop")
    assert "stopped" in finish(up)


def test_ctrl_c_parks_and_says_how_to_go_on(place: Place) -> None:
    running = place.begin("run", "work.py:asks", "we", "--id", "q", stdin=None)
    place.until(lambda: place.calls(), "the first step")
    running.send_signal(signal.SIGINT)
    out = finish(running, code=130)
    assert "1 run parked (q)" in out
    assert "firm up" in out
    assert status(place, "q") == "suspended"


def test_a_second_ctrl_c_ends_at_once(place: Place) -> None:
    running = place.begin("run", "work.py:chain", "1", "60")
    place.until(lambda: place.calls(), "the step")
    running.send_signal(signal.SIGINT)
    place.until(lambda: running.poll() is not None or _asked_again(running), timeout_s=5)
    assert running.wait(5) == 130


def _asked_again(process: "subprocess.Popen[str]") -> bool:
    process.send_signal(signal.SIGINT)
    return False


def test_a_script_with_firm_run_is_parked_by_sigterm_and_joins_when_started_again(place: Place) -> None:
    script = "import sys\nsys.path.insert(0, '.')\nimport firm, work\nprint(firm.run(work.chain, 3, 0.3))"
    first = place.begin(script=script)
    place.until(lambda: "begin 1" in place.calls(), "the second step")
    first.send_signal(signal.SIGTERM)
    assert "1 run parked" in finish(first, code=143)
    assert "['0', '1', '2']" in finish(place.begin(script=script))
    assert place.calls().count("begin 0") == 1


def test_a_question_can_be_answered_at_the_prompt(place: Place) -> None:
    ours, theirs = pty.openpty()
    running = place.begin("run", "work.py:asks", "we", stdin=theirs, stderr=theirs)
    os.close(theirs)
    seen = b""
    while b"[yes/no]" not in seen:
        seen += os.read(ours, 1000)
    os.write(ours, b"perhaps\n")
    while b"one of" not in seen:
        seen += os.read(ours, 1000)
    os.write(ours, b"yes\n")
    out, _ = running.communicate(timeout=20)
    os.close(ours)
    assert (running.returncode, out) == (0, '"yes"\n')
    assert b"Shall we?" in seen


def test_a_file_changed_under_the_owner_is_refused_with_what_to_do(place: Place) -> None:
    place.up()
    assert place.firm("run", "work.py:add", "1", "2") == "6\n"
    work = place.folder / "work.py"
    work.write_text(work.read_text().replace("2 * x", "3 * x"))
    assert "another version" in place.firm("run", "work.py:add", "1", "2", code=2)
    place.firm("stop")
    assert place.firm("run", "work.py:add", "1", "2") == "9\n"


def test_a_full_disk_loses_nothing(place: Place) -> None:
    place.firm("run", "work.py:add", "1", "2")
    size = (place.folder / ".firm" / "journal.db").stat().st_size

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 20_000, size + 20_000))

    script = CLIENT.format(body="[await firm.start(work.add, n, 'x' * 9 if 0 else n) for n in range(3000)]")
    process = place.begin(script=script, preexec_fn=limit)
    assert process.stderr is not None
    place.until(lambda: "disk full" in process.stderr.readline(), "the warning")  # type: ignore[union-attr]
    process.kill()
    process.communicate(timeout=20)
    assert place.firm("run", "work.py:add", "3", "4", timeout_s=60) == "14\n"
    assert "every invariant holds" in place.firm("doctor")


def test_help_is_quick_and_imports_nothing_heavy(place: Place) -> None:
    script = "import sys\nfrom firm.cli.app import build\nbuild()\nprint(*sys.modules)"
    loaded = set(finish(place.begin(script=script)).split())
    assert not loaded & {"asyncio", "msgspec", "sqlite3", "uvloop", "rich.table", "firm.root", "firm.kernel"}
    assert sys.executable
