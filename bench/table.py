"""A table of what was measured: `python bench/table.py bench/out/*.json`."""

import json
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table


def main() -> None:
    table = Table(title="firm, measured here")
    for name in ("measurement", "value", "unit", "goal"):
        table.add_column(name, justify="right" if name == "value" else "left")
    for path in map(Path, sys.argv[1:]):
        table.add_section()
        for line in path.read_text().splitlines():
            row = json.loads(line)
            table.add_row(row["name"], f"{row['value']:,g}", row["unit"], row["goal"])
    Console().print(table)


if __name__ == "__main__":
    main()
