"""Network errors in words: the same cause gives the same words, whichever library met it."""

from __future__ import annotations

import os


def cause_of(error: BaseException) -> str:
    """``Connection refused`` rather than an address that changes, or the class when there is nothing better."""
    inner = getattr(error, "os_error", None) or error
    number = getattr(inner, "errno", None)
    if isinstance(inner, OSError) and isinstance(number, int) and number > 0:
        return os.strerror(number)
    return str(inner) or type(inner).__name__
