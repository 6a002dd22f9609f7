"""Pods and pod templates."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any, Final

from drillbook.sandbox.api import quantities
from drillbook.sandbox.api.names import (
    Cause,
    duplicate,
    forbidden_field,
    invalid,
    label_causes,
    label_error,
    required,
    subdomain_error,
    unsupported,
)  # fmt: skip
from drillbook.sandbox.api.preparing import quality_of_service
from drillbook.sandbox.api.validation.affinity import node_affinity
from drillbook.sandbox.kinds import Object
from drillbook.sandbox.store import clone

RESTART: Final = ("Always", "OnFailure", "Never")
_PROTOCOLS: Final = ("SCTP", "TCP", "UDP")
_PULL: Final = ("Always", "IfNotPresent", "Never")
_DNS: Final = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
_HANDLERS: Final = ("exec", "httpGet", "tcpSocket", "grpc")
_MUTABLE: Final = ("activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds")
_RESIZABLE: Final = frozenset({"cpu", "memory"})
_RESIZE: Final = "only cpu and memory resources are mutable"
_CHANGE: Final = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)


def pod(obj: Object) -> list[Cause]:
    """A Pod."""
    return pod_spec(obj.get("spec") or {}, "spec")


def pod_change(old: Object, new: Object) -> list[Cause]:
    """A pod's spec may change in few fields only."""
    causes: list[Cause] = []
    before, after = clone(old["spec"]), clone(new["spec"])
    had, has = before.get("tolerations") or [], after.get("tolerations") or []
    if any(toleration not in has for toleration in had):
        causes.append(
            forbidden_field("spec.tolerations", "existing toleration can not be modified except its tolerationSeconds")
        )
    if not before.get("nodeName") and after.get("nodeName"):
        before["nodeName"] = after["nodeName"]
    for spec in (before, after):
        for field in _MUTABLE:
            spec.pop(field, None)
        for container in [*(spec.get("containers") or []), *(spec.get("initContainers") or [])]:
            container.pop("image", None)
        spec.pop("ephemeralContainers", None)
    if before != after:
        causes.append(forbidden_field("spec", _CHANGE))
    return causes


def pod_resize(old: Object, new: Object) -> list[Cause]:
    """What the ``resize`` subresource may change: CPU and memory of containers, and not the quality of service."""
    before, after = clone(old["spec"]), clone(new["spec"])
    for spec in (before, after):
        for container in [*(spec.get("containers") or []), *(spec.get("initContainers") or [])]:
            for given in (container.pop("resources", None) or {}).values():
                if isinstance(given, dict) and not given.keys() <= _RESIZABLE:
                    return [forbidden_field("spec", _RESIZE)]
    if before != after:
        return [forbidden_field("spec", _RESIZE)]
    if quality_of_service(old) != quality_of_service(new):
        return [invalid(quality_of_service(new), "Pod QOS Class may not change as a result of resizing", "spec")]
    return []


def template(workload: Object, at: str = "spec.template") -> list[Cause]:
    """A workload's pod template."""
    given = workload.get("spec", {}).get("template") or {}
    labels = (given.get("metadata") or {}).get("labels")
    # A StatefulSet's pods have a volume for each of its claim templates too.
    claims = {claim["metadata"]["name"] for claim in workload.get("spec", {}).get("volumeClaimTemplates") or []}
    return label_causes(labels, f"{at}.metadata.labels") + pod_spec(given.get("spec") or {}, f"{at}.spec", claims)


def pod_spec(spec: Mapping[str, Any], at: str, claims: Collection[str] = ()) -> list[Cause]:
    """What a pod and a template share; ``claims`` are volumes that its workload brings."""
    causes: list[Cause] = []
    volumes = _volumes(spec.get("volumes") or [], f"{at}.volumes", causes) | {*claims}
    containers = spec.get("containers") or []
    if not containers:
        causes.append(required(f"{at}.containers"))
    seen: set[str] = set()
    for field in ("initContainers", "containers"):
        for i, container in enumerate(spec.get(field) or []):
            causes += _container(container, f"{at}.{field}[{i}]", volumes, seen)
    return causes + _policies(spec, at)


def _policies(spec: Mapping[str, Any], at: str) -> list[Cause]:
    causes: list[Cause] = []
    if spec.get("restartPolicy") not in RESTART:
        causes.append(unsupported(spec.get("restartPolicy", ""), RESTART, f"{at}.restartPolicy"))
    if spec.get("dnsPolicy", "ClusterFirst") not in _DNS:
        causes.append(unsupported(spec["dnsPolicy"], _DNS, f"{at}.dnsPolicy"))
    if spec.get("terminationGracePeriodSeconds", 0) < 0:
        causes.append(_negative(spec["terminationGracePeriodSeconds"], f"{at}.terminationGracePeriodSeconds"))
    if spec.get("activeDeadlineSeconds", 1) < 1:
        why = "must be between 1 and 2147483647, inclusive"
        causes.append(invalid(spec["activeDeadlineSeconds"], why, f"{at}.activeDeadlineSeconds"))
    named = [(field, spec[field]) for field in ("serviceAccountName", "nodeName") if spec.get(field)]
    causes += [invalid(value, why, f"{at}.{field}") for field, value in named if (why := subdomain_error(value))]
    if spec.get("hostname") and (why := label_error(spec["hostname"])):
        causes.append(invalid(spec["hostname"], why, f"{at}.hostname"))
    causes += label_causes(spec.get("nodeSelector"), f"{at}.nodeSelector")
    return causes + node_affinity(spec, at)


def _volumes(volumes: list[Object], at: str, causes: list[Cause]) -> set[str]:
    names: set[str] = set()
    for i, volume in enumerate(volumes):
        name = volume.get("name", "")
        if not name:
            causes.append(required(f"{at}[{i}].name"))
        elif why := label_error(name):
            causes.append(invalid(name, why, f"{at}[{i}].name"))
        elif name in names:
            causes.append(duplicate(name, f"{at}[{i}].name"))
        if len(volume) > 2:
            causes.append(forbidden_field(f"{at}[{i}]", "may not specify more than 1 volume type"))
        claim = volume.get("persistentVolumeClaim")
        if claim is not None and not claim.get("claimName"):
            causes.append(required(f"{at}[{i}].persistentVolumeClaim.claimName"))
        names.add(name)
    return names


def _container(container: Object, at: str, volumes: set[str], seen: set[str]) -> list[Cause]:
    causes = _name(container, at, seen)
    image = container.get("image", "")
    if not image:
        causes.append(required(f"{at}.image"))
    elif image != image.strip():
        causes.append(invalid(image, "must not have leading or trailing whitespace", f"{at}.image"))
    if container.get("imagePullPolicy", "Always") not in _PULL:
        causes.append(unsupported(container["imagePullPolicy"], _PULL, f"{at}.imagePullPolicy"))
    causes += _ports(container.get("ports") or [], f"{at}.ports")
    causes += _environment(container, at)
    causes += _mounts(container, at, volumes)
    for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
        if probe in container:
            causes += _probe(container[probe], f"{at}.{probe}", probe == "readinessProbe")
    for hook, action in (container.get("lifecycle") or {}).items():
        if isinstance(action, dict):
            causes += _handler(action, f"{at}.lifecycle.{hook}")
    return causes + _resources(container.get("resources") or {}, f"{at}.resources")


def _name(container: Object, at: str, seen: set[str]) -> list[Cause]:
    name = container.get("name", "")
    causes: list[Cause] = []
    if not name:
        causes.append(required(f"{at}.name"))
    elif why := label_error(name):
        causes.append(invalid(name, why, f"{at}.name"))
    elif name in seen:
        causes.append(duplicate(name, f"{at}.name"))
    seen.add(name)
    return causes


def _mounts(container: Object, at: str, volumes: set[str]) -> list[Cause]:
    causes: list[Cause] = []
    mounted: set[str] = set()
    for i, mount in enumerate(container.get("volumeMounts") or []):
        place = f"{at}.volumeMounts[{i}]"
        if not mount.get("name"):
            causes.append(required(f"{place}.name"))
        elif mount["name"] not in volumes:
            causes.append(("FieldValueNotFound", f'Not found: "{mount["name"]}"', f"{place}.name"))
        path = mount.get("mountPath", "")
        if not path:
            causes.append(required(f"{place}.mountPath"))
        elif path in mounted:
            causes.append(invalid(path, "must be unique", f"{place}.mountPath"))
        mounted.add(path)
    return causes


def _ports(ports: list[Object], at: str) -> list[Cause]:
    causes: list[Cause] = []
    names: set[str] = set()
    for i, port in enumerate(ports):
        number = port.get("containerPort", 0)
        if not 0 < number < 65536:
            causes.append(port_cause(number, f"{at}[{i}].containerPort"))
        if port.get("protocol") not in _PROTOCOLS:
            causes.append(unsupported(port.get("protocol", ""), _PROTOCOLS, f"{at}[{i}].protocol"))
        name = port.get("name")
        if name:
            if name in names:
                causes.append(duplicate(name, f"{at}[{i}].name"))
            elif len(name) > 15:
                causes.append(invalid(name, "must be no more than 15 characters", f"{at}[{i}].name"))
            names.add(name)
    return causes


def _environment(container: Object, at: str) -> list[Cause]:
    causes: list[Cause] = []
    for i, env in enumerate(container.get("env") or []):
        place = f"{at}.env[{i}]"
        name = env.get("name", "")
        if not name:
            causes.append(required(f"{place}.name"))
        elif "=" in name or not name.isprintable() or not name.isascii():
            why = "a valid environment variable name must consist only of printable ASCII characters other than '='"
            causes.append(invalid(name, why, f"{place}.name"))
        source = env.get("valueFrom")
        if source is not None and env.get("value"):
            causes.append(invalid("", "may not be specified when `value` is not empty", f"{place}.valueFrom"))
        elif source is not None and len(source) != 1:
            why = "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`"
            causes.append(invalid("", why, f"{place}.valueFrom"))
    return causes


def _probe(probe: Mapping[str, Any], at: str, many_successes: bool) -> list[Cause]:
    causes = _handler(probe, at)
    for field in ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"):
        if probe.get(field, 0) < 0:
            causes.append(_negative(probe[field], f"{at}.{field}"))
    if not many_successes and probe.get("successThreshold", 1) != 1:
        causes.append(invalid(probe["successThreshold"], "must be 1", f"{at}.successThreshold"))
    return causes


def _handler(action: Mapping[str, Any], at: str) -> list[Cause]:
    found = [name for name in (*_HANDLERS, "sleep") if name in action]
    if not found:
        return [required(at, "must specify a handler type")]
    if len(found) > 1:
        return [forbidden_field(f"{at}.{found[1]}", "may not specify more than 1 handler type")]
    handler = action[found[0]]
    if found[0] in {"httpGet", "tcpSocket"}:
        port = handler.get("port")
        if isinstance(port, int) and not 0 < port < 65536:
            return [port_cause(port, f"{at}.{found[0]}.port")]
    elif found[0] == "exec" and not handler.get("command"):
        return [required(f"{at}.exec.command")]
    return []


def _resources(resources: Mapping[str, Any], at: str) -> list[Cause]:
    causes: list[Cause] = []
    limits = resources.get("limits") or {}
    for field in ("limits", "requests"):
        for name, text in (resources.get(field) or {}).items():
            value = quantities.parse(text)
            if value < 0:
                causes.append(invalid(text, "must be greater than or equal to 0", f"{at}.{field}[{name}]"))
            elif field == "requests" and name in limits and value > Decimal(quantities.parse(limits[name])):
                why = f"must be less than or equal to {name} limit of {limits[name]}"
                causes.append(invalid(text, why, f"{at}.requests"))
    return causes


def port_cause(number: Any, at: str) -> Cause:
    """A port number out of range."""
    return invalid(number, "must be between 1 and 65535, inclusive", at)


def _negative(number: int, at: str) -> Cause:
    return invalid(number, "must be greater than or equal to 0", at)
