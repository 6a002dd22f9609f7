"""Defaults of Services and what belongs to them."""

from __future__ import annotations

from typing import Final

from drillbook.sandbox.api.defaults.new import New
from drillbook.sandbox.kinds import INGRESS_CLASS, SERVICE, Object
from drillbook.sandbox.store import clone

_NODE_PORTS: Final = range(30000, 32768)
_DEFAULT_CLASS: Final = "ingressclass.kubernetes.io/is-default-class"


def service(new: New) -> None:
    """A Service; the address itself is allocated by whoever runs the network."""
    spec = new.spec
    spec.setdefault("type", "ClusterIP")
    spec.setdefault("sessionAffinity", "None")
    if spec["sessionAffinity"] == "ClientIP":
        spec.setdefault("sessionAffinityConfig", {}).setdefault("clientIP", {}).setdefault("timeoutSeconds", 10800)
    for port in spec.get("ports") or []:
        port.setdefault("protocol", "TCP")
        if not port.get("targetPort"):
            port["targetPort"] = port.get("port")
    if spec["type"] == "ExternalName":
        return
    spec.setdefault("internalTrafficPolicy", "Cluster")
    spec.setdefault("ipFamilies", ["IPv4"])
    spec.setdefault("ipFamilyPolicy", "SingleStack")
    _keep_address(new)
    if spec["type"] in {"NodePort", "LoadBalancer"}:
        spec.setdefault("externalTrafficPolicy", "Cluster")
        if spec["type"] == "LoadBalancer":
            spec.setdefault("allocateLoadBalancerNodePorts", True)
        _node_ports(new)


def _keep_address(new: New) -> None:
    """An update that leaves the address out keeps it."""
    had = (new.old or {}).get("spec") or {}
    for field in ("clusterIP", "clusterIPs"):
        if had.get("type") != "ExternalName" and field in had and not new.spec.get(field):
            new.spec[field] = clone(had[field])
    if new.spec.get("clusterIP"):
        new.spec.setdefault("clusterIPs", [new.spec["clusterIP"]])


def _node_ports(new: New) -> None:
    """Each port keeps the node port that it had, or gets the lowest free one."""
    had = {(p["port"], p["protocol"]): p["nodePort"] for p in _ports(new.old) if p.get("nodePort")}
    taken = {port.get("nodePort") for svc in new.store.list(SERVICE) for port in _ports(svc)}
    taken |= {port.get("nodePort") for port in _ports(new.object)}
    for port in _ports(new.object):
        if port.get("nodePort"):
            continue
        port["nodePort"] = had.get((port["port"], port["protocol"])) or next(n for n in _NODE_PORTS if n not in taken)
        taken.add(port["nodePort"])


def _ports(obj: Object | None) -> list[Object]:
    return list(((obj or {}).get("spec") or {}).get("ports") or [])


def endpoints(new: New) -> None:
    for subset in new.object.get("subsets") or []:
        for port in subset.get("ports") or []:
            port.setdefault("protocol", "TCP")


def endpoint_slice(new: New) -> None:
    for port in new.object.get("ports") or []:
        port.setdefault("name", "")
        port.setdefault("protocol", "TCP")


def ingress(new: New) -> None:
    """A new Ingress without a class gets the default one, where there is one."""
    spec = new.spec
    annotations = new.object["metadata"].get("annotations") or {}
    if new.old is None and "ingressClassName" not in spec and "kubernetes.io/ingress.class" not in annotations:
        for found in new.store.list(INGRESS_CLASS):
            if (found["metadata"].get("annotations") or {}).get(_DEFAULT_CLASS) == "true":
                spec["ingressClassName"] = found["metadata"]["name"]


def network_policy(new: New) -> None:
    spec = new.spec
    if not spec.get("policyTypes"):
        spec["policyTypes"] = ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]
    for rule in [*(spec.get("ingress") or []), *(spec.get("egress") or [])]:
        for port in rule.get("ports") or []:
            port.setdefault("protocol", "TCP")
