"""A firm that waits: memory, wake-ups and calls of `firm up` with schedules and nothing to do.

The process is started as anybody starts it, with two schedules of which none is due, and with the API over HTTP or
without. After it has settled, its memory and its switches are read from /proc around a stretch of silence; a mock
model counts what it was asked.
"""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from bench import machine, tell

from firm.testing import mock_process

SETTLE_S = 5.0
SILENCE_S = 10.0
SETTINGS = """\
name = "idle"

[models.default]
url = "{url}"
name = "mock"

[[schedules]]
name = "yearly"
cron = "0 0 1 1 *"
mission = "say hello"

[[schedules]]
name = "inbox"
hook = "inbox"
mission = "look at this: {event}"
"""


def state(pid: int) -> dict[str, float]:
    """Memory in MB, processor seconds, and how often it was woken, of all its threads."""
    status = Path(f"/proc/{pid}/status").read_text()
    rss_kb = int(re.search(r"VmRSS:\s+(\d+)", status)[1])  # type: ignore[index]
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    woken = 0
    for thread in Path(f"/proc/{pid}/task").iterdir():
        found = re.search(r"^voluntary_ctxt_switches:\s+(\d+)", (thread / "status").read_text(), re.M)
        woken += int(found[1]) if found else 0
    cpu_s = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return {"rss_mb": rss_kb * 1024 / 1e6, "cpu_s": cpu_s, "woken": woken}


def count(url: str) -> int:
    """Requests that the mock server has had."""
    with urllib.request.urlopen(url + "/mock") as response:
        return int(json.load(response)["count"])


def wait_idle(what: str, home: Path, url: str, *options: str) -> None:
    """Start it, let it settle, and watch it do nothing."""
    home.mkdir()
    asked = count(url)
    (home / "firm.toml").write_text(SETTINGS.replace("{url}", url))
    command = [sys.executable, "-m", "firm.cli", "up", "--home", str(home), *options]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        time.sleep(SETTLE_S)
        before = state(process.pid)
        time.sleep(SILENCE_S)
        after = state(process.pid)
        assert process.poll() is None, "firm up has ended"
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)
    asked = count(url) - asked - 1  # our own question counts too
    tell(f"idle firm, {what}, memory", after["rss_mb"], "MB", goal="under 60", **machine())
    tell(f"idle firm, {what}, CPU in {SILENCE_S:.0f} s", after["cpu_s"] - before["cpu_s"], "s")
    tell(f"idle firm, {what}, wake-ups a second", (after["woken"] - before["woken"]) / SILENCE_S, "")
    tell(f"idle firm, {what}, model calls", asked, "", goal="0")


def main() -> None:
    """Without the API, then with it."""
    with mock_process() as server, tempfile.TemporaryDirectory() as folder:
        wait_idle("no API", Path(folder, "plain"), server.url, "--no-serve")
        wait_idle("with the API", Path(folder, "served"), server.url, "--port", "0")


if __name__ == "__main__":
    main()
