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
    """The kubelet of the node of that name is asked for logs and the like: ApiError 500 when it doesn't answer, 404
    when nobody knows its address, because the Node was deleted. A pod that has no node yet is nobody's to ask."""
    node = store.need(NODE, "", name) if name else None
    addresses = ((node or {}).get("status") or {}).get("addresses") or []
    if node is not None and not addresses:
        raise ApiError(500, "InternalError", f"no preferred addresses found; known addresses: {addresses}")
    if is_stopped(node):
        host = next((entry["address"] for entry in addresses if entry["type"] == "InternalIP"), name)
        refused = f"dial tcp {host}:{KUBELET_PORT}: connect: connection refused"
        raise ApiError(500, "InternalError", f'Get "https://{host}:{KUBELET_PORT}/": {refused}')
