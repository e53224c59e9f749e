"""Level 5: an organization that plans, divides, does, checks and delivers what one person asks for.

One rule: nobody reports himself done. What was made is checked by a program or by someone else than its maker, and
what is delivered is exactly what was checked.
"""
