"""Processes that must not outlive whoever started them: the kernel tells them when their parent is gone."""

from __future__ import annotations

import ctypes
import os
import signal
from typing import Final

_PR_SET_PDEATHSIG: Final = 1


def end_with(parent: int, how: signal.Signals) -> bool:
    """Get the signal ``how`` when process ``parent`` ends, be it killed; False when it is gone already.

    See prctl(2), PR_SET_PDEATHSIG: it follows the parent's thread that started this process.
    """
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(how), 0, 0, 0)
    # Asked after: a parent that ended just before sends nothing any more.
    return os.getppid() == parent
