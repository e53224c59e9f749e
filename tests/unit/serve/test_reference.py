"""The page about the API says what the code does."""

import importlib
import re
from pathlib import Path

from firm.serve import api, refusal

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "api.md").read_text("utf-8")
SOURCE = Path(api.__file__).parent
UNITS = {"MiB": 1024 * 1024, "KiB": 1024}


def rows(title: str) -> list[list[str]]:
    """Cells of the lines of the tables under a heading."""
    section = PAGE.split(f"## {title}\n")[1].split("\n## ")[0]
    return [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in re.findall(r"^\|.+\|$", section, re.M)[2:]
    ]


def test_every_path_and_every_code_is_described() -> None:
    assert [path for path in (*api.DIALECTS, api.EMBEDDINGS, api.MODELS) if f"{path}`" not in PAGE] == []
    described = {code for row in rows("When it goes wrong") for code in re.findall(r"`([a-z_]+)`", row[1])}
    known = {(str(status), code) for _, status, code in refusal._KNOWN}
    minor = {"unavailable", "deadline_exceeded", "nested_too_deeply"}
    assert {code for _, code in known} - described - minor == set()
    statuses = {
        (row[0], code) for row in rows("When it goes wrong") for code in re.findall(r"`([a-z_]+)`", row[1])
    }
    assert {pair for pair in known if pair[1] in described} - statuses == set()
    written = "".join(path.read_text("utf-8") for path in SOURCE.glob("*.py"))
    assert [code for code in described if f'"{code}"' not in written] == []


def test_the_limits_are_those_in_the_code() -> None:
    table = rows("Limits")
    assert len(table) == 10
    for what, limit, where in table:
        module, _, name = where.strip("`").rpartition(".")
        value = getattr(importlib.import_module(module), name)
        figures = [
            float(number.replace(",", "")) * UNITS.get(unit, 1)
            for number, unit in re.findall(r"(\d[\d,]*)(?: (MiB|KiB))?", limit)
        ]
        assert value in figures, what
