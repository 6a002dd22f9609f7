"""Defaults of pods and of the templates that make them."""

from __future__ import annotations

from typing import Any, Final

from drillbook.sandbox.api.defaults.new import New
from drillbook.sandbox.kinds import PRIORITY_CLASS, Object
from drillbook.sandbox.store import Store, clone

_NOT_READY: Final = "node.kubernetes.io/not-ready"
_UNREACHABLE: Final = "node.kubernetes.io/unreachable"
_MODED_VOLUMES: Final = ("configMap", "secret", "downwardAPI", "projected")
_MODE: Final = 0o644


def pod(new: New) -> None:
    """A Pod: the template's defaults, and what admission adds to a new pod."""
    spec = new.spec
    pod_spec(spec)
    spec.setdefault("enableServiceLinks", True)
    for container in [*(spec.get("containers") or []), *(spec.get("initContainers") or [])]:
        _requests_from_limits(container)
    if new.old is not None:
        for field in (
            "nodeName",
            "serviceAccountName",
            "serviceAccount",
            "tolerations",
            "priority",
            "preemptionPolicy",
        ):
            if field in new.old.get("spec", {}):
                spec.setdefault(field, clone(new.old["spec"][field]))
        return
    account = spec.get("serviceAccountName") or spec.get("serviceAccount") or "default"
    spec["serviceAccountName"] = spec["serviceAccount"] = account
    _priority(spec, new.store)
    _tolerations(spec)


def pod_spec(spec: Object) -> None:
    """The defaults that a pod and a pod template share."""
    spec.setdefault("restartPolicy", "Always")
    spec.setdefault("dnsPolicy", "ClusterFirst")
    spec.setdefault("schedulerName", "default-scheduler")
    spec.setdefault("terminationGracePeriodSeconds", 30)
    spec.setdefault("securityContext", {})
    for container in [*(spec.get("containers") or []), *(spec.get("initContainers") or [])]:
        _container(container)
    for volume in spec.get("volumes") or []:
        _volume(volume)


def template(obj: Object) -> None:
    """The template of a workload."""
    spec = obj.get("spec") or {}
    if isinstance(spec.get("template"), dict):
        spec["template"].setdefault("metadata", {})
        pod_spec(spec["template"].setdefault("spec", {}))


def _container(container: Object) -> None:
    container.setdefault("terminationMessagePath", "/dev/termination-log")
    container.setdefault("terminationMessagePolicy", "File")
    container.setdefault("resources", {})
    if container.get("image"):
        container.setdefault("imagePullPolicy", _pull_policy(container["image"]))
    for port in container.get("ports") or []:
        port.setdefault("protocol", "TCP")
    for env in container.get("env") or []:
        reference = (env.get("valueFrom") or {}).get("fieldRef")
        if reference is not None:
            reference.setdefault("apiVersion", "v1")
        resource = (env.get("valueFrom") or {}).get("resourceFieldRef")
        if resource is not None:
            resource.setdefault("divisor", "0")
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        if isinstance(container.get(name), dict):
            _probe(container[name])
    for hook in (container.get("lifecycle") or {}).values():
        if isinstance(hook, dict):
            _http(hook.get("httpGet"))


def _probe(probe: dict[str, Any]) -> None:
    _http(probe.get("httpGet"))
    if isinstance(probe.get("grpc"), dict):
        probe["grpc"].setdefault("service", "")
    for field, value in (
        ("timeoutSeconds", 1),
        ("periodSeconds", 10),
        ("successThreshold", 1),
        ("failureThreshold", 3),
    ):
        if not probe.get(field):
            probe[field] = value


def _http(action: Any) -> None:
    if isinstance(action, dict):
        action.setdefault("path", "/")
        action.setdefault("scheme", "HTTP")


def _pull_policy(image: str) -> str:
    name = image.rpartition("/")[2]
    _, colon, tag = name.partition(":")
    if "@" in name:
        return "IfNotPresent"
    return "Always" if not colon or tag == "latest" else "IfNotPresent"


def _volume(volume: Object) -> None:
    if set(volume) <= {"name"}:
        volume["emptyDir"] = {}
    for source in _MODED_VOLUMES:
        if isinstance(volume.get(source), dict):
            volume[source].setdefault("defaultMode", _MODE)
    if isinstance(volume.get("hostPath"), dict):
        volume["hostPath"].setdefault("type", "")


def _requests_from_limits(container: Object) -> None:
    """A limit without a request is the request, too."""
    resources = container.get("resources") or {}
    limits = resources.get("limits")
    if limits:
        requests = resources.setdefault("requests", {})
        for name, value in limits.items():
            requests.setdefault(name, value)


def _priority(spec: Object, store: Store) -> None:
    name = spec.get("priorityClassName")
    found = store.get(PRIORITY_CLASS, "", name) if name else None
    spec.setdefault("priority", found["value"] if found else 0)
    spec.setdefault("preemptionPolicy", (found or {}).get("preemptionPolicy", "PreemptLowerPriority"))


def _tolerations(spec: Object) -> None:
    """Five minutes on a node that is gone, unless the pod says otherwise."""
    tolerations = spec.setdefault("tolerations", [])
    for key in (_NOT_READY, _UNREACHABLE):
        matches = [t for t in tolerations if t.get("key", key) == key and t.get("effect", "NoExecute") == "NoExecute"]
        if not matches:
            tolerations.append({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300})
