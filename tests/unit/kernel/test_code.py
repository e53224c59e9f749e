"""Files that are imported by their path."""

import threading
from pathlib import Path

from firm.kernel.code import load_file


def test_a_thread_is_never_given_a_module_that_another_one_is_still_importing(tmp_path: Path) -> None:
    begun, go_on = threading.Event(), threading.Event()
    path = tmp_path / "half_made.py"
    path.write_text("from threading import current_thread\ncurrent_thread().half_way()\nlast = 1\n", "utf-8")

    class Importing(threading.Thread):
        def half_way(self) -> None:
            begun.set()
            assert go_on.wait(10)

        def run(self) -> None:
            load_file(path)

    first = Importing()
    first.start()
    assert begun.wait(10)
    seen: list[bool] = []
    second = threading.Thread(target=lambda: seen.append(hasattr(load_file(path), "last")))
    second.start()
    second.join(0.05)  # what it must not do is to come back now
    go_on.set()
    for thread in (first, second):
        thread.join(10)
    assert seen == [True]
