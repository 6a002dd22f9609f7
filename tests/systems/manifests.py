"""The manifests of a system as objects, and the small questions that tests ask about them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

SYSTEMS: Final = Path(__file__).parents[2] / "systems"
CLUSTER_WIDE: Final = {
    "Namespace",
    "ClusterIssuer",
    "IngressClass",
    "StorageClass",
    "ClusterRole",
    "ClusterRoleBinding",
}
ALWAYS_THERE: Final = {"default", "kube-system", "kube-public", "kube-node-lease"}
LONG_LIVED: Final = {"Deployment", "StatefulSet", "DaemonSet"}
WORKLOADS: Final = LONG_LIVED | {"Job", "CronJob"}

type Object = dict[str, Any]


@dataclass(frozen=True)
class Manifests:
    """All objects of one system, in the order in which ``kubectl apply -f FOLDER`` sends them."""

    objects: tuple[Object, ...]

    def of(self, *kinds: str) -> Iterator[Object]:
        """The objects of these kinds."""
        return (obj for obj in self.objects if obj["kind"] in kinds)

    def find(self, kind: str, namespace: str, name: str) -> Object | None:
        """One object, or None."""
        return next((obj for obj in self.of(kind) if (namespace_of(obj), name_of(obj)) == (namespace, name)), None)

    def keys(self, kind: str, namespace: str, name: str) -> set[str] | None:
        """The keys of a ConfigMap or Secret, also of one that cert-manager issues; None when nothing makes it."""
        obj = self.find(kind, namespace, name)
        if obj is not None:
            return set(obj.get("data", {})) | set(obj.get("stringData", {}))
        if kind == "Secret" and name in self._issued(namespace):
            return {"tls.crt", "tls.key", "ca.crt"}
        return None

    def _issued(self, namespace: str) -> set[str]:
        made = {obj["spec"]["secretName"] for obj in self.of("Certificate") if namespace_of(obj) == namespace}
        for ingress in self.of("Ingress"):
            annotations = ingress["metadata"].get("annotations", {})
            if namespace_of(ingress) == namespace and any(key.startswith("cert-manager.io/") for key in annotations):
                made |= {entry["secretName"] for entry in ingress["spec"].get("tls", [])}
        return made


def systems() -> list[str]:
    """The systems that have manifests."""
    return sorted(folder.parent.name for folder in SYSTEMS.glob("*/manifests"))


def files(system: str) -> list[Path]:
    """The manifest files of a system, in the order in which kubectl reads a folder."""
    return sorted((SYSTEMS / system / "manifests").glob("*.yaml"))


@cache
def load(system: str) -> Manifests:
    """Read every file; a list's items count as objects of their own."""
    found: list[Object] = []
    for path in files(system):
        for document in yaml.safe_load_all(path.read_text(encoding="utf-8")):
            found.extend(document["items"] if document["kind"] == "List" else [document])
    return Manifests(tuple(found))


def name_of(obj: Mapping[str, Any]) -> str:
    return str(obj["metadata"]["name"])


def namespace_of(obj: Mapping[str, Any]) -> str:
    """The namespace; empty for kinds that have none, and where it isn't written."""
    return "" if obj["kind"] in CLUSTER_WIDE else str(obj["metadata"].get("namespace", ""))


def title(obj: Mapping[str, Any]) -> str:
    """``Deployment smartcloudops/backend``, for sentences."""
    return f"{obj['kind']} {'/'.join(part for part in (namespace_of(obj), name_of(obj)) if part)}"


def template(workload: Mapping[str, Any]) -> Object:
    """The pod template of a workload."""
    spec = workload["spec"]
    return dict((spec["jobTemplate"]["spec"] if workload["kind"] == "CronJob" else spec)["template"])


def containers(workload: Mapping[str, Any]) -> list[Object]:
    """The containers of a workload's pods, the init containers first."""
    spec = template(workload)["spec"]
    return [*spec.get("initContainers", []), *spec["containers"]]


def ports_of(workload: Mapping[str, Any]) -> set[str | int]:
    """The numbers and names of the ports of a workload's containers."""
    ports = [port for container in containers(workload) for port in container.get("ports", [])]
    return {port["containerPort"] for port in ports} | {port["name"] for port in ports if "name" in port}


def selects(selector: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Whether an equality selector takes an object with these labels; an empty one takes none."""
    return bool(selector) and selector.items() <= labels.items()
