"""Which kind of death a fault was: a pod that ends in order proves nothing about a crash; pure.

From what the fault saw of its targets, and from the grace that they were given.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

_EXIT: Final = re.compile(r"exit code ([0-9, ]+)")
KILLED: Final = 137
"""128 + SIGKILL, as the container's runtime reports it."""
ENDED: Final = frozenset({0, 143})
"""By itself, or by SIGTERM, which it had the time to act on."""


def kind_of_death(evidence: Mapping[str, Any], grace_seconds: int) -> str:
    """In words for the report; empty where no pod died."""
    pods = evidence.get("pods")
    if not isinstance(pods, Mapping) or not pods:
        return ""
    words = [str(word) for word in pods.values()]
    codes = {int(code) for word in words for found in _EXIT.findall(word) for code in found.split(",") if code.strip()}
    told = f" (exit code {', '.join(map(str, sorted(codes)))})" if codes else ""
    if any("OOMKilled" in word for word in words):
        return f"killed because its memory was over its limit{told}"
    if grace_seconds == 0:
        return f"killed at once, as in a crash{told}"
    if codes and codes <= ENDED:
        return f"ended in order within its grace of {grace_seconds} s{told}; that is no crash"
    if KILLED in codes:
        return f"killed when its grace of {grace_seconds} s was over{told}"
    return f"told to end, with {grace_seconds} s of grace{told}; that is no crash"
