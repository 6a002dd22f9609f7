"""The switch of a node's kubelet: an annotation of the Node, which the sandbox's kubelet obeys."""

from __future__ import annotations

from typing import Final

from drillbook.sandbox.kinds import NODE, Object
from drillbook.sandbox.status import ApiError
from drillbook.sandbox.store import Store

ANNOTATION: Final = "drillbook.dev/kubelet"
STOPPED: Final = "stopped"
KUBELET_PORT: Final = 10250


def is_stopped(node: Object | None) -> bool:
    """Whether a node's kubelet is to stand still: no heartbeat, no status, nothing started or ended."""
    return bool(node) and ((node or {})["metadata"].get("annotations") or {}).get(ANNOTATION) == STOPPED


def stands_still(store: Store, name: str) -> bool:
    """Whether the kubelet of the node of that name stands still; one that isn't there doesn't."""
    return is_stopped(store.get(NODE, "", name))


def check_kubelet(store: Store, name: str) -> None:
    """ApiError 500 when the kubelet of the node of that name doesn't answer, as it is asked for logs and the like."""
    if stands_still(store, name):
        addresses = store.need(NODE, "", name)["status"].get("addresses") or ()
        host = next((entry["address"] for entry in addresses if entry["type"] == "InternalIP"), name)
        refused = f"dial tcp {host}:{KUBELET_PORT}: connect: connection refused"
        raise ApiError(500, "InternalError", f'Get "https://{host}:{KUBELET_PORT}/": {refused}')
