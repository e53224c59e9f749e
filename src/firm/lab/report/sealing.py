"""The hashes of a report, and whether they hold.

One rule: a hash is SHA-256 over JSON with sorted keys, without spaces, in UTF-8, as Python's `json` writes it; so it
can be computed again with the standard library alone.
"""

import hashlib
import json
from typing import Any

import msgspec

from firm.lab.report.story import Story

WHOLE = "whole"


def plain_story(story: Story) -> dict[str, Any]:
    """The story as builtins; the same after a round trip through JSON."""
    said: dict[str, Any] = json.loads(msgspec.json.encode(story))
    return said


def sealed(story: Story) -> dict[str, str]:
    """The hash of each part, and of the whole."""
    return _hashes(plain_story(story))


def broken(record: dict[str, Any]) -> list[str]:
    """The parts of a decoded report.json whose hash is not what it says; empty: it is as it was written."""
    said, now = record.get("sha256", {}), _hashes(record.get("story", {}))
    return sorted(name for name in now.keys() | (said.keys() - {"page"}) if now.get(name) != said.get(name))


def _hashes(story: dict[str, Any]) -> dict[str, str]:
    return {name: _hash(story[name]) for name in sorted(story)} | {WHOLE: _hash(story)}


def _hash(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
