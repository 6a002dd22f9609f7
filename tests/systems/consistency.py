"""What can be wrong with a system's manifests and be seen without a server: each function says so in sentences."""

from __future__ import annotations

import base64
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any, Final

from drillbook.model.quantity import Dimension, Quantity
from tests.systems.manifests import (
    ALWAYS_THERE,
    CLUSTER_WIDE,
    LONG_LIVED,
    WORKLOADS,
    Manifests,
    Object,
    containers,
    name_of,
    namespace_of,
    ports_of,
    selects,
    template,
    title,
)

LABEL_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
RESOURCES: Final = {
    "cpu": Dimension.CORES,
    "memory": Dimension.BYTES,
    "ephemeral-storage": Dimension.BYTES,
    "storage": Dimension.BYTES,
    "pods": Dimension.COUNT,
    "persistentvolumeclaims": Dimension.COUNT,
}


def identity(found: Manifests) -> Iterator[str]:
    """Kind, version and a valid name; no object twice; a namespace that was made before it is used."""
    seen = Counter((obj["kind"], namespace_of(obj), name_of(obj)) for obj in found.objects)
    yield from (f"{' '.join(key)} is there {times} times" for key, times in seen.items() if times > 1)
    made = set(ALWAYS_THERE)
    for obj in found.objects:
        if not obj.get("apiVersion"):
            yield f"{title(obj)} has no apiVersion"
        if not LABEL_NAME.fullmatch(name_of(obj)):
            yield f"{title(obj)} has a name that Kubernetes refuses"
        if obj["kind"] == "Namespace":
            made.add(name_of(obj))
        elif obj["kind"] not in CLUSTER_WIDE and namespace_of(obj) not in made:
            yield f"{title(obj)} comes before its namespace {namespace_of(obj)!r} is made, or names none"


def selectors(found: Manifests) -> Iterator[str]:
    """A workload takes its own pods; a Service, a budget and a network policy take somebody's."""
    for workload in found.of(*LONG_LIVED):
        wanted = workload["spec"]["selector"]["matchLabels"]
        if not selects(wanted, template(workload)["metadata"]["labels"]):
            yield f"{title(workload)} does not select the pods that it makes"
    for service in found.of("Service"):
        behind = _selected(found, service, service["spec"].get("selector", {}))
        if not behind:
            yield f"{title(service)} selects no pod"
        for port in service["spec"]["ports"]:
            target = port.get("targetPort", port["port"])
            if not any(target in ports_of(workload) for workload in behind):
                yield f"{title(service)} sends port {port['port']} to {target}, which no container behind it names"
    for obj in found.of("PodDisruptionBudget", "NetworkPolicy"):
        chosen = obj["spec"].get("selector") or obj["spec"].get("podSelector", {})
        if chosen and not _selected(found, obj, chosen["matchLabels"]):
            yield f"{title(obj)} selects no pod"


def resources(found: Manifests) -> Iterator[str]:
    """Amounts that can be read; a request and a limit for every container, and no request above its limit."""
    for workload in found.of(*WORKLOADS):
        for container in containers(workload):
            yield from _container_resources(f"{title(workload)}, container {container['name']}", container)
    for claim in (*found.of("PersistentVolumeClaim"), *_claim_templates(found)):
        yield from _unreadable(_amounts(f"claim {name_of(claim)}", claim["spec"]["resources"]["requests"]))
    for quota in found.of("ResourceQuota"):
        hard = {key.rpartition(".")[2]: value for key, value in quota["spec"]["hard"].items()}
        yield from _unreadable(_amounts(title(quota), hard))


def scaling(found: Manifests) -> Iterator[str]:
    """Autoscalers with room between their bounds, and one for each target: two stop each other."""
    for scaler in found.of("HorizontalPodAutoscaler"):
        least, most = scaler["spec"].get("minReplicas", 1), scaler["spec"]["maxReplicas"]
        if not 1 <= least <= most:
            yield f"{title(scaler)} has bounds that leave no room: {least} to {most}"
    targets = Counter(
        (namespace_of(scaler), scaler["spec"]["scaleTargetRef"]["kind"], scaler["spec"]["scaleTargetRef"]["name"])
        for scaler in found.of("HorizontalPodAutoscaler")
    )
    yield from (f"{times} autoscalers share the target {'/'.join(key)}" for key, times in targets.items() if times > 1)


def pods(found: Manifests) -> Iterator[str]:
    """Containers mount what their pod has; those that serve say when they are ready, and know their address."""
    for workload in found.of(*WORKLOADS):
        volumes = {volume["name"] for volume in template(workload)["spec"].get("volumes", [])}
        volumes |= {name_of(claim) for claim in workload["spec"].get("volumeClaimTemplates", [])}
        for container in containers(workload):
            for mount in container.get("volumeMounts", []):
                if mount["name"] not in volumes:
                    yield f"{title(workload)} mounts the volume {mount['name']}, which its pod doesn't have"
    for workload in found.of(*LONG_LIVED):
        for container in template(workload)["spec"]["containers"]:
            yield from _serving(f"{title(workload)}, container {container['name']}", container, ports_of(workload))


def secrets(found: Manifests) -> Iterator[str]:
    """What is committed as a secret says of itself that it is none."""
    for secret in found.of("Secret"):
        if "data" in secret:
            yield f"{title(secret)} holds base64, which hides what it says; write stringData"
        for key, value in secret.get("stringData", {}).items():
            if not _says_that_it_is_none(value):
                yield f"{title(secret)}: {key} is not marked sandbox-only-"


def _says_that_it_is_none(value: str) -> bool:
    """In so many words, also where the value has to be base64 itself."""
    try:
        meant = base64.b64decode(value, validate=True)
    except ValueError:
        meant = b""
    return "sandbox-only-" in value or b"sandbox-only-" in meant


def _serving(where: str, container: Object, ports: set[str | int]) -> Iterator[str]:
    if "readinessProbe" not in container:
        yield f"{where} has no readiness probe"
    for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
        probe = container.get(kind, {})
        port = (probe.get("httpGet") or probe.get("tcpSocket") or {}).get("port")
        if port is not None and port not in ports:
            yield f"{where} probes port {port}, which it doesn't name ({kind})"
    if container.get("ports") and not any(_from_field(entry) == "status.podIP" for entry in container.get("env", [])):
        yield f"{where} isn't told its address (POD_IP)"


def _container_resources(where: str, container: Object) -> Iterator[str]:
    requests = dict(_amounts(where, container.get("resources", {}).get("requests", {})))
    limits = dict(_amounts(where, container.get("resources", {}).get("limits", {})))
    yield from _unreadable((*requests.items(), *limits.items()))
    if not {"cpu", "memory"} <= requests.keys() & limits.keys():
        yield f"{where} lacks a request or a limit for cpu or memory"
    for resource in requests.keys() & limits.keys():
        asked, most = requests[resource], limits[resource]
        if isinstance(asked, Decimal) and isinstance(most, Decimal) and asked > most:
            yield f"{where} requests more {resource} than its limit"


def _unreadable(amounts: Iterable[tuple[str, Decimal | str]]) -> Iterator[str]:
    return (amount for _, amount in amounts if isinstance(amount, str))


def _selected(found: Manifests, by: Object, selector: dict[str, str]) -> list[Object]:
    return [
        workload
        for workload in found.of(*WORKLOADS)
        if namespace_of(workload) == namespace_of(by)
        and selects(selector, template(workload)["metadata"].get("labels", {}))
    ]


def _from_field(entry: Object) -> str | None:
    path = entry.get("valueFrom", {}).get("fieldRef", {}).get("fieldPath")
    return str(path) if path else None


def _claim_templates(found: Manifests) -> Iterator[Object]:
    for stateful in found.of("StatefulSet"):
        yield from stateful["spec"].get("volumeClaimTemplates", [])


def _amounts(where: str, amounts: dict[str, Any]) -> Iterator[tuple[str, Decimal | str]]:
    """Each amount in base units, or a sentence about why it can't be read."""
    for resource, text in amounts.items():
        try:
            yield resource, Quantity.parse(str(text), RESOURCES[resource]).value
        except (KeyError, ValueError) as error:
            yield resource, f"{where}: {resource} can't be read: {error}"
