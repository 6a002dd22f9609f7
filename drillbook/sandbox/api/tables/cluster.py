"""Nodes, namespaces, storage, configuration and access."""

from __future__ import annotations

from typing import Final

from drillbook.sandbox.api.tables.cells import AGE, NAME, NONE, UNKNOWN, Column, at, modes, pairs
from drillbook.sandbox.kinds import Object

_ROLE: Final = "node-role.kubernetes.io/"
_DEFAULT_CLASS: Final = "storageclass.kubernetes.io/is-default-class"


def _node_status(node: Object) -> str:
    conditions = at(node, "status", "conditions", default=[])
    ready = ["Ready" if c.get("status") == "True" else "NotReady" for c in conditions if c.get("type") == "Ready"]
    words = ready or ["Unknown"]
    if at(node, "spec", "unschedulable"):
        words.append("SchedulingDisabled")
    return ",".join(words)


def _roles(node: Object) -> str:
    labels = node["metadata"].get("labels") or {}
    return ",".join(sorted(key.removeprefix(_ROLE) for key in labels if key.startswith(_ROLE))) or NONE


def _address(node: Object, type_: str) -> str:
    found = [a["address"] for a in at(node, "status", "addresses", default=[]) if a.get("type") == type_]
    return found[0] if found else NONE


def _info(name: str, field: str, priority: int = 1) -> Column:
    return Column(name, lambda o: at(o, "status", "nodeInfo", field, default=UNKNOWN), priority=priority)


NODE_COLUMNS: Final = (
    NAME,
    Column("Status", _node_status),
    Column("Roles", _roles),
    AGE,
    Column("Version", lambda o: at(o, "status", "nodeInfo", "kubeletVersion", default="")),
    Column("Internal-IP", lambda o: _address(o, "InternalIP"), priority=1),
    Column("External-IP", lambda o: _address(o, "ExternalIP"), priority=1),
    _info("OS-Image", "osImage"),
    _info("Kernel-Version", "kernelVersion"),
    _info("Container-Runtime", "containerRuntimeVersion"),
)
NAMESPACE_COLUMNS: Final = (NAME, Column("Status", lambda o: at(o, "status", "phase", default="")), AGE)
SECRET_COLUMNS: Final = (
    NAME,
    Column("Type", lambda o: o.get("type", "")),
    Column("Data", lambda o: len(o.get("data") or {}), type="integer"),
    AGE,
)
CONFIG_MAP_COLUMNS: Final = (
    NAME,
    Column("Data", lambda o: len(o.get("data") or {}) + len(o.get("binaryData") or {}), type="integer"),
    AGE,
)


def _claim_status(claim: Object) -> str:
    if "deletionTimestamp" in claim["metadata"]:
        return "Terminating"
    return str(at(claim, "status", "phase", default=""))


CLAIM_COLUMNS: Final = (
    NAME,
    Column("Status", _claim_status),
    Column("Volume", lambda o: at(o, "spec", "volumeName", default="")),
    Column("Capacity", lambda o: at(o, "status", "capacity", "storage", default="")),
    Column("Access Modes", lambda o: modes(at(o, "status", "accessModes"))),
    Column("StorageClass", lambda o: at(o, "spec", "storageClassName", default="")),
    Column("VolumeAttributesClass", lambda o: at(o, "spec", "volumeAttributesClassName", default="<unset>")),
    AGE,
    Column("VolumeMode", lambda o: at(o, "spec", "volumeMode", default="<unset>"), priority=1),
)


def _claim_of(volume: Object) -> str:
    claim = at(volume, "spec", "claimRef")
    return f"{claim.get('namespace', '')}/{claim.get('name', '')}" if claim else ""


VOLUME_COLUMNS: Final = (
    NAME,
    Column("Capacity", lambda o: at(o, "spec", "capacity", "storage", default="")),
    Column("Access Modes", lambda o: modes(at(o, "spec", "accessModes"))),
    Column("Reclaim Policy", lambda o: at(o, "spec", "persistentVolumeReclaimPolicy", default="")),
    Column("Status", _claim_status),
    Column("Claim", _claim_of),
    Column("StorageClass", lambda o: at(o, "spec", "storageClassName", default="")),
    Column("VolumeAttributesClass", lambda o: at(o, "spec", "volumeAttributesClassName", default="<unset>")),
    Column("Reason", lambda o: at(o, "status", "reason", default="")),
    AGE,
    Column("VolumeMode", lambda o: at(o, "spec", "volumeMode", default="<unset>"), priority=1),
)


def _class_name(obj: Object) -> str:
    default = at(obj, "metadata", "annotations", _DEFAULT_CLASS) == "true"
    return f"{obj['metadata']['name']}{' (default)' if default else ''}"


STORAGE_CLASS_COLUMNS: Final = (
    Column("Name", _class_name, format="name"),
    Column("Provisioner", lambda o: o.get("provisioner", "")),
    Column("ReclaimPolicy", lambda o: o.get("reclaimPolicy", "")),
    Column("VolumeBindingMode", lambda o: o.get("volumeBindingMode", "")),
    Column("AllowVolumeExpansion", lambda o: bool(o.get("allowVolumeExpansion")), type="boolean"),
    AGE,
)
LEASE_COLUMNS: Final = (NAME, Column("Holder", lambda o: at(o, "spec", "holderIdentity", default="")), AGE)
SERVICE_ACCOUNT_COLUMNS: Final = (NAME, Column("Secrets", lambda o: len(o.get("secrets") or []), type="integer"), AGE)


def _quota(prefix: str) -> Column:
    def cell(obj: Object) -> str:
        hard, used = at(obj, "status", "hard", default={}), at(obj, "status", "used", default={})
        names = sorted(n for n in hard if n.startswith("limits.") == (prefix == "Limit"))
        return ", ".join(f"{name}: {used.get(name, '0')}/{hard[name]}" for name in names)

    return Column(prefix, cell)


RESOURCE_QUOTA_COLUMNS: Final = (NAME, _quota("Request"), _quota("Limit"), AGE)
CREATED: Final = Column("Created At", lambda o: o["metadata"].get("creationTimestamp", ""))
ROLE_COLUMNS: Final = (NAME, CREATED)


def _subjects(kind: str) -> Column:
    def cell(obj: Object) -> str:
        found = [s for s in obj.get("subjects") or [] if s.get("kind") == kind]
        return ", ".join(f"{s['namespace']}/{s['name']}" if s.get("namespace") else s["name"] for s in found)

    return Column({"ServiceAccount": "ServiceAccounts"}.get(kind, f"{kind}s"), cell, priority=1)


ROLE_BINDING_COLUMNS: Final = (
    NAME,
    Column("Role", lambda o: f"{at(o, 'roleRef', 'kind', default='')}/{at(o, 'roleRef', 'name', default='')}"),
    AGE,
    _subjects("User"),
    _subjects("Group"),
    _subjects("ServiceAccount"),
)
PRIORITY_CLASS_COLUMNS: Final = (
    NAME,
    Column("Value", lambda o: o.get("value", 0), type="integer"),
    Column("Global-Default", lambda o: bool(o.get("globalDefault")), type="boolean"),
    AGE,
    Column("PreemptionPolicy", lambda o: o.get("preemptionPolicy", "")),
)


def _controller(obj: Object) -> str:
    for owner in obj["metadata"].get("ownerReferences") or []:
        if owner.get("controller"):
            group = owner["apiVersion"].partition("/")[0] if "/" in owner["apiVersion"] else ""
            return f"{owner['kind'].lower()}{'.' + group if group else ''}/{owner['name']}"
    return NONE


CONTROLLER_REVISION_COLUMNS: Final = (
    NAME,
    Column("Controller", _controller),
    Column("Revision", lambda o: o.get("revision", 0), type="integer"),
    AGE,
)
NETWORK_POLICY_COLUMNS: Final = (
    NAME,
    Column("Pod-Selector", lambda o: pairs(at(o, "spec", "podSelector", "matchLabels"))),
    AGE,
)
