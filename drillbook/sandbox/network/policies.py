"""What NetworkPolicies say of one connection between two pods. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from drillbook.sandbox.controllers.labels import labels_of, matches
from drillbook.sandbox.kinds import Object

type NamespaceLabels = Callable[[str], Mapping[str, str]]


def allowed(
    policies: Iterable[Object], namespace_labels: NamespaceLabels, client: Object, server: Object | None, port: int
) -> bool:
    """Whether the pod ``client`` may connect to ``port`` of the pod ``server``; None is something that is no pod.

    A pod that no policy selects is free; policies add up, and one rule that lets a connection pass is enough. A pod
    always reaches itself.
    """
    if server is not None and _uid(client) == _uid(server):
        return True
    chosen = list(policies)
    out = [p for p in chosen if selects(p, client) and "Egress" in types_of(p)]
    if out and not any(
        _fits(rule, "to", policy, server, server, port, namespace_labels)
        for policy in out
        for rule in policy["spec"].get("egress") or ()
    ):
        return False
    into = [p for p in chosen if server is not None and selects(p, server) and "Ingress" in types_of(p)]
    return not into or any(
        _fits(rule, "from", policy, client, server, port, namespace_labels)
        for policy in into
        for rule in policy["spec"].get("ingress") or ()
    )


def selects(policy: Object, pod: Object) -> bool:
    """Whether a policy is about this pod."""
    meta = pod["metadata"]
    same = policy["metadata"]["namespace"] == meta["namespace"]
    return same and matches(policy["spec"].get("podSelector") or {}, labels_of(pod))


def types_of(policy: Object) -> Sequence[str]:
    """``Ingress`` and ``Egress``, as far as the policy is about them."""
    return policy["spec"].get("policyTypes") or ["Ingress", *(["Egress"] if policy["spec"].get("egress") else [])]


def _fits(
    rule: Mapping[str, Any],
    peers: str,
    policy: Object,
    peer: Object | None,
    server: Object | None,
    port: int,
    namespace_labels: NamespaceLabels,
) -> bool:
    """Whether a rule lets a connection pass. No list of peers, or of ports, means all of them."""
    ports, named = rule.get("ports"), rule.get(peers)
    if ports and not any(_is_port(one, server, port) for one in ports):
        return False
    home = policy["metadata"]["namespace"]
    return not named or any(_is_peer(one, home, peer, namespace_labels) for one in named)


def _is_peer(wanted: Mapping[str, Any], home: str, peer: Object | None, namespace_labels: NamespaceLabels) -> bool:
    if "ipBlock" in wanted:
        address = (peer or {}).get("status", {}).get("podIP")
        return address is not None and _in_block(address, wanted["ipBlock"])
    if peer is None:
        return False
    namespace = peer["metadata"]["namespace"]
    if "namespaceSelector" in wanted:
        if not matches(wanted["namespaceSelector"] or {}, namespace_labels(namespace)):
            return False
    elif namespace != home:
        return False
    return "podSelector" not in wanted or matches(wanted["podSelector"] or {}, labels_of(peer))


def _in_block(address: str, block: Mapping[str, Any]) -> bool:
    ip = ipaddress.ip_address(address)
    return ip in ipaddress.ip_network(block["cidr"], strict=False) and not any(
        ip in ipaddress.ip_network(other, strict=False) for other in block.get("except") or ()
    )


def _is_port(wanted: Mapping[str, Any], server: Object | None, port: int) -> bool:
    if wanted.get("protocol", "TCP") != "TCP":
        return False
    first = wanted.get("port")
    if first is None:
        return True
    if isinstance(first, str) and not first.isdigit():
        return port in _named_ports(server, first)
    return int(first) <= port <= int(wanted.get("endPort") or first)


def _named_ports(pod: Object | None, name: str) -> set[int]:
    containers = ((pod or {}).get("spec") or {}).get("containers") or ()
    return {
        int(port["containerPort"])
        for container in containers
        for port in container.get("ports") or ()
        if port.get("name") == name and port.get("protocol", "TCP") == "TCP"
    }


def _uid(pod: Object) -> str:
    return str(pod["metadata"]["uid"])
