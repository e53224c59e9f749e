"""The wire protocols: requests into bytes, bytes into replies. Pure; no I/O."""

import functools
from typing import TYPE_CHECKING

from firm.errors import UsageError

if TYPE_CHECKING:
    from firm.model.wire.protocol import Wire


@functools.cache
def wire_of(name: str) -> "Wire":
    """The protocol of this name; only its own module is imported.

    Raises:
        UsageError: if there is none.
    """
    if name == "chat":
        from firm.model.wire.chat import ChatWire

        return ChatWire()
    if name == "responses":
        from firm.model.wire.responses import ResponsesWire

        return ResponsesWire()
    if name == "anthropic":
        from firm.model.wire.anthropic import AnthropicWire

        return AnthropicWire()
    raise UsageError(f"wire {name!r} is not known; give one of chat, responses, anthropic")
