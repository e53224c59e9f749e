"""XFOIL as a program: a section's outline and angles in, lift, drag and moment out.

One rule: what XFOIL did not converge on is None, and nothing is guessed for it. A converged point can be false all the
same; what rests on XFOIL asks it twice, on other panels and from another side (`wing.py` does).

Debian's package traps floating-point exceptions, and XFOIL divides by zero in the first viscous point, on purpose and
without harm; so the packaged program dies there. The trap is set by one call, `_gfortran_set_fpe(5)`, at the start. A
copy in which that name reads `_gfortran_iargc`, a function of the same library that only counts arguments, sets no
trap and computes the same. The copy is made in memory (16 ms once a process), so it needs no compiler, writes no file
and leaves the installed program alone.

XFOIL: Mark Drela, MIT; GPL; https://web.mit.edu/drela/Public/web/xfoil/
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from wing_shape import Points

TRAP = b"\0_gfortran_set_fpe\0"
NO_TRAP = b"\0_gfortran_iargc\0\0\0"
LEAST_DRAG = 0.0026
"""Drag of a plate, both sides wetted, with a laminar boundary layer, at Reynolds number 1e6 (Blasius: 2 · 1.328 /
sqrt(Re) = 0.00266). A section that is said to have less does not exist; it is how false convergence often shows."""


@dataclass(frozen=True, slots=True)
class Air:
    """What the section flies in."""

    reynolds: float = 1e6
    ncrit: float = 9.0
    """Amplification at which the flow turns turbulent: 9 is a clean wind tunnel, 5 a dirty one."""


@dataclass(frozen=True, slots=True)
class Mesh:
    """How finely XFOIL looks, and how long it tries."""

    panels: int = 160
    """60 to 360."""
    iterations: int = 40
    """At most so many Newton steps for one angle."""


@dataclass(frozen=True, slots=True)
class Flown:
    """A section at one angle."""

    angle_deg: float
    lift: float
    drag: float
    moment: float
    """About the quarter chord; negative pitches the nose down."""

    @property
    def glide(self) -> float:
        """Lift over drag."""
        return self.lift / self.drag


def trouble() -> str:
    """Why XFOIL cannot be used here; empty where it can."""
    if not hasattr(os, "memfd_create"):
        return "XFOIL is called on Linux only"
    if (path := _installed()) is None:
        return "there is no xfoil here; on Debian and Ubuntu: apt-get install xfoil"
    return "" if path.read_bytes()[:4] == b"\x7fELF" else f"{path} is no program that can be called"


def fly(
    outline: Points,
    angles_deg: Sequence[float],
    air: Air = Air(),
    mesh: Mesh = Mesh(),
    *,
    wall_s: float = 10.0,
) -> list[Flown | None]:
    """Fly a section at each of the angles, in this order: each begins where the one before it ended.

    Args:
        outline: From the tail along the upper side to the nose and back; chord 1.
        angles_deg: At least one; steps of about a degree, as a bold step does not converge.
        air, mesh: What it flies in, and how finely it is looked at.
        wall_s: Then XFOIL is killed; what it has said by then counts.

    Returns:
        For each angle what was found, or None where XFOIL did not converge.
    """
    with _file("section", _coordinates(outline)) as section:
        words = _talk(_commands(section, angles_deg, air, mesh), section, wall_s)
    said = [_read(part, air) for part in words.split(".OPERv   c>")[1:]]
    found: list[Flown | None] = []
    for angle_deg in angles_deg:
        at = next(
            (number for number, one in enumerate(said) if one and abs(one.angle_deg - angle_deg) < 2e-3), None
        )
        found.append(None if at is None else said[at])
    return found


def _commands(section: int, angles_deg: Sequence[float], air: Air, mesh: Mesh) -> str:
    lines = ["PLOP", "G", "", f"LOAD /proc/self/fd/{section}", "PPAR", f"N {mesh.panels}", "", "", "OPER"]
    lines += [f"VISC {air.reynolds:.0f}", "VPAR", f"N {air.ncrit:g}", "", f"ITER {mesh.iterations}"]
    lines += [f"ALFA {angle_deg:.6f}" for angle_deg in angles_deg]
    return "\n".join([*lines, "", "", "QUIT", ""])


def _talk(commands: str, section: int, wall_s: float) -> str:
    """All that XFOIL says; it gets nothing of this process but the two files."""
    program = _program()
    with subprocess.Popen(
        ["xfoil"],
        executable=f"/proc/self/fd/{program}",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        pass_fds=(program, section),
        env={},
        cwd="/",
        text=True,
        errors="replace",
    ) as process:
        try:
            return process.communicate(commands, timeout=wall_s)[0]
        except subprocess.TimeoutExpired:
            process.kill()
            return process.communicate()[0]


_POINT = re.compile(
    r"a =\s*(?P<angle>\S+)\s+CL =\s*(?P<lift>\S+)\s+Cm =\s*(?P<moment>\S+)\s+CD =\s*(?P<drag>\S+)\s"
)


def _read(part: str, air: Air) -> Flown | None:
    """What XFOIL said to one command; None where that is no converged point."""
    if "onvergence failed" in part or "VISCAL" in part:
        return None
    last = next(reversed(list(_POINT.finditer(part))), None)
    try:
        numbers = {} if last is None else {name: float(value) for name, value in last.groupdict().items()}
    except ValueError:  # asterisks, where a number did not fit
        return None
    if not numbers or not numbers["drag"] >= LEAST_DRAG * (1e6 / air.reynolds) ** 0.5:
        return None
    return Flown(numbers["angle"], numbers["lift"], numbers["drag"], numbers["moment"])


def _coordinates(outline: Points) -> bytes:
    return ("section\n" + "\n".join(f"{x:.8f} {y:.8f}" for x, y in outline) + "\n").encode()


@contextmanager
def _file(name: str, content: bytes) -> Iterator[int]:
    """A file that exists in memory only, while the block lasts."""
    number = _in_memory(name, content)
    try:
        yield number
    finally:
        os.close(number)


def _in_memory(name: str, content: bytes) -> int:
    number = os.memfd_create(name)
    with os.fdopen(os.dup(number), "wb") as file:
        file.write(content)
    return number


def _installed() -> Path | None:
    found = shutil.which("xfoil", path=os.environ.get("PATH") or os.defpath)
    return None if found is None else Path(found)


@cache
def _program() -> int:
    """The copy that does not trap, as a file in memory; made once a process."""
    path = _installed()
    if path is None:
        raise FileNotFoundError(trouble())
    return _in_memory("xfoil", path.read_bytes().replace(TRAP, NO_TRAP))
