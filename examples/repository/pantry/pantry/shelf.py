"""The shelf: what lies there, and until when it is good."""

from datetime import timedelta


def soon(shelf, today, days):
    """What has to be used within so many days, the last of them included; the most urgent first.

    What is past its day already is not among them, see `spoiled`.
    """
    last = today + timedelta(days=days)
    urgent = [(until, name) for name, until in shelf.items() if today <= until < last]
    return [name for _, name in sorted(urgent)]


def spoiled(shelf, today):
    """What was good until a day that is over, by name."""
    return sorted(name for name, until in shelf.items() if until < today)
