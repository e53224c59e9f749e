"""A fast mock server of model providers: three wire protocols, with latency, errors and junk on request.

One rule: what it sends when nothing is injected is what the official clients' types accept. It knows nothing of
`firm.model`, so that the two can be wrong only independently.
"""

from firm.testing.mock.options import (
    HOSTILE_TEXT,
    FaultKind,
    MockCall,
    MockFault,
    MockOptions,
    MockReply,
)
from firm.testing.mock.process import MockProcess, mock_process, raise_file_limit
from firm.testing.mock.server import MockServer, mock_server

__all__ = [
    "HOSTILE_TEXT",
    "FaultKind",
    "MockCall",
    "MockFault",
    "MockOptions",
    "MockProcess",
    "MockReply",
    "MockServer",
    "mock_process",
    "mock_server",
    "raise_file_limit",
]
