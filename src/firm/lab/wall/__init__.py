"""The wall between candidates and what judges them.

One rule: a candidate never shares a process with its scorer. What a candidate is comes over as data; what it is worth
is worked out anew on the other side, by the founder's own code, in a process that has no network, no keys and nothing
of the caller's environment.
"""
