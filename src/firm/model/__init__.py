"""Talking to models (level 1): wire protocols, endpoints, routing, streaming, the embedded model.

One rule: every call goes through `Models.call`, and every reply is checked here before anybody believes it.
"""

from firm.model.call import chat
from firm.model.cassette import Cassette
from firm.model.error import (
    BadReply,
    BadRequest,
    ContextTooLong,
    KeyRefused,
    ModelError,
    ModelUnavailable,
    NoModel,
    NotAble,
    RateLimited,
    ReplyFiltered,
    UnknownModel,
    UnknownPrice,
)
from firm.model.message import (
    Audio,
    File,
    Image,
    Message,
    Part,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
    attach,
)
from firm.model.models import Entry, Models
from firm.model.patience import Patience
from firm.model.reply import Reply, Timing, TokenLogprob
from firm.model.request import Delta, Request, Sampling, Tool, Watch
from firm.model.scripted import ScriptedModel
from firm.model.target import Abilities, Model

__all__ = [
    "Abilities",
    "Audio",
    "BadReply",
    "BadRequest",
    "Cassette",
    "ContextTooLong",
    "Delta",
    "Entry",
    "File",
    "Image",
    "KeyRefused",
    "Message",
    "Model",
    "ModelError",
    "ModelUnavailable",
    "Models",
    "NoModel",
    "NotAble",
    "Part",
    "Patience",
    "RateLimited",
    "Reasoning",
    "Reply",
    "ReplyFiltered",
    "Request",
    "Sampling",
    "ScriptedModel",
    "Text",
    "Timing",
    "TokenLogprob",
    "Tool",
    "ToolCall",
    "ToolResult",
    "UnknownModel",
    "UnknownPrice",
    "Watch",
    "attach",
    "chat",
]
