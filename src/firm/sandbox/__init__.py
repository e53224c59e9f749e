"""Run code that nobody trusts, at a named level of isolation.

One rule: code that needs more isolation than this machine has is refused, never run with less.
Who may run what is the gate's business; this package only builds the box.
"""

from firm.sandbox.box import Box, Finished, Limits
from firm.sandbox.level import Level
from firm.sandbox.probe import Probe, probe
from firm.sandbox.run import run

__all__ = ["Box", "Finished", "Level", "Limits", "Probe", "probe", "run"]
