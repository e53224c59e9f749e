"""The founder's desk: close calls with experts' opinions, the record of each expert, and the daily briefing.

One rule: everything comes to the founder with what it costs, what waiting costs and what happens if nobody answers;
what cannot be taken back is decided by an answer alone.
"""

from typing import TYPE_CHECKING

from firm.org.desk.call import CloseCall, Decision, Heard, Opinion, Option
from firm.org.desk.deciding import close_call, decide
from firm.org.desk.expert import experts

if TYPE_CHECKING:
    from firm.org.desk.briefing import Briefing, brief
    from firm.org.desk.daily import daily_briefing, ensure_briefing

__all__ = [
    "Briefing",
    "CloseCall",
    "Decision",
    "Heard",
    "Opinion",
    "Option",
    "brief",
    "close_call",
    "daily_briefing",
    "decide",
    "ensure_briefing",
    "experts",
]
_FROM = {
    "Briefing": "briefing",
    "brief": "briefing",
    "daily_briefing": "daily",
    "ensure_briefing": "daily",
}


def __getattr__(name: str) -> object:
    if name not in _FROM:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"{__name__}.{_FROM[name]}"), name)
