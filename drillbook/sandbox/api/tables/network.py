"""Services, endpoints and ingresses."""

from __future__ import annotations

from typing import Final

from drillbook.sandbox.api.tables.cells import AGE, NAME, NONE, Column, at, few, pairs
from drillbook.sandbox.kinds import Object


def _external(service: Object) -> str:
    spec = service.get("spec") or {}
    given = list(spec.get("externalIPs") or [])
    match spec.get("type"):
        case "ExternalName":
            return str(spec.get("externalName", ""))
        case "LoadBalancer":
            found = [
                i.get("ip") or i.get("hostname") for i in at(service, "status", "loadBalancer", "ingress", default=[])
            ]
            return ",".join([*found, *given]) or "<pending>"
    return ",".join(given) or NONE


def _ports(service: Object) -> str:
    ports = at(service, "spec", "ports", default=[])
    return (
        ",".join(
            f"{p['port']}{':' + str(p['nodePort']) if p.get('nodePort') else ''}/{p.get('protocol', 'TCP')}"
            for p in ports
        )
        or NONE
    )


SERVICE_COLUMNS: Final = (
    NAME,
    Column("Type", lambda o: at(o, "spec", "type", default="")),
    Column("Cluster-IP", lambda o: at(o, "spec", "clusterIP") or NONE),
    Column("External-IP", _external),
    Column("Port(s)", _ports),
    AGE,
    Column("Selector", lambda o: pairs(at(o, "spec", "selector")), priority=1),
)


def _endpoints(obj: Object) -> str:
    found: list[str] = []
    for subset in obj.get("subsets") or []:
        addresses = [a["ip"] for a in subset.get("addresses") or []]
        ports = subset.get("ports") or []
        found += [f"{ip}:{port['port']}" for port in ports for ip in addresses] or addresses
    return few(found)


ENDPOINTS_COLUMNS: Final = (NAME, Column("Endpoints", _endpoints), AGE)


def _slice_ports(obj: Object) -> str:
    ports = obj.get("ports") or []
    return few(str(port.get("port", "*")) for port in ports) if ports else "<unset>"


ENDPOINT_SLICE_COLUMNS: Final = (
    NAME,
    Column("AddressType", lambda o: o.get("addressType", "")),
    Column("Ports", _slice_ports),
    Column("Endpoints", lambda o: few(ip for e in o.get("endpoints") or [] for ip in e.get("addresses") or [])),
    AGE,
)


def _hosts(ingress: Object) -> str:
    hosts = [rule["host"] for rule in at(ingress, "spec", "rules", default=[]) if rule.get("host")]
    return few(hosts) if hosts else "*"


def _address(ingress: Object) -> str:
    found = at(ingress, "status", "loadBalancer", "ingress", default=[])
    return ",".join(str(entry.get("ip") or entry.get("hostname")) for entry in found)


INGRESS_COLUMNS: Final = (
    NAME,
    Column("Class", lambda o: at(o, "spec", "ingressClassName", default=NONE)),
    Column("Hosts", _hosts),
    Column("Address", _address),
    Column("Ports", lambda o: "80, 443" if at(o, "spec", "tls") else "80"),
    AGE,
)
INGRESS_CLASS_COLUMNS: Final = (
    NAME,
    Column("Controller", lambda o: at(o, "spec", "controller", default="")),
    Column("Parameters", lambda o: at(o, "spec", "parameters", "name", default=NONE)),
    AGE,
)
NETWORK_CHAOS_COLUMNS: Final = (
    NAME,
    Column("Action", lambda o: at(o, "spec", "action", default="")),
    Column("Duration", lambda o: at(o, "spec", "duration", default="")),
)
