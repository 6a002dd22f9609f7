"""The last step before a container's program: surroundings of its own, then exec. Runs as ``python -I -S launcher.py``.

A script and not a module of the package on purpose: it starts once per container and imports next to nothing.
Its only argument is JSON, see ``Launch`` in process.py. What goes wrong before the exec is written as one line to the
status descriptor; a successful exec closes that descriptor silently.
"""

import _signal  # type: ignore[import-not-found]  # what signal is made of, without its enums
import _socket

# pathlib would cost a third of the start
# ruff: noqa: PTH101, PTH102, PTH103, PTH106, PTH112, PTH115, PTH116, PTH120, PTH123, PTH211, S103, S108, S606
import ctypes
import json
import os
import sys
from typing import Any, Final

MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE, MNT_DETACH = 1, 32, 4096, 16384, 1 << 18, 2
PR_SET_PDEATHSIG, PR_SET_KEEPCAPS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 1, 8, 47, 2
CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER = 0, 1, 3
CAPABILITIES_VERSION_3: Final = 0x20080522
SYS_PIVOT_ROOT: Final = {"x86_64": 155, "aarch64": 41}
TIOCSCTTY: Final = 0x540E

DEVICES: Final = tuple(f"/dev/{name}" for name in ("null", "zero", "full", "random", "urandom", "tty", "pts"))
LINKS: Final = {
    "fd": "/proc/self/fd",
    "stdin": "fd/0",
    "stdout": "fd/1",
    "stderr": "fd/2",
    "ptmx": ".pts/ptmx",
}

libc = ctypes.CDLL(None, use_errno=True)


def check(result: int, doing: str) -> None:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{doing}: {os.strerror(code)}")


def mount(source: str, target: str, flags: int, kind: str = "none", options: bytes | None = None) -> None:
    done = libc.mount(source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), options)
    check(done, f"mount {source} on {target}")


def enter_own_namespaces(uid: int, gid: int, hostname: str) -> None:
    """User, mount, host name and IPC space; inside, this process is ``uid`` and ``gid``, outside it stays who it was.

    The IPC space takes shared memory with it when its last process ends: a killed PostgreSQL leaves none behind.
    """
    outside_uid, outside_gid = os.geteuid(), os.getegid()
    os.unshare(os.CLONE_NEWUSER | os.CLONE_NEWNS | os.CLONE_NEWUTS | os.CLONE_NEWIPC)
    maps = {"setgroups": "deny", "uid_map": f"{uid} {outside_uid} 1", "gid_map": f"{gid} {outside_gid} 1"}
    for name, text in maps.items():
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)
    _socket.sethostname(hostname)
    mount("none", "/", MS_REC | MS_PRIVATE)


class MountPoints:
    """Makes paths that the host doesn't have, visible to this process alone.

    The nearest folder that exists is covered by an empty one in memory, into which everything that was there is bound
    again; the missing path is then made beside it.
    """

    def __init__(self, staging: str) -> None:
        self.staging = staging
        self.devices: set[int] = set()

    def ensure(self, path: str, is_folder: bool) -> None:
        if os.path.lexists(path):
            return
        ancestor = os.path.dirname(path)
        while not os.path.isdir(ancestor):
            ancestor = os.path.dirname(ancestor)
        if os.stat(ancestor).st_dev not in self.devices:
            self._cover(os.path.realpath(ancestor))
        os.makedirs(path if is_folder else os.path.dirname(path), exist_ok=True)
        if not is_folder:
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o644))

    def _cover(self, folder: str) -> None:
        if folder == "/":
            self._new_root()
        else:
            mount(folder, self.staging, MS_BIND | MS_REC)
            there = os.open(self.staging, os.O_PATH)
            mount("tmpfs", folder, 0, "tmpfs")
            self._bind_entries(f"/proc/self/fd/{there}", folder)
            libc.umount2(f"/proc/self/fd/{there}".encode(), MNT_DETACH)
            os.close(there)
        self.devices.add(os.stat(folder).st_dev)

    def _new_root(self) -> None:
        mount("tmpfs", self.staging, 0, "tmpfs")
        self._bind_entries("/", self.staging)
        os.chdir(self.staging)
        check(libc.syscall(SYS_PIVOT_ROOT[os.uname().machine], b".", b"."), "pivot_root")
        check(libc.umount2(b".", MNT_DETACH), "let the old root go")
        os.chdir("/")

    def _bind_entries(self, source: str, target: str) -> None:
        for entry in os.scandir(source):
            here = f"{target}/{entry.name}"
            if entry.is_symlink():
                os.symlink(os.readlink(entry.path), here)
                continue
            if entry.is_dir():
                os.mkdir(here)
            else:
                os.close(os.open(here, os.O_CREAT | os.O_WRONLY, 0o644))
            mount(entry.path, here, MS_BIND | MS_REC)


def bind(source: str, target: str, read_only: bool) -> None:
    target = os.path.realpath(target)
    mount(source, target, MS_BIND | MS_REC)
    if read_only:
        locked = os.statvfs(target).f_flag & 0xF  # nosuid, nodev, noexec: a user namespace may not take them away
        mount("none", target, MS_REMOUNT | MS_BIND | MS_RDONLY | locked)


def furnish(launch: dict[str, Any]) -> None:
    """A /dev and an empty /tmp of its own, and everything that is mounted, at its place."""
    points = MountPoints(launch["staging"])
    if launch["scratch"]:
        own_devices()
        empty("/tmp", [*launch["keep"], *(source for source, _, _ in launch["binds"])])
        points.devices |= {os.stat(folder).st_dev for folder in ("/dev", "/tmp")}
    for source, target, _ in launch["binds"]:
        points.ensure(target, os.path.isdir(source))
    for source, target, read_only in launch["binds"]:
        bind(source, target, read_only)


def own_devices() -> None:
    """A /dev as containers have it: what every program may count on, and none of this machine's other devices."""
    empty("/dev", [path for path in DEVICES if os.path.lexists(path)])
    os.chmod("/dev", 0o755)
    for name, target in LINKS.items():
        os.symlink(target, f"/dev/{name}")
    os.mkdir("/dev/shm")
    os.chmod("/dev/shm", 0o1777)
    # Terminals of its own: the host's, at /dev/pts, are those of commands that the kubelet starts beside it.
    os.mkdir("/dev/.pts")
    try:
        mount("devpts", "/dev/.pts", 0, "devpts", b"newinstance,mode=620,ptmxmode=666")
    except OSError:
        os.rmdir("/dev/.pts")  # a kernel that gives none: programs that open one are told that there is no such device


def empty(folder: str, keep: list[str]) -> None:
    """Cover a folder with an empty one in memory, in which only the paths to ``keep`` show."""
    if not os.path.isdir(folder):
        return
    kept: list[tuple[str, int, bool]] = []
    for path in sorted({path for path in keep if under(path, folder)}):
        if not any(under(path, other) for other, _, _ in kept):
            kept.append((path, os.open(path, os.O_PATH), os.path.isdir(path)))
    mount("tmpfs", folder, 0, "tmpfs")
    os.chmod(folder, 0o1777)
    for path, descriptor, is_folder in kept:
        os.makedirs(path if is_folder else os.path.dirname(path), exist_ok=True)
        if not is_folder:
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o644))
        mount(f"/proc/self/fd/{descriptor}", path, MS_BIND | MS_REC)
        os.close(descriptor)


def under(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")


def join(pid: int) -> None:
    """Into the name spaces of a running container."""
    spaces = [os.open(f"/proc/{pid}/ns/{name}", os.O_RDONLY) for name in ("user", "mnt", "uts", "ipc")]
    if os.readlink("/proc/self/ns/user") != os.readlink(f"/proc/{pid}/ns/user"):
        for space in spaces:
            os.setns(space)
    for space in spaces:
        os.close(space)


def become(uid: int, gid: int) -> None:
    """Another user for real, keeping the right to read what its own user may not: only the name is to change."""
    check(libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0), "keep capabilities")
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    kept = sum(1 << capability for capability in (CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER))
    header = (ctypes.c_uint32 * 2)(CAPABILITIES_VERSION_3, 0)
    sets = (ctypes.c_uint32 * 6)(kept, kept, kept, 0, 0, 0)
    check(libc.capset(header, sets), "set capabilities")
    for capability in (CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER):
        check(libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0), "keep capabilities over exec")


def prepare(launch: dict[str, Any]) -> None:
    if launch["isolated"] and not launch["join"]:
        enter_own_namespaces(launch["uid"], launch["gid"], launch["hostname"])
        furnish(launch)
    if launch["join"]:
        join(launch["join"])
    if launch["become"]:
        become(*launch["become"])
    # After every change of user: the kernel forgets this wish when the user changes.
    check(libc.prctl(PR_SET_PDEATHSIG, int(_signal.SIGKILL), 0, 0, 0), "ask to die with the sandbox")
    if os.getppid() != launch["parent"]:
        os._exit(137)
    if launch["terminal"]:
        import fcntl

        fcntl.ioctl(0, TIOCSCTTY, 0)
    os.umask(0o022)
    os.chdir(launch["folder"])
    for ignored_by_python in (_signal.SIGPIPE, _signal.SIGXFSZ):
        _signal.signal(ignored_by_python, _signal.SIG_DFL)


def close_all_but(status: int) -> None:
    """Only the three standard streams go on to the program.

    Whatever is left in the background would otherwise hold a second copy of an exec's pipes, which would never end.
    """
    os.closerange(3, status)
    os.closerange(status + 1, os.sysconf("SC_OPEN_MAX"))


def main() -> None:
    launch = json.loads(sys.argv[1])
    argv = launch["argv"]
    try:
        prepare(launch)
        os.set_inheritable(launch["status"], False)
        close_all_but(launch["status"])
    except (OSError, KeyError) as error:
        os.write(launch["status"], f"prepare {error}".encode())
        os._exit(128)
    try:
        os.execvp(argv[0], argv)
    except OSError as error:
        missing = isinstance(error, FileNotFoundError) and "/" not in argv[0]
        because = "executable file not found in $PATH" if missing else (error.strerror or str(error)).lower()
        os.write(launch["status"], f'exec "{argv[0]}": {because}'.encode())
        os._exit(126 if isinstance(error, PermissionError) else 127 if launch["join"] else 128)


if __name__ == "__main__":
    main()
