"""Python's cyclic collector, while a firm is open.

One rule: a threshold that somebody else has set is left alone, and ours is gone when the last firm is closed.

At its default the collector runs after every 700 (newer Pythons: 2,000) new objects and looks at all the young
ones; with 10,000 runs in memory, which make few cycles, that costs more than the work. Memory that only cycles
hold is freed later; everything else is freed at once, as always.
"""

import gc

DEFAULTS = ((700, 10, 10), (2000, 10, 10), (2000, 10, 0))
"""What the Pythons 3.11 to 3.14 begin with."""
CALM = (50_000, 20, 20)

_before: tuple[int, int, int] | None = None
_open = 0


def calm() -> None:
    """Raise the threshold, if it stands at its default. To be followed by `restore`."""
    global _before, _open  # noqa: PLW0603  (the threshold belongs to the whole process)
    _open += 1
    if _open == 1 and gc.get_threshold() in DEFAULTS:
        _before = gc.get_threshold()
        gc.set_threshold(*CALM)


def restore() -> None:
    """Put back what was there, when the last of those who called `calm` has called this."""
    global _before, _open  # noqa: PLW0603
    _open -= 1
    if _open == 0 and _before is not None:
        if gc.get_threshold() == CALM:
            gc.set_threshold(*_before)
        _before = None
