"""What may be done, and who says so: risk, rules, capabilities, labels, approvals, keys and secrets.

One rule: in doubt it is closed: what no rule, capability or mandate covers is asked or denied, never let through.
"""
