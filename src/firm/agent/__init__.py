"""Tools that models call, each call through the gate.

One rule: nothing outside is touched by a tool but through `firm.policy`'s gate.
"""
