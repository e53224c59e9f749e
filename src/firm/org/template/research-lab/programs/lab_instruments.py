"""The instruments of the laboratory: Python files of the folder `instruments/`, one phenomenon each.

One rule: an instrument runs in a process of its own, and nobody here sees what stands in its `measure`.
"""

from pathlib import Path
from typing import Any

from firm.errors import UsageError
from firm.lab.order import Source
from firm.lab.phenomenon import instrument
from firm.lab.phenomenon.finding import Sheet
from firm.org.assignment import Assignment, Made
from firm.org.house import folder

INSTRUMENTS = "instruments"


def inventory(given: Assignment) -> Made:
    """All instruments, and why others of the folder cannot be used."""
    home = folder()
    found, left_out = [], []
    for path in sorted((home / INSTRUMENTS).glob("*.py")):
        try:
            sheet = instrument.describe(source_of(home, f"{INSTRUMENTS}/{path.name}"))
        except UsageError as error:
            left_out.append(f"{path.name}: {error}")
            continue
        if sheet.times:
            left_out.append(
                f"{path.name}: it has a course in time; `firm lab {INSTRUMENTS}/{path.name}` looks for its law"
            )
        else:
            found.append(told(sheet, f"{INSTRUMENTS}/{path.name}"))
    if not found:
        raise UsageError(
            f"{INSTRUMENTS}/ has no instrument that can be used; {'; '.join(left_out) or 'it is empty'}"
        )
    return Made(data={"instruments": found, "left_out": left_out})


def source_of(home: Path, file: str) -> Source:
    """Where an instrument is stated."""
    return Source(str(home / file), "")


def told(sheet: Sheet, file: str) -> dict[str, Any]:
    """What may be known of an instrument."""
    inputs = [
        {
            "name": one.name,
            "unit": one.unit,
            "range": [one.low, one.high],
            "must_hold_in": [one.wide_low, one.wide_high],
        }
        for one in sheet.inputs
    ]
    [(name, unit)] = sheet.outputs
    return {
        "name": sheet.name,
        "file": file,
        "question": sheet.question,
        "inputs": inputs,
        "output": {"name": name, "unit": unit},
        "experiments": sheet.experiments,
        "usd_each": sheet.price,
    }


def chosen(given: Assignment) -> dict[str, Any]:
    """The instrument that the hypotheses have chosen.

    Raises:
        UsageError: there is none of this name.
    """
    name = given.input("hypotheses").data["instrument"]
    return named(given.input("instruments").data["instruments"], name)


def named(instruments: list[dict[str, Any]], name: str) -> dict[str, Any]:
    """An instrument by its name.

    Raises:
        UsageError: there is none of this name.
    """
    for one in instruments:
        if one["name"] == name:
            return one
    known = ", ".join(one["name"] for one in instruments)
    raise UsageError(f"there is no instrument {name!r}; there are: {known}. Put another into {INSTRUMENTS}/")
