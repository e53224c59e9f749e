"""What a model answered: the parts, why it stopped, what it used, how long it took."""

from typing import Any

import msgspec

from firm.model.message import Message, Part, Reasoning, Text, ToolCall
from firm.units import Usage


class TokenLogprob(msgspec.Struct, frozen=True, array_like=True):
    """A token that was drawn, and what else might have been."""

    token: str
    logprob: float
    """Natural logarithm of its probability, at most 0."""
    top: tuple[tuple[str, float], ...] = ()
    """The likeliest tokens there, with theirs."""


class Timing(msgspec.Struct, frozen=True, array_like=True):
    """Where the time went, in seconds."""

    queue_s: float = 0.0
    """Waiting here, before the request was sent."""
    first_token_s: float = 0.0
    """From sending to the first token; without streaming to the whole reply."""
    total_s: float = 0.0
    """From the call to the reply, with retries."""


class Reply(msgspec.Struct, omit_defaults=True):
    """One reply of a model."""

    parts: tuple[Part, ...] = ()
    """Reasoning, words and tool calls, in the order in which they came."""
    usage: Usage = Usage()
    stop: str = "stop"
    """'stop' (it was finished), 'length' (max_tokens), 'tool_calls', 'filter' (the provider cut it off)."""
    model: str = ""
    """The model that answered, as its server calls it."""
    endpoint: str = ""
    """Address of the server."""
    request_id: str = ""
    """The provider's id of the request, for its support."""
    logprobs: tuple[TokenLogprob, ...] = ()
    timing: Timing = Timing()
    cost_usd: float = 0.0
    """What it cost; 0 where nothing is known of a price."""
    priced: bool = False
    """Whether `cost_usd` comes from a known price."""
    gpu_s: float = 0.0
    """Seconds of the founder's own GPUs, each GPU counted; its part, where other calls ran beside it."""
    value: Any = None
    """The reply as the schema's type, where one was given."""

    @property
    def text(self) -> str:
        """Its words."""
        return "".join([part.text for part in self.parts if type(part) is Text])

    @property
    def reasoning(self) -> str:
        """What the model thought, as far as it is shown."""
        return "".join([part.text for part in self.parts if type(part) is Reasoning])

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The tools that it wants to be called."""
        return tuple([part for part in self.parts if type(part) is ToolCall])

    @property
    def message(self) -> Message:
        """The reply as the next message of the conversation."""
        return Message("assistant", self.parts)
