"""What a mock server answers, how fast, and what goes wrong with it.

One rule: everything is data with a seed, except the script, which is the test's own rule.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from firm.units import Usage

DEFAULT_TEXT = "Hello from the mock."
HOSTILE_TEXT = "NUL \x00, a lone surrogate \ud800, an escape \x1b[31m, and the end."
"""Text that a server may send and no one should stumble over."""

ContextStyle = Literal["openai", "anthropic", "vllm", "llama.cpp"]


class FaultKind(StrEnum):
    """What can be wrong with a reply."""

    STATUS = "status"
    """An HTTP status, with the provider's own error body."""
    CONTEXT = "context"
    """Status 400: the request is longer than the model's window."""
    RESET = "reset"
    """The connection is reset before anything is sent."""
    RESET_IN_BODY = "reset_in_body"
    """It is reset after half of the body."""
    CUT = "cut"
    """It is closed in order after half of the body or stream."""
    HANG = "hang"
    """Half of the body or stream comes, then nothing more."""
    JUNK = "junk"
    """What should be JSON is not; in a stream, half-way."""
    HUGE = "huge"
    """A correct reply with `size_bytes` of text."""
    EMPTY = "empty"
    """Status 200 and not one byte."""
    WRONG_TYPE = "wrong_type"
    """Status 200 and a page of HTML."""
    STREAM_ERROR = "stream_error"
    """Half a stream, then an error event; without streaming, status 500."""


@dataclass(frozen=True, slots=True)
class MockFault:
    """One thing that goes wrong."""

    kind: FaultKind = FaultKind.STATUS
    status: int = 500
    """For `STATUS`: 400 to 599."""
    message: str = ""
    """The provider's words; '': its usual ones."""
    code: str = ""
    """The provider's code or type of the error; '': its usual one."""
    retry_after_s: float | None = None
    """Sent as `Retry-After`, if not None."""
    style: ContextStyle | None = None
    """For `CONTEXT`: whose words; None: those of the wire's own provider."""
    asked: int = 9000
    """For `CONTEXT`: tokens in the request."""
    limit: int = 8192
    """For `CONTEXT`: tokens that fit."""
    size_bytes: int = 10_000_000
    """For `HUGE`."""


@dataclass(frozen=True, slots=True)
class MockCall:
    """A tool call in a reply."""

    name: str
    arguments: Mapping[str, Any] | str = field(default_factory=dict)
    """An object; a string is sent as it is, so that it may be no JSON."""


@dataclass(frozen=True, slots=True)
class MockReply:
    """One reply. Text may hold NULs and lone surrogates, see `HOSTILE_TEXT`."""

    text: str = DEFAULT_TEXT
    reasoning: str = ""
    tool_calls: tuple[MockCall, ...] = ()
    stop: str = ""
    """'stop', 'length', 'tool_calls' or 'filter'; '': what fits."""
    usage: Usage | None = None
    """None: estimated from the lengths of request and reply."""
    latency_s: float | None = None
    """Instead of that of the options."""


Script = Callable[[dict[str, Any]], "MockReply | MockFault | str | None"]
"""Answers a request by its body; None: as if there were no script."""


@dataclass(frozen=True, slots=True)
class MockOptions:
    """How a mock server behaves."""

    reply: MockReply | str = MockReply()
    """What it answers where nothing else is said."""
    script: Script | None = None
    latency_s: float | tuple[float, float] = 0.0
    """Until the head of a reply; a pair is a range that is drawn from by `seed`."""
    first_s: float = 0.0
    """Streams: from the head to the first piece."""
    chunk_s: float = 0.0
    """Streams: between two pieces; 0 sends them all at once."""
    chunks: int = 8
    """Streams: number of pieces of the text, at least 1."""
    comments: bool = False
    """Streams: a comment line before each event."""
    slice_bytes: int = 0
    """Bodies are sent in slices of so many bytes, `chunk_s` apart; 0: as they are."""
    faults: tuple[MockFault, ...] = ()
    """What goes wrong: drawn from by `seed`, at the rate `fault_rate`."""
    fault_rate: float = 1.0
    """Share of the requests that one of `faults` befalls, 0 to 1."""
    fault_count: int | None = None
    """So many at most, then all is well; None: for ever."""
    seed: int = 0
    key: str | None = None
    """API key that each request must carry; None: none is asked for."""
    limit: int | None = None
    """Requests in flight at most; more are answered with 429. None: any number."""
    models: tuple[str, ...] = ()
    """Names of its models, others are unknown; empty: any name will do."""
    context_tokens: int | None = None
    """Longer requests are refused; one token is taken as four bytes of body. None: any length."""
    context_style: ContextStyle | None = None
    tool_turns: int = 0
    """As an agent's model: until a conversation holds so many results of tools, the next of its tools is called, in
    turn, with whole numbers that count the calls; then it answers. 0: no tool is called unasked."""
    eyes: bool = True
    """Whether pictures are taken."""
    honours_required: bool = True
    """Whether a required tool call is really made; llama.cpp takes the word and ignores it."""
    honours_tools: bool = True
    """Whether the native tool calls of a `MockReply` are sent."""
    honours_schema: bool = True
    """Whether a reply matches the schema that was asked for."""
    logprobs: bool = True
    """Whether log-probabilities are given to those who ask."""
    dimensions: int = 32
    """Length of its embeddings, where the request does not say."""
    pages: Mapping[str, Any] = field(default_factory=dict)
    """JSON for GET requests to other paths, such as '/health' or '/api/version'."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Further headers of every reply."""
    keep: int = 1000
    """So many of the latest requests are kept, for tests to look at."""
