"""The filter of system calls, run through a small interpreter of its language."""

import errno
import struct

import pytest

from firm.sandbox.seccomp import make_filter, supported

ALLOWED = 0
ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7, "riscv64": 0xC00000F3}


def verdict(machine: str, number: int, *args: int, arch: int | None = None) -> int:
    """0 where the call is let through, else the error it is answered with."""
    words = struct.pack("=IIQ", number, ARCH[machine] if arch is None else arch, 0)
    words += b"".join(struct.pack("=Q", value) for value in (*args, *[0] * (6 - len(args))))
    program = list(struct.iter_unpack("=HBBI", make_filter(machine)))
    at = held = 0
    while True:
        code, then, otherwise, value = program[at]
        at += 1
        if code == 0x20:
            (held,) = struct.unpack_from("=I", words, value)
        elif code == 0x06:
            return 0 if value == 0x7FFF0000 else value & 0xFFFF
        else:
            held_so = {0x15: held == value, 0x35: held >= value, 0x45: bool(held & value)}[code]
            at += then if held_so else otherwise


@pytest.mark.parametrize("machine", sorted(ARCH))
def test_a_filter_is_well_formed(machine: str) -> None:
    program = list(struct.iter_unpack("=HBBI", make_filter(machine)))
    assert len(program) < 4096
    for at, (code, then, otherwise, _) in enumerate(program[:-1]):
        assert code in (0x20, 0x06, 0x15, 0x35, 0x45)
        assert at + 1 + max(then, otherwise) < len(program)
    assert program[-1] == (0x06, 0, 0, 0x7FFF0000)


CALLS = [
    ("read", (0, 63), (), ALLOWED),
    ("execve", (59, 221), (), ALLOWED),
    ("openat without making it", (257, 56), (0, 0, 0, 0o6755), ALLOWED),
    ("openat, making it", (257, 56), (0, 0, 0o101, 0o644), ALLOWED),
    ("openat, making it set-user-id", (257, 56), (0, 0, 0o101, 0o4755), errno.EPERM),
    ("openat2", (437, 437), (), errno.ENOSYS),
    ("fchmodat", (268, 53), (0, 0, 0o755), ALLOWED),
    ("fchmodat with set-group-id", (268, 53), (0, 0, 0o2755), errno.EPERM),
    ("fchmodat2 with set-user-id", (452, 452), (0, 0, 0o4755), errno.EPERM),
    ("clone of a thread", (56, 220), (0x3D0F00,), ALLOWED),
    ("clone with a user namespace", (56, 220), (0x10000011,), errno.EPERM),
    ("clone3", (435, 435), (), errno.ENOSYS),
    ("unshare", (272, 97), (), errno.EPERM),
    ("ioctl TCGETS", (16, 29), (0, 0x5401), ALLOWED),
    ("ioctl TIOCSTI", (16, 29), (0, 0x5412), errno.EPERM),
    ("ioctl TIOCSTI with upper bits", (16, 29), (0, 0xFFFFFFFF00005412), errno.EPERM),
    ("ioctl TIOCLINUX", (16, 29), (0, 0x541C), errno.EPERM),
    ("ioctl TIOCSETD", (16, 29), (0, 0x5423), errno.EPERM),
    *((f"socket of family {kind}", (41, 198), (kind,), ALLOWED) for kind in (1, 2, 10, 16)),
    *((f"socket of family {kind}", (41, 198), (kind,), errno.EAFNOSUPPORT) for kind in (0, 17, 31, 38, 40)),
    ("keyctl", (250, 219), (), errno.EPERM),
    ("io_uring_setup", (425, 425), (), errno.ENOSYS),
    ("bpf", (321, 280), (), errno.EPERM),
]


@pytest.mark.parametrize("machine", sorted(ARCH))
@pytest.mark.parametrize(("name", "numbers", "args", "expected"), CALLS)
def test_calls_are_let_through_or_refused(
    name: str, numbers: tuple[int, int], args: tuple[int, ...], expected: int, machine: str
) -> None:
    assert verdict(machine, numbers[machine != "x86_64"], *args) == expected


@pytest.mark.parametrize("machine", sorted(ARCH))
def test_calls_of_another_machine_are_not_there(machine: str) -> None:
    assert verdict(machine, 1, arch=0x40000003) == errno.ENOSYS
    assert verdict(machine, 1) == ALLOWED


def test_the_x32_table_is_not_there() -> None:
    assert verdict("x86_64", 0x40000000) == errno.ENOSYS


def test_machines_without_a_filter_are_known() -> None:
    assert supported("aarch64") and not supported("s390x")
