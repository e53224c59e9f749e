"""The public test kit: a clock to turn by hand, and a simulated world in which everything fails.

One rule: what is tested is the real kernel on the real store; only time, chance, machines and the world outside
are simulated, and all of them from one seed.
"""

from firm.testing.clock import VirtualClock
from firm.testing.corpus import reference_program
from firm.testing.fault import FAULTS
from firm.testing.mock import (
    HOSTILE_TEXT,
    FaultKind,
    MockCall,
    MockFault,
    MockOptions,
    MockProcess,
    MockReply,
    MockServer,
    mock_process,
    mock_server,
    raise_file_limit,
)
from firm.testing.program import Job, Program, anything, returns, returns_or
from firm.testing.report import Report
from firm.testing.simulation import Options, simulate, simulate_seed
from firm.testing.world import act, look_up, world

__all__ = [
    "FAULTS",
    "HOSTILE_TEXT",
    "FaultKind",
    "Job",
    "MockCall",
    "MockFault",
    "MockOptions",
    "MockProcess",
    "MockReply",
    "MockServer",
    "Options",
    "Program",
    "Report",
    "VirtualClock",
    "act",
    "anything",
    "look_up",
    "mock_process",
    "mock_server",
    "raise_file_limit",
    "reference_program",
    "returns",
    "returns_or",
    "simulate",
    "simulate_seed",
    "world",
]
