"""The arguments with which bubblewrap builds a box.

One rule: they follow from the box, from what was seen of its folder and from where this system keeps its programs;
nothing that lies in the folder can change them.
"""

import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from firm.sandbox.box import INSIDE, SETTINGS, STATE, Box

NOBODY = 65534
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/tmp",
    "TMPDIR": "/tmp",
    "LANG": "C.UTF-8",
}
"""What every box has; `Box.env` may say otherwise."""
USERS = b"root:x:0:0::/:/usr/sbin/nologin\nnobody:x:65534:65534:nobody:/tmp:/bin/sh\n"
GROUPS = b"root:x:0:\nnogroup:x:65534:\n"

_SYSTEM = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_SETTINGS = ("ld.so.cache", "alternatives", "localtime", "mime.types", "fonts")
_NETWORK = ("resolv.conf", "hosts", "host.conf", "nsswitch.conf", "gai.conf", "services", "protocols", "ssl",
            "ca-certificates", "ca-certificates.conf", "pki")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Descriptors:
    """Numbers of the open files that bubblewrap is handed."""

    users: int
    groups: int
    filter: int
    told: int
    """Where it writes the number of the first process inside."""
    held: int
    """What it waits for before the command is started."""


def find_bubblewrap() -> str | None:
    """The program, in the folders of PATH and beside this Python; None where it is missing."""
    beside = str(Path(sys.executable).parent)
    return shutil.which("bwrap", path=os.pathsep.join([os.environ.get("PATH", os.defpath), beside]))


def make_arguments(box: Box, masks: Mapping[str, str], open_files: Descriptors) -> list[str]:
    """All arguments before `--`.

    Args:
        box: What is to be seen.
        masks: Folders that stay empty inside, as they are named there; see `survey`.
        open_files: What bubblewrap reads from and writes to.
    """
    return [
        *_separation(box),
        *_environment(box),
        *_system(network=box.network),
        *("--ro-bind-data", str(open_files.users), "/etc/passwd"),
        *("--ro-bind-data", str(open_files.groups), "/etc/group"),
        *_scratch(box),
        *(word for path in box.readable for word in ("--ro-bind", str(path.resolve()), str(path))),
        *("--bind", str(box.folder.resolve()), INSIDE),
        *(word for inside in masks for word in ("--tmpfs", inside, "--remount-ro", inside)),
        *(word for inside, state in masks.items() for word in _settings_beside(inside, Path(state))),
        # /proc too: where root runs this, the settings of the kernel in it are root's, whatever a namespace says
        *("--remount-ro", "/proc", "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", INSIDE),
        *("--seccomp", str(open_files.filter)),
        *("--info-fd", str(open_files.told), "--block-fd", str(open_files.held)),
    ]


def _settings_beside(inside: str, state: Path) -> tuple[str, ...]:
    """The settings of a firm whose home is seen: they can be read, and say what agents may do."""
    settings = state.with_name(SETTINGS)
    if state.name != STATE or not settings.is_file() or settings.is_symlink():
        return ()
    return "--ro-bind", str(settings), str(Path(inside).with_name(SETTINGS))


def _separation(box: Box) -> Iterator[str]:
    yield from ("--unshare-all", "--unshare-user", "--disable-userns")
    if box.network:
        yield "--share-net"
    yield from ("--die-with-parent", "--new-session", "--cap-drop", "ALL", "--hostname", "box")
    yield from ("--uid", str(NOBODY), "--gid", str(NOBODY))


def _environment(box: Box) -> Iterator[str]:
    yield "--clearenv"
    for name, value in (ENVIRONMENT | dict(box.env)).items():
        yield from ("--setenv", name, value)


def _system(*, network: bool) -> Iterator[str]:
    yield from ("--ro-bind", "/usr", "/usr")
    for name in _SYSTEM:
        place = Path("/", name)
        if place.is_symlink():
            yield from ("--symlink", os.readlink(place), str(place))
        elif place.exists():
            yield from ("--ro-bind", str(place), str(place))
    yield from ("--dir", "/etc")
    for name in (*_SETTINGS, *(_NETWORK if network else ())):
        if (place := Path("/etc", name)).exists():
            yield from ("--ro-bind", str(place.resolve()), str(place))


def _scratch(box: Box) -> Iterator[str]:
    """A /proc and /dev of its own, and memory for temporary files."""
    room = str(box.limits.memory_bytes // 2)
    yield from ("--proc", "/proc", "--dev", "/dev", "--size", room, "--perms", "1777", "--tmpfs", "/dev/shm")
    yield from (
        "--size",
        room,
        "--perms",
        "1777",
        "--tmpfs",
        "/tmp",
        "--dir",
        "/var",
        "--symlink",
        "/tmp",
        "/var/tmp",
    )


def packed(arguments: Sequence[str]) -> bytes:
    """Arguments as `--args` reads them, so that no list of processes shows them."""
    return b"".join(os.fsencode(word) + b"\0" for word in arguments)
