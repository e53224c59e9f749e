"""Time and events: what starts missions by itself, and costs nothing in between.

One rule: whatever starts a mission gives it an id of its own, so it is started exactly once, also when the process dies
in between; nothing here asks a model, and nothing looks again and again.
"""
