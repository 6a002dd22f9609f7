"""A process that asked to end with its parent does so, however the parent ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import psutil

from drillbook.orphans import end_with

CHILD = """
import os, signal, time
from drillbook.orphans import end_with
print(end_with(os.getppid(), signal.SIGKILL), os.getpid(), flush=True)
time.sleep(60)
"""
PARENT = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"


def test_it_ends_when_its_parent_is_killed() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, CHILD], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    answer, pid = parent.stdout.readline().split()
    child = psutil.Process(int(pid))
    assert answer == "True"
    parent.kill()
    parent.wait()
    parent.stdout.close()
    gone, alive = psutil.wait_procs([child], timeout=10)
    assert (gone, alive) == ([child], [])


def test_a_parent_that_is_gone_already_is_told() -> None:
    script = "import sys, signal; from drillbook.orphans import end_with; sys.exit(end_with(1, signal.SIGCONT))"
    assert os.getpid() != 1
    assert subprocess.run([sys.executable, "-c", script]).returncode == 0
    assert end_with(os.getppid(), signal.SIGCONT)
