"""What the measurements share: one line of JSON per figure, with its goal and how it was taken."""

import json
import os
import platform
import sys
from typing import Any


def tell(name: str, value: float, unit: str, *, goal: str = "", **more: Any) -> None:
    """Print one figure."""
    line = {"name": name, "value": round(value, 3), "unit": unit, "goal": goal, **more}
    print(json.dumps(line), flush=True)


def machine() -> dict[str, Any]:
    """What it was measured on."""
    return {
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "load_1m": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.machine()}",
        "argv": sys.argv[0].rsplit("/", 1)[-1],
    }
