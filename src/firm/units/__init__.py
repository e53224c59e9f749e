"""What is counted and dialled: tokens, budgets, effort.

One rule: amounts that are added up are integers; a float of money is for showing only.
"""

from firm.units.budget import Budget
from firm.units.effort import LEVELS, Effort
from firm.units.usage import Usage

__all__ = ["LEVELS", "Budget", "Effort", "Usage"]
