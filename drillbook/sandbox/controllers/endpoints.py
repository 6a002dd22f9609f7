"""Endpoints and EndpointSlices: which pods stand behind a Service right now."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from drillbook.sandbox.controllers.controller import Controller, Key, own_key, owner_reference
from drillbook.sandbox.controllers.labels import has_all, labels_of
from drillbook.sandbox.controllers.pods import is_finished, is_ready, is_terminating
from drillbook.sandbox.kinds import ENDPOINT_SLICE, ENDPOINTS, POD, SERVICE, Kind, Object
from drillbook.sandbox.store import Change, timestamp


class EndpointsOfServices(Controller):
    """Writes one Endpoints object and one EndpointSlice for each Service with a selector."""

    name = "endpoints"
    watches = (SERVICE, POD)

    def keys(self, change: Change) -> Iterable[Key]:
        if change.kind is SERVICE:
            return [own_key(change.object)]
        labels = [labels_of(change.object)] + ([labels_of(change.before)] if change.before else [])
        return [
            own_key(service)
            for service in self.store.list(SERVICE, change.namespace)
            if service["spec"].get("selector") and any(has_all(service["spec"]["selector"], have) for have in labels)
        ]

    async def reconcile(self, key: Key) -> None:
        service = self.store.get(SERVICE, *key)
        if service is None:
            self._remove(ENDPOINTS, *key)
            self._remove(ENDPOINT_SLICE, *key)
            return
        if not service["spec"].get("selector") or service["spec"].get("type") == "ExternalName":
            return
        selector = service["spec"]["selector"]
        pods = [
            pod
            for pod in self.store.list(POD, key[0])
            if has_all(selector, labels_of(pod)) and (pod.get("status") or {}).get("podIP") and not is_finished(pod)
        ]
        self._write(ENDPOINTS, key, {"subsets": _subsets(service, pods)} if pods else {}, service, key[1])
        self._write(ENDPOINT_SLICE, key, _slice(service, pods), service, key[1])

    def _write(self, kind: Kind, key: Key, body: Object, service: Object, name: str) -> None:
        labels = dict(service["metadata"].get("labels") or {})
        if kind is ENDPOINT_SLICE:
            labels |= {
                "kubernetes.io/service-name": name,
                "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
            }
        meta: Object = {"name": name, "namespace": key[0]} | ({"labels": labels} if labels else {})
        if kind is ENDPOINT_SLICE:
            meta["ownerReferences"] = [owner_reference(service)]
        old = self.store.get(kind, *key)
        if old is None:
            trigger = {"endpoints.kubernetes.io/last-change-trigger-time": timestamp()}
            self.store.create(kind, {"metadata": meta | {"annotations": trigger}} | body)
            return
        same = {k: v for k, v in old.items() if k not in {"metadata", "apiVersion", "kind"}} == body
        if same and (old["metadata"].get("labels") or {}) == labels:
            return
        trigger = {"endpoints.kubernetes.io/last-change-trigger-time": timestamp()}
        self.store.replace(kind, {"metadata": meta | {"annotations": trigger}} | body)

    def _remove(self, kind: Kind, namespace: str, name: str) -> None:
        if self.store.get(kind, namespace, name) is not None:
            self.store.remove(kind, namespace, name)


def target_port(port: Object, pod: Object) -> int | None:
    """The port of this pod that a Service's port leads to; None when the pod has no port of that name."""
    target = port.get("targetPort") or port["port"]
    if isinstance(target, int) or str(target).isdigit():
        return int(target)
    for container in pod["spec"]["containers"]:
        for named in container.get("ports") or ():
            if named.get("name") == target and named.get("protocol", "TCP") == port.get("protocol", "TCP"):
                return int(named["containerPort"])
    return None


def _subsets(service: Object, pods: Sequence[Object]) -> list[Object]:
    by_ports: dict[tuple[tuple[str, int, str], ...], list[Object]] = {}
    for pod in pods:
        if is_terminating(pod):
            continue
        ports = []
        for port in service["spec"].get("ports") or ():
            number = target_port(port, pod)
            if number is not None:
                ports.append((str(port.get("name", "")), number, str(port.get("protocol", "TCP"))))
        by_ports.setdefault(tuple(ports), []).append(pod)
    regardless = bool(service["spec"].get("publishNotReadyAddresses"))
    subsets = []
    for ports_of_group, group in by_ports.items():
        ready = [_address(service, pod) for pod in group if regardless or is_ready(pod)]
        waiting = [_address(service, pod) for pod in group if not (regardless or is_ready(pod))]
        subset: Object = {}
        if ready:
            subset["addresses"] = ready
        if waiting:
            subset["notReadyAddresses"] = waiting
        if ports_of_group:
            subset["ports"] = [_port(*port) for port in ports_of_group]
        subsets.append(subset)
    return subsets


def _slice(service: Object, pods: Sequence[Object]) -> Object:
    ports: dict[str, Object] = {}
    endpoints = []
    regardless = bool(service["spec"].get("publishNotReadyAddresses"))
    for pod in pods:
        for port in service["spec"].get("ports") or ():
            number = target_port(port, pod)
            if number is not None:
                name = str(port.get("name", ""))
                ports[name] = {"name": name, "port": number, "protocol": port.get("protocol", "TCP")}
        serving = is_ready(pod)
        endpoint: Object = {
            "addresses": [pod["status"]["podIP"]],
            "conditions": {
                "ready": regardless or (serving and not is_terminating(pod)),
                "serving": serving,
                "terminating": is_terminating(pod),
            },
            "nodeName": pod["spec"]["nodeName"],
            "targetRef": _reference(pod),
        }
        if _names_pods(service, pod):
            endpoint["hostname"] = pod["spec"]["hostname"]
        endpoints.append(endpoint)
    return {"addressType": "IPv4", "endpoints": endpoints, "ports": list(ports.values())}


def _address(service: Object, pod: Object) -> Object:
    address: Object = {
        "ip": pod["status"]["podIP"],
        "nodeName": pod["spec"]["nodeName"],
        "targetRef": _reference(pod),
    }
    if _names_pods(service, pod):
        address["hostname"] = pod["spec"]["hostname"]
    return address


def _names_pods(service: Object, pod: Object) -> bool:
    """A StatefulSet's pods have names of their own below their governing Service."""
    return bool(pod["spec"].get("hostname")) and pod["spec"].get("subdomain") == service["metadata"]["name"]


def _reference(pod: Object) -> Object:
    meta = pod["metadata"]
    return {"kind": "Pod", "name": meta["name"], "namespace": meta["namespace"], "uid": meta["uid"]}


def _port(name: str, port: int, protocol: str) -> Object:
    return ({"name": name} if name else {}) | {"port": port, "protocol": protocol}
