"""How long a node may be silent, and how often it speaks."""

from __future__ import annotations

import os
from typing import Final

from drillbook.errors import ConfigError

LEASES: Final = "kube-node-lease"
"""The namespace of the nodes' Leases."""
VARIABLE: Final = "DRILLBOOK_NODE_GRACE"
GRACE: Final = 10.0
"""Seconds; Kubernetes waits 40 or 50, by its version."""
SHORTEST: Final = 1.0
BEATS: Final = 4
"""Heartbeats in a grace, as in Kubernetes: one that is late loses no node."""


def grace_seconds() -> float:
    """Silence after which a node is given up: ``$DRILLBOOK_NODE_GRACE``, in seconds. ConfigError for anything else."""
    text = os.environ.get(VARIABLE, "").removesuffix("s")
    try:
        seconds = float(text or GRACE)
    except ValueError:
        seconds = 0.0
    if not SHORTEST <= seconds < float("inf"):
        raise ConfigError(
            f"${VARIABLE}: expected seconds from {SHORTEST:g} on, such as 40, found {text!r}; "
            f"without it a node is given up after {GRACE:g} s"
        )
    return seconds


def heartbeat_seconds() -> float:
    """Between two heartbeats of a node."""
    return grace_seconds() / BEATS
