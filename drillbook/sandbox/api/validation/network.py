"""Services and Ingresses."""

from __future__ import annotations

from typing import Any, Final

from drillbook.sandbox.api.names import (
    Cause,
    duplicate,
    invalid,
    label_causes,
    label_error,
    required,
    service_name_error,
    subdomain_error,
    unsupported,
)  # fmt: skip
from drillbook.sandbox.api.validation.pods import port_cause
from drillbook.sandbox.kinds import Object

_TYPES: Final = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_PATH_TYPES: Final = ("Exact", "ImplementationSpecific", "Prefix")


def service(obj: Object) -> list[Cause]:
    spec = obj["spec"]
    causes: list[Cause] = []
    if spec["type"] not in _TYPES:
        causes.append(unsupported(spec["type"], _TYPES, "spec.type"))
    if spec["type"] == "ExternalName":
        if not spec.get("externalName"):
            causes.append(required("spec.externalName"))
    elif not spec.get("ports") and spec.get("clusterIP") != "None":
        causes.append(required("spec.ports"))
    if spec.get("clusterIP") == "None" and spec["type"] in {"NodePort", "LoadBalancer"}:
        causes.append(invalid("None", f"may not be set to 'None' for {spec['type']} services", "spec.clusterIPs[0]"))
    causes += label_causes(spec.get("selector"), "spec.selector")
    if spec["sessionAffinity"] not in {"ClientIP", "None"}:
        causes.append(unsupported(spec["sessionAffinity"], ("ClientIP", "None"), "spec.sessionAffinity"))
    return causes + _ports(spec.get("ports") or [])


def _ports(ports: list[Object]) -> list[Cause]:
    causes: list[Cause] = []
    names: set[str] = set()
    numbers: set[tuple[Any, Any]] = set()
    for i, port in enumerate(ports):
        at = f"spec.ports[{i}]"
        name = port.get("name", "")
        if not name and len(ports) > 1:
            causes.append(required(f"{at}.name"))
        elif name and (why := label_error(name)):
            causes.append(invalid(name, why, f"{at}.name"))
        elif name in names:
            causes.append(duplicate(name, f"{at}.name"))
        names.add(name)
        number, protocol = port.get("port", 0), port.get("protocol")
        if not 0 < number < 65536:
            causes.append(port_cause(number, f"{at}.port"))
        elif (number, protocol) in numbers:
            causes.append(duplicate({"port": number, "protocol": protocol}, at))
        numbers.add((number, protocol))
        if protocol not in {"SCTP", "TCP", "UDP"}:
            causes.append(unsupported(protocol, ("SCTP", "TCP", "UDP"), f"{at}.protocol"))
        target = port.get("targetPort")
        if isinstance(target, int) and not 0 < target < 65536:
            causes.append(port_cause(target, f"{at}.targetPort"))
    return causes


def service_change(old: Object, new: Object) -> list[Cause]:
    before, after = old["spec"], new["spec"]
    if "ExternalName" in {before.get("type"), after.get("type")} or not before.get("clusterIP"):
        return []
    if after.get("clusterIP") != before["clusterIP"]:
        why = "field is immutable" if after.get("clusterIP") else "primary clusterIP can not be unset"
        return [invalid([after.get("clusterIP")], why, "spec.clusterIPs[0]")]
    return []


def ingress(obj: Object) -> list[Cause]:
    spec = obj["spec"]
    causes: list[Cause] = []
    if not spec.get("rules") and not spec.get("defaultBackend"):
        causes.append(invalid([], "either `defaultBackend` or `rules` must be specified", "spec"))
    if spec.get("defaultBackend"):
        causes += _backend(spec["defaultBackend"], "spec.defaultBackend")
    for i, rule in enumerate(spec.get("rules") or []):
        host = rule.get("host", "")
        if host and (why := subdomain_error(host.removeprefix("*."))):
            causes.append(invalid(host, why, f"spec.rules[{i}].host"))
        if "http" not in rule:
            continue
        paths = rule["http"].get("paths") or []
        if not paths:
            causes.append(required(f"spec.rules[{i}].http.paths"))
        for j, path in enumerate(paths):
            causes += _path(path, f"spec.rules[{i}].http.paths[{j}]")
    return causes


def _path(path: Object, at: str) -> list[Cause]:
    causes: list[Cause] = []
    type_ = path.get("pathType")
    if not type_:
        causes.append(required(f"{at}.pathType", "pathType must be specified"))
    elif type_ not in _PATH_TYPES:
        causes.append(unsupported(type_, _PATH_TYPES, f"{at}.pathType"))
    elif type_ != "ImplementationSpecific" and not path.get("path", "").startswith("/"):
        causes.append(invalid(path.get("path", ""), "must be an absolute path", f"{at}.path"))
    return causes + _backend(path.get("backend") or {}, f"{at}.backend")


def _backend(backend: Object, at: str) -> list[Cause]:
    found = backend.get("service")
    if found is None and backend.get("resource") is None:
        return [required(at, "backend must be specified")]
    if found is None:
        return []
    causes: list[Cause] = []
    if not found.get("name"):
        causes.append(required(f"{at}.service.name"))
    elif why := service_name_error(found["name"]):
        causes.append(invalid(found["name"], why, f"{at}.service.name"))
    port = found.get("port") or {}
    if port.get("name") and port.get("number"):
        causes.append(invalid("", "cannot set both port name & port number", f"{at}.service.port"))
    elif not port.get("name") and not port.get("number"):
        causes.append(required(f"{at}.service", "port name or number is required"))
    elif port.get("number") and not 0 < port["number"] < 65536:
        causes.append(port_cause(port["number"], f"{at}.service.port.number"))
    return causes
