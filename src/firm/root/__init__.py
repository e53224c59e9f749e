"""`Firm`: the one place where all parts are put together.

One rule: only this package knows all those to its left; they know it not.
"""

from firm.root.door import run
from firm.root.firm import Firm
from firm.root.handle import Run
from firm.root.view import EventView, QuestionView, RunView

__all__ = ["EventView", "Firm", "QuestionView", "Run", "RunView", "run"]
