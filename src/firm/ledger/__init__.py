"""What may be spent and what was: accounts, reservations, budgets, prices.

One rule: nothing is spent that was not reserved before, and what is reserved and spent never passes a limit.
"""

from firm.ledger.books import Books, Sum
from firm.ledger.forward import books_of
from firm.ledger.ledger import Ledger
from firm.ledger.line import NO_TAGS, Tags
from firm.ledger.pen import Keeper
from firm.ledger.reservation import Reservation
from firm.ledger.view import LimitView, PurseView

__all__ = [
    "NO_TAGS",
    "Books",
    "Keeper",
    "Ledger",
    "LimitView",
    "PurseView",
    "Reservation",
    "Sum",
    "Tags",
    "books_of",
]
