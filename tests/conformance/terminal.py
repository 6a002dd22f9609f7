"""A program at a terminal: what it prints, and typing at it as a person does, who waits until it has gone quiet."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from typing import Final

SIZE: Final = (24, 80)
QUIET: Final = 0.5
"""Seconds without output after which a person would type."""
PATIENT: Final = 8.0
"""Seconds after which a person types although nothing was printed at all."""


def at_terminal(
    command: Sequence[str], env: Mapping[str, str], types: str, seconds: float, after: str | None = None
) -> tuple[int, str]:
    """The exit code of ``command`` and what the terminal showed; TimeoutError when it doesn't end.

    Typing begins once ``after`` was shown, or anything where that isn't said; much later it begins all the same,
    because what a program printed before somebody attached to it is not shown.
    """
    ours, its = pty.openpty()
    termios.tcsetwinsize(its, SIZE)
    started = subprocess.Popen(command, stdin=its, stdout=its, stderr=its, env=env, start_new_session=True)
    os.close(its)
    try:
        shown = _converse(ours, started, types.encode().splitlines(keepends=True), seconds, (after or "").encode())
        return started.wait(seconds), shown.decode(errors="replace")
    except subprocess.TimeoutExpired:
        raise TimeoutError(f"{' '.join(command)} closed its terminal and goes on") from None
    finally:
        if started.poll() is None:
            started.kill()
            started.wait()
        os.close(ours)


def with_terminal_for_input(command: Sequence[str], env: Mapping[str, str], seconds: float) -> tuple[int, str]:
    """The same where stdin alone is a terminal, at which nobody types."""
    ours, its = pty.openpty()
    try:
        done = subprocess.run(command, stdin=its, capture_output=True, env=env, timeout=seconds, check=False)
    finally:
        os.close(its)
        os.close(ours)
    return done.returncode, (done.stdout + done.stderr).decode(errors="replace")


def _converse(
    terminal: int, program: subprocess.Popen[bytes], lines: list[bytes], seconds: float, after: bytes
) -> bytes:
    shown = b""
    last, until = time.monotonic(), time.monotonic() + seconds
    while time.monotonic() < until:
        if select.select([terminal], [], [], 0.05)[0]:
            try:
                part = os.read(terminal, 65536)
            except OSError:  # EIO: the last program that had the terminal open is gone
                return shown
            shown += part
            last = time.monotonic()
        elif program.poll() is not None:
            return shown
        elif lines and time.monotonic() - last > (QUIET if shown and after in shown else PATIENT):
            os.write(terminal, lines.pop(0))
            last = time.monotonic()
    raise TimeoutError(f"still running after {seconds:.0f} s, having shown: {shown.decode(errors='replace')[-500:]}")
