"""What was found when a firm's folder was looked at.

One rule: a finding says what to do, where something is to be done.
"""

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warn", "bad"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    level: Level
    """Bad: a mission would be refused, or would fail."""
    what: str
    """A word: roles, workflow, rules …"""
    text: str
