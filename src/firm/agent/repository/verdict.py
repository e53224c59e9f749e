"""What a run of the tests said, from its exit code and the words of pytest and unittest.

One rule: an exit code of 0 is needed, and not enough: where tests were counted before, as many must be counted after.
"""

import re

from firm.agent.repository.order import Tally
from firm.sandbox import Finished

MAX_FAILING = 50
"""Names that are kept."""
_SUMMARY = re.compile(r"^[=\s]*(?:\d+ [a-z]+(?:, )?)+ in \d[\d.]*s")
_COUNT = re.compile(r"(\d+) (passed|failed|errors?|skipped|xfailed|xpassed|deselected)\b")
_FAILED = re.compile(r"^(?:FAILED|ERROR) (\S.*?)(?: - .*)?$", re.MULTILINE)
_RAN = re.compile(r"^Ran (\d+) tests? in ", re.MULTILINE)
_OUTCOME = re.compile(r"^(?:OK|FAILED)(?: \(([^)]*)\))?$", re.MULTILINE)
_FELL = re.compile(r"^(?:FAIL|ERROR): (\S+ \([^)]*\))", re.MULTILINE)
_STOPPED = {
    "time": "stopped: it took too long",
    "cpu": "stopped: it used too much processor time",
    "memory": "stopped: it wanted too much memory",
    "output": "stopped: it printed too much",
    "disk": "stopped: it wrote too much",
    "processes": "stopped: it started too many processes",
}


def tally_of(done: Finished) -> Tally:
    """What a run of the tests came to."""
    out = done.stdout.decode("utf-8", "replace")
    words = f"{out}\n{done.stderr.decode('utf-8', 'replace')}"
    ok = done.code == 0 and not done.stopped
    counts = _pytest(out) or _unittest(words)
    took_s, level = round(done.took_s, 2), done.level.word
    if counts is None:
        end = _STOPPED.get(done.stopped, f"exit code {done.code}")
        return Tally(ok, end, took_s=took_s, isolation=level)
    told = ", ".join(f"{count} {name}" for name, count in counts.items() if count) or "no tests"
    bad = counts["failed"] + counts["errors"]
    if done.stopped or (done.code and not bad):
        told = f"{told}, {_STOPPED.get(done.stopped, f'exit code {done.code}')}"
    failing = tuple(dict.fromkeys((*_FAILED.findall(out), *_FELL.findall(words))))[:MAX_FAILING]
    return Tally(
        ok=ok and not bad,
        words=told,
        passed=counts["passed"],
        total=sum(counts.values()),
        left_out=counts["skipped"],
        failing=failing if bad else (),
        took_s=took_s,
        isolation=level,
    )


def _pytest(out: str) -> dict[str, int] | None:
    line = next((text for text in reversed(out.splitlines()) if _SUMMARY.match(text)), "")
    if not line:
        return None
    found = {
        name.rstrip("s") if name.startswith("error") else name: int(count)
        for count, name in _COUNT.findall(line)
    }
    aside = sum(found.get(name, 0) for name in ("skipped", "xfailed", "xpassed", "deselected"))
    return {
        "passed": found.get("passed", 0),
        "failed": found.get("failed", 0),
        "errors": found.get("error", 0),
        "skipped": aside,
    }


def _unittest(words: str) -> dict[str, int] | None:
    ran, outcome = _RAN.findall(words), _OUTCOME.findall(words)
    if not ran or not outcome:
        return None
    total = int(ran[-1])
    found = dict(re.findall(r"([a-z ]+)=(\d+)", outcome[-1]))
    named = {name.strip(): int(count) for name, count in found.items()}
    failed = named.get("failures", 0) + named.get("unexpected successes", 0)
    errors = named.get("errors", 0)
    aside = named.get("skipped", 0) + named.get("expected failures", 0)
    return {
        "passed": max(total - failed - errors - aside, 0),
        "failed": failed,
        "errors": errors,
        "skipped": aside,
    }


def refusal(before: Tally, after: Tally, suspects: tuple[str, ...]) -> str:
    """Why a change does not count as done; '' if it does."""
    if not after.ok:
        return f"the tests say no: {after.words}"
    if before.total and not after.total:
        return "the tests ended with 0, but no longer said how many there were"
    if after.total < before.total:
        return f"only {after.total} tests were counted; there were {before.total}"
    if after.left_out > before.left_out:
        return f"tests were left out instead of passed: {after.words}"
    if suspects:
        return f"the change speaks to what runs the tests: {suspects[0]}"
    return ""
