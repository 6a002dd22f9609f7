"""What admission adds to a new pod so that its programs can talk to the API: a token, the CA, the namespace's name."""

from __future__ import annotations

from typing import Final

from drillbook.sandbox.api.names import generated
from drillbook.sandbox.kinds import SERVICE_ACCOUNT, Object
from drillbook.sandbox.store import Store

FOLDER: Final = "/var/run/secrets/kubernetes.io/serviceaccount"
ROOT_CA: Final = "kube-root-ca.crt"
_PREFIX: Final = "kube-api-access-"
_SECONDS: Final = 3607
"""Kubernetes' own number: an hour, and a little so that it shows who asked."""
_MODE: Final = 0o644


def mount_account(store: Store, pod: Object) -> None:
    """Add the volume, and its mount to every container that mounts nothing there, unless pod or account say no."""
    spec = pod["spec"]
    wanted = spec.get("automountServiceAccountToken")
    if wanted is None:
        account = store.get(SERVICE_ACCOUNT, pod["metadata"].get("namespace", ""), spec["serviceAccountName"]) or {}
        wanted = account.get("automountServiceAccountToken")
    if wanted is False:
        return
    volumes = spec.get("volumes") or []
    name = next((volume["name"] for volume in volumes if volume["name"].startswith(_PREFIX)), "")
    chosen = name or generated(_PREFIX)
    if _mount(spec, chosen) and not name:
        spec["volumes"] = [*volumes, {"name": chosen, "projected": {"defaultMode": _MODE, "sources": _sources()}}]


def _mount(spec: Object, volume: str) -> bool:
    """Whether any container needs the volume."""
    bare = [
        container
        for container in [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]
        if not any(str(mount.get("mountPath")) == FOLDER for mount in container.get("volumeMounts") or ())
    ]
    for container in bare:
        mount = {"name": volume, "mountPath": FOLDER, "readOnly": True}
        container["volumeMounts"] = [*(container.get("volumeMounts") or ()), mount]
    return bool(bare)


def _sources() -> list[Object]:
    about = {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}
    return [
        {"serviceAccountToken": {"expirationSeconds": _SECONDS, "path": "token"}},
        {"configMap": {"name": ROOT_CA, "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [about]}},
    ]
