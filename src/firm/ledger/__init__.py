"""What may be spent and what was: accounts, reservations, budgets, prices.

One rule: nothing is spent that was not reserved before, and what is reserved and spent never passes a limit.
"""
