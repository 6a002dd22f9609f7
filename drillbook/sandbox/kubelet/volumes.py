"""A pod's volumes as folders, and where its containers mount them."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Final

from drillbook.sandbox.api.quantities import parse
from drillbook.sandbox.kinds import CLAIM, CONFIG_MAP, SECRET, VOLUME, Object
from drillbook.sandbox.kubelet.environment import ConfigMissing, expand, field_value
from drillbook.sandbox.kubelet.process import Bind
from drillbook.sandbox.room import MEMORY
from drillbook.sandbox.store import Store

if TYPE_CHECKING:
    from drillbook.sandbox.cluster import Cluster
    from drillbook.sandbox.kubelet.pod_tokens import PodTokens


MADE_OF_FILES: Final = ("configMap", "secret", "projected", "downwardAPI")
"""Volumes that the kubelet writes."""


class VolumeNotReady(Exception):
    """A claim that isn't bound yet, or a ConfigMap or Secret that isn't there: the pod waits, as in Kubernetes."""


@dataclass(frozen=True, slots=True)
class Mounted:
    """One volume of a pod."""

    name: str
    folder: Path
    read_only: bool = False
    claim: str | None = None
    sized: bool = False
    """Whether it asks for a size; whether it ends there, the disks know."""
    measured: bool = True
    """Whether the kubelet tells how much is in it: not of a path of the host's."""


def prepare(cluster: Cluster, pod: Object, folder: Path, claims: Path) -> dict[str, Mounted]:
    """Make or find the folder of every volume. ``claims`` holds those that outlive pods. Raises VolumeNotReady."""
    mounted = {}
    for volume in pod["spec"].get("volumes") or ():
        name = volume["name"]
        mounted[name] = _one(cluster, pod, volume, folder / "volumes" / name, claims)
    return mounted


def size_of_empty_dir(source: Object, pod: Object) -> int | None:
    """The bytes that an emptyDir may hold, None without a limit.

    One in memory always has a limit: that of the pod's memory, where each container has one, else the node's memory.
    """
    limits: list[Decimal] = []
    if parse(str(source.get("sizeLimit") or 0)):
        limits.append(parse(str(source["sizeLimit"])))
    if source.get("medium") == "Memory":
        memory = [((c.get("resources") or {}).get("limits") or {}).get("memory") for c in pod["spec"]["containers"]]
        if not all(memory):
            memory = [MEMORY]
        limits.append(sum((parse(str(one)) for one in memory), Decimal()))
    return int(min(limits)) if limits else None


def refresh(cluster: Cluster, pod: Object, mounted: Mapping[str, Mounted]) -> None:
    """Bring the volumes that are made of ConfigMaps and Secrets up to date; one whose source is gone stays as it is."""
    for volume in pod["spec"].get("volumes") or ():
        found = mounted.get(volume["name"])
        if found is None or not volume.keys() & set(MADE_OF_FILES):
            continue
        try:
            write_files(found.folder, files_of(cluster.store, cluster.pod_tokens, pod, volume), modes_of(volume))
        except VolumeNotReady:
            continue


def mounts_of(container: Object, mounted: Mapping[str, Mounted], env: Mapping[str, str]) -> list[Bind]:
    """What the container sees where; ``env``: what ``subPathExpr`` may name."""
    binds = []
    for mount in container.get("volumeMounts") or ():
        volume = mounted.get(mount["name"])
        if volume is None:
            raise ConfigMissing(
                f'container {container["name"]} mounts the volume "{mount["name"]}", which isn\'t there'
            )
        inner = mount.get("subPath") or expand(mount.get("subPathExpr") or "", env)
        source = volume.folder / inner
        if inner and not source.exists():
            source.mkdir(parents=True)
        binds.append(Bind(source, mount["mountPath"], bool(mount.get("readOnly")) or volume.read_only))
    return sorted(binds, key=lambda bind: bind.target.count("/"))


def _one(cluster: Cluster, pod: Object, volume: Object, folder: Path, claims: Path) -> Mounted:
    name, namespace, store = volume["name"], pod["metadata"]["namespace"], cluster.store
    if "persistentVolumeClaim" in volume:
        claim_name = volume["persistentVolumeClaim"]["claimName"]
        claim = store.get(CLAIM, namespace, claim_name)
        if claim is None or (claim.get("status") or {}).get("phase") != "Bound":
            because = "not found" if claim is None else "is not bound"
            raise VolumeNotReady(f'persistentvolumeclaim "{claim_name}" {because}')
        bound = store.get(VOLUME, "", claim["spec"]["volumeName"])
        path = Path(bound["spec"]["hostPath"]["path"]) if bound else claims / claim["spec"]["volumeName"]
        path.mkdir(parents=True, exist_ok=True)
        return Mounted(name, path, bool(volume["persistentVolumeClaim"].get("readOnly")), claim_name, sized=True)
    if "hostPath" in volume:
        path = Path(volume["hostPath"]["path"])
        if volume["hostPath"].get("type") == "DirectoryOrCreate":
            path.mkdir(parents=True, exist_ok=True)
        return Mounted(name, path, measured=False)
    size = size_of_empty_dir(volume["emptyDir"] or {}, pod) if "emptyDir" in volume else None
    if size is not None:
        cluster.disks.make(folder, size)
        return Mounted(name, folder, sized=True)
    folder.mkdir(parents=True, exist_ok=True)
    if volume.keys() & set(MADE_OF_FILES):
        write_files(folder, files_of(store, cluster.pod_tokens, pod, volume), modes_of(volume))
        return Mounted(name, folder, read_only=True)
    return Mounted(name, folder)


def files_of(store: Store, tokens: PodTokens, pod: Object, volume: Object) -> dict[str, bytes]:
    """Relative path to content, for a volume that is made of files. Raises VolumeNotReady."""
    namespace = pod["metadata"]["namespace"]
    if "configMap" in volume:
        source = volume["configMap"]
        found = store.get(CONFIG_MAP, namespace, source["name"])
        data = {k: str(v).encode() for k, v in ((found or {}).get("data") or {}).items()} | {
            k: base64.b64decode(v) for k, v in ((found or {}).get("binaryData") or {}).items()
        }
        return _chosen(source, found, data, "configmap", source["name"])
    if "secret" in volume:
        source = volume["secret"]
        name = source.get("secretName") or source.get("name")
        found = store.get(SECRET, namespace, name)
        data = {k: base64.b64decode(v) for k, v in ((found or {}).get("data") or {}).items()}
        return _chosen(source, found, data, "secret", name)
    if "downwardAPI" in volume:
        items = volume["downwardAPI"].get("items") or ()
        return {item["path"]: field_value(pod, item["fieldRef"]["fieldPath"]).encode() for item in items}
    files: dict[str, bytes] = {}
    for source in volume["projected"].get("sources") or ():
        if "serviceAccountToken" in source:
            token = tokens.of(pod, source["serviceAccountToken"])
            if token is None:
                raise VolumeNotReady(f'serviceaccounts "{pod["spec"].get("serviceAccountName", "default")}" not found')
            files[source["serviceAccountToken"]["path"]] = token
        else:
            files |= files_of(store, tokens, pod, source)
    return files


def modes_of(volume: Object) -> Mapping[str, int]:
    """The mode of each file that has one of its own, and under ``""`` that of the others."""
    kind = next(name for name in MADE_OF_FILES if name in volume)
    sources = volume[kind].get("sources") or [{kind: volume[kind]}]
    items = [item for source in sources for part in source.values() for item in part.get("items") or ()]
    own = {item["path"]: int(item["mode"]) for item in items if item.get("mode") is not None}
    return {"": int(volume[kind].get("defaultMode") or 0o644), **own}


def write_files(folder: Path, files: Mapping[str, bytes], modes: Mapping[str, int]) -> None:
    """Make the folder hold exactly these files; one that is unchanged is left alone."""
    for relative, content in files.items():
        path = folder / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_bytes() != content:
            fresh = path.with_name(f".{path.name}.new")
            fresh.write_bytes(content)
            fresh.chmod(modes.get(relative, modes[""]))
            fresh.replace(path)
    for path in folder.rglob("*"):
        if path.is_file() and str(path.relative_to(folder)) not in files:
            path.unlink()


def remove(folder: Path) -> None:
    """Take a pod's folder away, whatever its programs did to the permissions."""

    def make_writable(_: object, path: str, __: BaseException) -> None:
        place = Path(path)
        place.parent.chmod(0o700)
        if place.is_dir():
            place.chmod(0o700)
            shutil.rmtree(place)
        else:
            place.unlink(missing_ok=True)

    if folder.exists():
        shutil.rmtree(folder, onexc=make_writable)


def _chosen(source: Object, found: Object | None, data: dict[str, bytes], word: str, name: str) -> dict[str, bytes]:
    if found is None:
        if source.get("optional"):
            return {}
        raise VolumeNotReady(f'{word} "{name}" not found')
    if not source.get("items"):
        return data
    missing = [item["key"] for item in source["items"] if item["key"] not in data]
    if missing and not source.get("optional"):
        raise VolumeNotReady(f"{word} references non-existent config key: {missing[0]}")
    return {item["path"]: data[item["key"]] for item in source["items"] if item["key"] in data}
