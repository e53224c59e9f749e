"""`import firm` and `firm --help`, in processes of their own, the best of ten."""

import subprocess
import sys
import time

from bench import machine, tell


def best_s(*command: str) -> float:
    times = []
    for _ in range(10):
        begun = time.perf_counter()
        subprocess.run([sys.executable, *command], check=True, capture_output=True)
        times.append(time.perf_counter() - begun)
    return min(times)


def main() -> None:
    bare = best_s("-c", "pass")
    tell("python -c pass", bare * 1e3, "ms", **machine())
    tell("import firm, over that", (best_s("-c", "import firm") - bare) * 1e3, "ms", goal="under 100")
    tell(
        "from firm import Firm, workflow, step, over that",
        (best_s("-c", "from firm import Firm, workflow, step") - bare) * 1e3,
        "ms",
    )
    tell("firm --help", best_s("-m", "firm.cli", "--help") * 1e3, "ms", goal="under 300")


if __name__ == "__main__":
    main()
