"""What this machine's kernel allows a container: user and mount name spaces, or nothing but another user."""

from __future__ import annotations

import asyncio
import os
import pwd
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SWITCH: Final = "DRILLBOOK_ISOLATION"
"""``none`` makes the sandbox do without name spaces even where the kernel allows them."""

_TRIAL: Final = """
import os, sys
sys.path.insert(0, sys.argv[1])
from launcher import bind, enter_own_namespaces
enter_own_namespaces(1, 1, "trial")
bind(sys.argv[2], "/etc/hosts", False)
"""


@dataclass(frozen=True, slots=True)
class Isolation:
    """How containers are kept apart."""

    namespaces: bool
    sentence: str
    """For a person: what that means here."""

    def user_of(self, uid: int | None) -> tuple[int, int]:
        """The uid and gid that a program has inside its user namespace."""
        if uid is None:
            return os.geteuid(), os.getegid()
        try:
            return uid, pwd.getpwuid(uid).pw_gid
        except KeyError:
            return uid, uid

    def become(self, uid: int | None) -> tuple[int, int] | None:
        """The user to really change to: only root can, and only where no user namespace does it."""
        if self.namespaces or uid is None or os.geteuid() != 0 or uid == 0:
            return None
        return self.user_of(uid)


async def find_out(scratch: Path) -> Isolation:
    """Try it: start a process that does what a container's launcher will do."""
    if os.environ.get(SWITCH) == "none":
        return Isolation(False, f"containers share the host's file system: {SWITCH}=none asks for it")
    hosts = scratch / "trial-hosts"
    hosts.write_text("127.0.0.1 localhost\n", encoding="ascii")
    command = [sys.executable, "-I", "-S", "-c", _TRIAL, str(Path(__file__).parent), str(hosts)]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=20, check=False)
    hosts.unlink()
    if done.returncode == 0:
        return Isolation(True, "containers have user and mount name spaces of their own")
    last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
    return Isolation(
        False,
        f"this kernel lets no user name spaces be made ({last}): containers share the host's file system, mount paths "
        "are found through VOLUME_<NAME>, service names through DRILLBOOK_HOSTS",
    )
