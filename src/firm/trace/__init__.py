"""What a model, a tool or an agent was asked, as spans with the names of OpenTelemetry.

One rule: a span is made once, when what it tells of is over, and making it never fails the work. What is asked
and answered is not in a span; that stands in the run's journal.
"""

from firm.trace.keep import Recorder, keep
from firm.trace.kept import Kept, spans_of
from firm.trace.span import OPERATIONS, Moment, Span, decode, encode

__all__ = ["OPERATIONS", "Kept", "Moment", "Recorder", "Span", "decode", "encode", "keep", "spans_of"]
