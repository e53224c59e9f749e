"""The system calls that are refused inside a box, as a filter of the kernel's (classic BPF).

One rule: it takes away what ordinary programs do not need and what namespaces do not hold: keys of the caller's
session, sockets of other families (AF_VSOCK reaches the host of a virtual machine), input pushed into a terminal,
set-user-id files in the folder, new namespaces, io_uring (which passes a filter by). The numbers are the kernel's.
"""

import errno
import platform
import struct
from dataclasses import dataclass

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _MACHINE = 0, 4
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000

_NEW_NAMESPACE = 0x7E020080  # CLONE_NEW*: user, pid, net, ipc, uts, mount, cgroup, time
_SET_ID = 0o6000
_CREATE = 0o100
_TERMINAL = (0x5412, 0x541C, 0x5423)  # TIOCSTI, TIOCLINUX, TIOCSETD
_FAMILIES = (1, 2, 10, 16)  # AF_UNIX, AF_INET, AF_INET6, AF_NETLINK

_SAME_EVERYWHERE = {
    "clone3": 435, "openat2": 437, "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427,
    "fsopen": 430, "fsconfig": 431, "fsmount": 432, "fspick": 433, "open_tree": 428, "move_mount": 429,
    "mount_setattr": 442, "quotactl_fd": 443, "fchmodat2": 452,
}  # fmt: skip
_X86_64 = {
    "add_key": 248, "request_key": 249, "keyctl": 250, "bpf": 321, "perf_event_open": 298, "userfaultfd": 323,
    "mount": 165, "umount2": 166, "pivot_root": 155, "chroot": 161, "setns": 308, "unshare": 272, "acct": 163,
    "quotactl": 179, "kexec_load": 246, "kexec_file_load": 320, "init_module": 175, "finit_module": 313,
    "delete_module": 176, "reboot": 169, "swapon": 167, "swapoff": 168, "syslog": 103, "open_by_handle_at": 304,
    "lookup_dcookie": 212, "fanotify_init": 300, "vhangup": 153, "uselib": 134, "iopl": 172, "ioperm": 173,
    "modify_ldt": 154, "clone": 56, "ioctl": 16, "socket": 41, "chmod": 90, "fchmod": 91, "fchmodat": 268,
    "open": 2, "openat": 257, "creat": 85, "mknod": 133, "mknodat": 259,
}  # fmt: skip
_GENERIC = {
    "add_key": 217, "request_key": 218, "keyctl": 219, "bpf": 280, "perf_event_open": 241, "userfaultfd": 282,
    "mount": 40, "umount2": 39, "pivot_root": 41, "chroot": 51, "setns": 268, "unshare": 97, "acct": 89,
    "quotactl": 60, "kexec_load": 104, "kexec_file_load": 294, "init_module": 105, "finit_module": 273,
    "delete_module": 106, "reboot": 142, "swapon": 224, "swapoff": 225, "syslog": 116, "open_by_handle_at": 265,
    "lookup_dcookie": 18, "fanotify_init": 262, "vhangup": 58, "clone": 220, "ioctl": 29, "socket": 198,
    "fchmod": 52, "fchmodat": 53, "openat": 56, "mknodat": 33,
}  # fmt: skip
_MACHINES = {
    "x86_64": (0xC000003E, _X86_64),
    "aarch64": (0xC00000B7, _GENERIC),
    "riscv64": (0xC00000F3, _GENERIC),
}

_ASKS_ITS_ARGUMENTS = {"clone", "ioctl", "socket", "chmod", "fchmod", "fchmodat", "fchmodat2", "open", "openat",
                       "creat", "mknod", "mknodat"}  # fmt: skip
_NOT_THERE = {"clone3", "openat2", "io_uring_setup", "io_uring_enter", "io_uring_register"}
"""Answered as an old kernel would (ENOSYS): what asks for them then does without."""
_MODE_AT = {"chmod": 1, "fchmod": 1, "fchmodat": 2, "fchmodat2": 2, "creat": 1, "mknod": 1, "mknodat": 2}


@dataclass(frozen=True, slots=True)
class _Op:
    code: int
    value: int
    then: int = 0
    otherwise: int = 0

    def packed(self) -> bytes:
        return struct.pack("=HBBI", self.code, self.then, self.otherwise, self.value)


def supported(machine: str = "") -> bool:
    """Whether there is a filter for this kind of processor."""
    return (machine or platform.machine()) in _MACHINES


def make_filter(machine: str = "") -> bytes:
    """The filter as the kernel takes it, for `x86_64`, `aarch64` or `riscv64`; '' is this machine.

    Raises:
        KeyError: there is none for that machine (see `supported`).
    """
    arch, own = _MACHINES[machine or platform.machine()]
    numbers = own | _SAME_EVERYWHERE
    made = [_Op(_LOAD, _MACHINE), _Op(_EQUAL, arch, 1), _refuse(errno.ENOSYS), _Op(_LOAD, _NUMBER)]
    if arch == _MACHINES["x86_64"][0]:  # the x32 calls, which have other numbers
        made += [_Op(_AT_LEAST, 0x40000000, 0, 1), _refuse(errno.ENOSYS)]
    for name in sorted(_ASKS_ITS_ARGUMENTS & numbers.keys()):
        asked = _questions(name)
        made += [_Op(_EQUAL, numbers[name], 0, len(asked)), *asked]
    for name in sorted(numbers.keys() - _ASKS_ITS_ARGUMENTS):
        answer = errno.ENOSYS if name in _NOT_THERE else errno.EPERM
        made += [_Op(_EQUAL, numbers[name], 0, 1), _refuse(answer)]
    return b"".join(op.packed() for op in [*made, _Op(_RETURN, _ALLOW)])


def _refuse(number: int) -> _Op:
    return _Op(_RETURN, _REFUSE | number)


def _argument(index: int) -> _Op:
    return _Op(_LOAD, 16 + 8 * index)  # its lower half; all machines named here are little-endian


def _questions(name: str) -> list[_Op]:
    """What decides about one call by its arguments; ends with an answer in every case."""
    no, yes = _refuse(errno.EPERM), _Op(_RETURN, _ALLOW)
    if name == "clone":
        return [_argument(0), _Op(_ANY_BIT, _NEW_NAMESPACE, 0, 1), no, yes]
    if name == "ioctl":
        return [_argument(1), *(_Op(_EQUAL, number, 3 - at) for at, number in enumerate(_TERMINAL)), yes, no]
    if name == "socket":
        last = len(_FAMILIES) - 1
        unknown = _refuse(errno.EAFNOSUPPORT)
        return [
            _argument(0),
            *(_Op(_EQUAL, kind, last - at + 1) for at, kind in enumerate(_FAMILIES)),
            unknown,
            yes,
        ]
    if name in ("open", "openat"):
        flags = 1 if name == "open" else 2
        return [
            _argument(flags), _Op(_ANY_BIT, _CREATE, 1), yes,
            _argument(flags + 1), _Op(_ANY_BIT, _SET_ID, 0, 1), no, yes,
        ]  # fmt: skip
    return [_argument(_MODE_AT[name]), _Op(_ANY_BIT, _SET_ID, 0, 1), no, yes]
