"""Ways out of a box: each is Python that is run inside, and says whether it got out.

`attack()` returns something true if it reached what it should not, or raises OSError. Those under `OPEN` get out where
there is no box (the tests hold that too, so that none of them is harmless for another reason); those under `CLOSED`
are refused by the system in many places, or would do harm.
"""

HEAD = """
import ctypes, errno, fcntl, os, platform, signal, socket, stat, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
ARM = platform.machine() != "x86_64"
def call(number, *args):
    done = libc.syscall(ctypes.c_long(number), *args)
    if done < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return done + 1
def read(path):
    with open(path, "rb") as file:
        return file.read()
"""
TAIL = """
def tried(source):
    space = dict(globals())
    try:
        exec(source, space)
        return "ESCAPED" if space["attack"]() else "nothing there"
    except OSError as error:
        return f"refused: {type(error).__name__} {error.errno}"

import json
for name, source in json.loads(sys.stdin.read()).items():
    sys.stdout.flush()
    pid = os.fork()
    if not pid:
        print(json.dumps([name, tried(source)]), flush=True)
        os._exit(0)
    os.waitpid(pid, 0)
"""

OPEN = {
    "a file outside, by its path": "def attack(): return read(SECRET)",
    "a file outside, through `..`": "def attack(): return read('../outside/secret')",
    "a symbolic link out of the folder": """
def attack():
    os.symlink(SECRET, "link")
    return read("link")
""",
    "a folder that is a symbolic link out": """
def attack():
    os.symlink(os.path.dirname(SECRET), "linked")
    with open("linked/new", "x") as file:
        return file.write("x")
""",
    "a symbolic link that was there before": "def attack(): return read('planted')",
    "a hard link": """
def attack():
    os.link(SECRET, "hard")
    return read("hard")
""",
    "the root of a process": "def attack(): return read('/proc/self/root' + SECRET)",
    "the roots of all processes": """
def attack():
    for pid in filter(str.isdecimal, os.listdir("/proc")):
        try:
            if read(f"/proc/{pid}/root" + SECRET):
                return True
        except OSError:
            pass
""",
    "the environment of processes outside": """
def attack():
    for pid in filter(str.isdecimal, os.listdir("/proc")):
        try:
            if CANARY[::-1].encode() in read(f"/proc/{pid}/environ"):
                return True
        except OSError:
            pass
""",
    "the memory of a process outside": """
def attack():
    start = int(read(f"/proc/{PID}/maps").split(b"-")[0], 16)
    with open(f"/proc/{PID}/mem", "rb") as memory:
        memory.seek(start)
        return memory.read(16)
""",
    "a signal to a process outside": """
def attack():
    os.kill(PID, 0)
    return True
""",
    "ptrace of a process outside": """
def attack():
    ctypes.set_errno(0)
    if libc.ptrace(0x4206, PID, None, None) < 0:  # PTRACE_SEIZE, which does not stop it
        raise OSError(ctypes.get_errno(), "ptrace")
    return True
""",
    "a port of the host's loopback": """
def attack():
    return socket.create_connection(("127.0.0.1", PORT), 5).recv(5)
""",
    "an abstract socket of the host": """
def attack():
    with socket.socket(socket.AF_UNIX) as client:
        client.connect("\\0" + ABSTRACT)
        return client.recv(5)
""",
    "a socket in a folder outside": """
def attack():
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(os.path.dirname(SECRET) + "/socket")
        return client.recv(5)
""",
    "the host's shared memory": "def attack(): return read('/dev/shm/' + ABSTRACT)",
    "the host's temporary files": "def attack(): return read('/tmp/' + ABSTRACT)",
    "the firm's journal": "def attack(): return read('.firm/journal')",
    "the firm's journal, by another way": "def attack(): return read(os.getcwd() + '/./sub/../.firm/journal')",
    "a firm's journal further down": "def attack(): return read('sub/deep/.firm/journal')",
    "the firm's folder, renamed": """
def attack():
    os.rename(".firm", "mine")
    os.rename("mine", ".firm")
    return True
""",
    "a file in the firm's folder": """
def attack():
    with open(".firm/new", "w") as file:
        file.write("x")
    os.unlink(".firm/new")
    return True
""",
    "the firm's folder in what is readable": "def attack(): return read(READABLE + '/.firm/journal')",
    "writing to what is readable": """
def attack():
    with open(READABLE + "/new", "x") as file:
        file.write("x")
    os.unlink(READABLE + "/new")
    return True
""",
    "changing the mode of what is readable": """
def attack():
    os.chmod(READABLE + "/shown", 0o644)
    return True
""",
    "a set-user-id file": """
def attack():
    open("tool", "w").close()
    os.chmod("tool", 0o4755)
    return os.stat("tool").st_mode & stat.S_ISUID
""",
    "a set-user-id file, made so": """
def attack():
    os.close(os.open("tool", os.O_CREAT | os.O_WRONLY, 0o6755))
    return os.stat("tool").st_mode & stat.S_ISUID
""",
    "a key of the caller's session": """
def attack():  # add_key("user", "box", "x", 1, KEY_SPEC_PROCESS_KEYRING)
    return call(217 if ARM else 248, b"user", b"box", b"x", ctypes.c_size_t(1), ctypes.c_int(-2))
""",
}

CLOSED = {
    "a descriptor that was left open": """
def attack():
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2:
            try:
                if CANARY[::-1].encode() in os.pread(int(name), 4096, 0):
                    return True
            except OSError:
                pass
""",
    "the caller's environment": "def attack(): return CANARY[::-1] in ''.join(os.environ.values())",
    "a name server": """
def attack():
    return socket.getaddrinfo("example.com", 443)
""",
    "an address outside": """
def attack():
    return socket.create_connection(("192.0.2.1", 80), 5)
""",
    "the host of a virtual machine (AF_VSOCK)": """
def attack():
    return socket.socket(40, socket.SOCK_STREAM)
""",
    "raw packets": """
def attack():
    return socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
""",
    "mounting": """
def attack():
    if libc.mount(b"none", b"/tmp", b"tmpfs", 0, None) < 0:
        raise OSError(ctypes.get_errno(), "mount")
    return True
""",
    "making a mount writable": """
def attack():
    if libc.mount(None, b"/usr", None, 32 | 4096, None) < 0:  # MS_REMOUNT | MS_BIND
        raise OSError(ctypes.get_errno(), "mount")
    return True
""",
    "unmounting what hides the firm's folder": """
def attack():
    if libc.umount2(b".firm", 2) < 0:
        raise OSError(ctypes.get_errno(), "umount2")
    return True
""",
    "a user namespace of its own": """
def attack():
    if libc.unshare(0x10000000) < 0:
        raise OSError(ctypes.get_errno(), "unshare")
    return True
""",
    "a user namespace of its own, by clone": """
def attack():
    pid = call(220 if ARM else 56, ctypes.c_ulong(0x10000000 | signal.SIGCHLD), None, None, None, None)
    if pid == 1:
        os._exit(0)
    return pid
""",
    "the namespace of process 1": """
def attack():
    if libc.setns(os.open("/proc/1/ns/mnt", os.O_RDONLY), 0) < 0:
        raise OSError(ctypes.get_errno(), "setns")
    return True
""",
    "chroot": """
def attack():
    os.chroot("/tmp")
    return True
""",
    "io_uring": """
def attack():
    return call(425, 1, ctypes.create_string_buffer(120))
""",
    "BPF": """
def attack():
    return call(280 if ARM else 321, 0, ctypes.create_string_buffer(64), 64)
""",
    "calls with the numbers of another table": """
def attack():  # x32: getpid
    if ARM:
        raise OSError(errno.ENOSYS, "no such table")
    return call(0x40000000 + 39)
""",
    "a device": """
def attack():
    os.mknod("disk", stat.S_IFBLK | 0o600, os.makedev(254, 0))
    return True
""",
    "settings of the kernel": """
def attack():
    for folder, _, names in os.walk("/proc/sys"):
        for name in names:
            try:
                os.close(os.open(folder + "/" + name, os.O_WRONLY))
            except OSError:
                continue
            return True
""",
    "the pattern of memory dumps": "def attack(): return open('/proc/sys/kernel/core_pattern', 'r+')",
    "the kernel's emergency key": "def attack(): return open('/proc/sysrq-trigger', 'w')",
    "the kernel's memory": "def attack(): return read('/proc/kcore')[:1]",
    "a file at the root": "def attack(): return open('/new', 'x')",
    "a file among the devices": "def attack(): return open('/dev/new', 'x')",
    "the list of users": """
def attack():
    with open("/etc/passwd", "a") as file:
        return file.write("root2::0:0::/:/bin/sh")
""",
    "passwords": "def attack(): return read('/etc/shadow')",
    "becoming another user": """
def attack():
    os.setuid(0)
    return True
""",
    "a program with set-user-id": """
def attack():
    import subprocess
    done = subprocess.run(["/bin/su", "-c", "id -u"], capture_output=True, stdin=subprocess.DEVNULL)
    return done.stdout.strip() == b"0"
""",
    "keys typed into the terminal": """
def attack():
    fcntl.ioctl(os.open("/dev/tty", os.O_RDWR), 0x5412, b"x")
    return True
""",
    "keys typed into a terminal of its own": """
def attack():
    import pty
    os.setsid() if os.getpgrp() != os.getpid() else None
    main, other = pty.openpty()
    fcntl.ioctl(other, 0x540E, 0)
    fcntl.ioctl(other, 0x5412, b"x")
    return True
""",
    "ending everything": """
def attack():
    for signum in (signal.SIGTERM, signal.SIGKILL):
        for pid in (1, PID):
            try:
                os.kill(pid, signum)
            except ProcessLookupError:
                pass
""",
}
