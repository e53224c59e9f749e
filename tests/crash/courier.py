"""The process that is killed while it delivers: `python courier.py HOME FUNCTION WHEN`.

It delivers the mission of `tests/unit/org/deliver/outcomes.py` in HOME, and kills itself `before` or `after` the first
call of one function of `firm.org.deliver`, such as `handover._move`; 'none': it goes on to the end.
"""

import importlib
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "org" / "deliver"))

from outcomes import outcome

from firm.org.deliver import deliver


def deadly(function: Callable[..., Any], when: str) -> Callable[..., Any]:
    """The function, and no more life before or after it."""

    def dies(*args: Any, **kwargs: Any) -> Any:
        if when == "after":
            function(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGKILL)

    return dies


if __name__ == "__main__":
    home, place, when = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    if place != "none":
        module, _, name = place.partition(".")
        found = importlib.import_module(f"firm.org.deliver.{module}")
        setattr(found, name, deadly(getattr(found, name), when))
    print(deliver(outcome(home), home, "Wing Works").commit)
