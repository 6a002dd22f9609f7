"""A node's disk that is fuller than the machine's: its kubelet counts a ballast, an annotation of the Node, as used.

The simulated nodes share the machine's own disk, which nobody may fill to see what happens.
"""

from __future__ import annotations

from typing import Final

from drillbook.sandbox.api.quantities import parse
from drillbook.sandbox.kinds import Object

ANNOTATION: Final = "drillbook.dev/disk-ballast"
"""How much: ``200Gi``."""


def with_ballast(disk: Object, node: Object | None) -> Object:
    """A file system's numbers as the node's kubelet tells them; what can't be read as a size is no ballast."""
    written = ((node or {}).get("metadata", {}).get("annotations") or {}).get(ANNOTATION)
    try:
        ballast = int(parse(written)) if written else 0
    except ValueError:
        return disk
    taken = max(0, min(ballast, disk["availableBytes"]))
    return disk | {"availableBytes": disk["availableBytes"] - taken, "usedBytes": disk["usedBytes"] + taken}
