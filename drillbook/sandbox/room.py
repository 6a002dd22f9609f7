"""What each node has room for: as much as the manifests of a whole system ask for, not what this machine has."""

from __future__ import annotations

from typing import Final

CPU: Final = "16"
MEMORY: Final = "64Gi"
PODS: Final = "110"
DISK: Final = "100Gi"
