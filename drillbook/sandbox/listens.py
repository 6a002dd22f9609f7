"""What listens where in a sandbox, for a person who wants to reach it."""

from __future__ import annotations

from typing import Any, Final

from drillbook.sandbox.cluster import Cluster
from drillbook.sandbox.kinds import INGRESS, SERVICE
from drillbook.sandbox.network.caddy_config import HTTPS_PORT
from drillbook.sandbox.record import Record

_OWN: Final = frozenset({"default", "ingress-system"})


def listens(cluster: Cluster, record: Record) -> list[dict[str, Any]]:
    """The API, every Ingress host with a curl line, every Service: ``{"what", "address", "hint"}`` each."""
    found = [{"what": "Kubernetes API", "address": record.api, "hint": ""}]
    address = f"{cluster.addresses.ingress}:{HTTPS_PORT}"
    for ingress in cluster.store.list(INGRESS):
        for rule in ingress["spec"].get("rules") or ():
            if host := rule.get("host"):
                curl = f"curl --cacert {record.ca} --connect-to {host}:443:{address} https://{host}/"
                found.append({"what": f"ingress {host}", "address": f"https://{address}", "hint": curl})
    for service in cluster.store.list(SERVICE):
        meta, spec = service["metadata"], service["spec"]
        if meta["namespace"] in _OWN or spec.get("clusterIP") in {None, "", "None"}:
            continue
        for port in spec.get("ports") or ():
            where = f"{spec['clusterIP']}:{port['port']}"
            found.append({"what": f"service {meta['namespace']}/{meta['name']}", "address": where, "hint": ""})
    return found
