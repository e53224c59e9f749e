"""Control tokens in what is said: broken up, so that text stays text.

One rule: the embedded server reads its template's marks wherever they stand, so whatever comes from outside (a page, a
file, a mail) could end its own message and open another one. A space after the first bracket makes text of it.
"""

import re

import msgspec

from firm.model.message import Message, Part, Text, ToolResult
from firm.model.request import Request

_MARK = re.compile(
    r"<(?=\|[^<>|\s]{1,40}\|>|/?(?:s|tool_call|tool_response|tools|start_of_turn|end_of_turn|think)>)|\[(?=/?INST\])"
)
"""Where a mark begins: of ChatML and Llama 3, of Gemma, of Qwen's tools, of Llama 2."""


def harmless(request: Request) -> Request:
    """The request without control tokens in its messages, but for those of the system."""
    if not any(_MARK.search(_text_of(message)) for message in request.messages):
        return request
    return msgspec.structs.replace(request, messages=tuple(map(_broken, request.messages)))


def _text_of(message: Message) -> str:
    if message.role == "system":
        return ""
    return "".join([part.text for part in message.parts if isinstance(part, Text | ToolResult)])


def _broken(message: Message) -> Message:
    if message.role == "system":
        return message
    if isinstance(message.content, str):
        return Message(message.role, _apart(message.content))
    return Message(message.role, tuple(map(_part, message.content)))


def _part(part: Part) -> Part:
    if isinstance(part, Text | ToolResult):
        return msgspec.structs.replace(part, text=_apart(part.text))
    return part


def _apart(text: str) -> str:
    return _MARK.sub(lambda found: found.group() + " ", text)
