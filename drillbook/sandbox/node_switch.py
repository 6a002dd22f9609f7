"""Stopping and starting the kubelet of one of a sandbox's nodes, from outside."""

from __future__ import annotations

from drillbook.errors import ConfigError
from drillbook.sandbox.asking import ask
from drillbook.sandbox.network.addresses import NODE_NAMES
from drillbook.sandbox.record import Record
from drillbook.sandbox.stopped import ANNOTATION, STOPPED, is_stopped

_NODES = "/api/v1/nodes"


def switch(found: Record, name: str, *, stop: bool) -> bool:
    """Stop or start the node's kubelet; False when it was so already. One that starts registers its Node, if need be.

    Raises ConfigError for a node that isn't there, Unreachable when the sandbox's API doesn't answer.
    """
    nodes = {node["metadata"]["name"]: node for node in ask(found, "GET", _NODES).need()["items"]}
    if name not in nodes and name in NODE_NAMES and not stop:
        ask(found, "POST", _NODES, {"metadata": {"name": name}}).need()
        return True
    if name not in nodes:
        raise ConfigError(f"the sandbox {found.name} has no node {name}: expected one of {', '.join(sorted(nodes))}")
    if is_stopped(nodes[name]) == stop:
        return False
    annotations = {ANNOTATION: STOPPED if stop else None}
    ask(found, "PATCH", f"{_NODES}/{name}", {"metadata": {"annotations": annotations}}).need()
    return True
