"""What is counted and dialled: tokens, effort.

One rule: amounts that are added up are integers; a float of money is for showing only.
"""

from firm.units.effort import LEVELS, Effort
from firm.units.usage import Usage

__all__ = ["LEVELS", "Effort", "Usage"]
