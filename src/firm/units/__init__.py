"""What is counted, limited and dialled: tokens, money, effort.

One rule: amounts that are added up are integers; a float of money is for showing only.
"""

from firm.units.amount import NOTHING, Amount
from firm.units.budget import Budget, budget_of
from firm.units.effort import LEVELS, Effort
from firm.units.purse import Limit, Purse
from firm.units.usage import Usage

__all__ = ["LEVELS", "NOTHING", "Amount", "Budget", "Effort", "Limit", "Purse", "Usage", "budget_of"]
