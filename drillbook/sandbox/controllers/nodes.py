"""The nodes: three, each with an address, room, a heartbeat, a Lease, and a status that its kubelet keeps true."""

from __future__ import annotations

import asyncio
import os
import platform
from typing import Final

from drillbook.sandbox.cluster import Cluster
from drillbook.sandbox.controllers.admission import create
from drillbook.sandbox.controllers.heartbeats import LEASES, heartbeat_seconds
from drillbook.sandbox.controllers.labels import labels_of
from drillbook.sandbox.controllers.pods import condition, with_condition
from drillbook.sandbox.kinds import LEASE, NODE, Object
from drillbook.sandbox.room import CPU, DISK, MEMORY, PODS
from drillbook.sandbox.stopped import is_stopped
from drillbook.sandbox.store import timestamp

LEASE_SECONDS: Final = 40
_CONDITIONS: Final = (
    ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
)
_EVENTS: Final = {
    "MemoryPressure": "NodeHasSufficientMemory",
    "DiskPressure": "NodeHasNoDiskPressure",
    "PIDPressure": "NodeHasSufficientPID",
    "Ready": "NodeReady",
}
"""What a kubelet says when it finds one of its conditions changed."""


def register(cluster: Cluster) -> None:
    """Put the nodes into the store, each ready."""
    for name, address in cluster.addresses.nodes.items():
        create(cluster.store, NODE, _node(name, address))


async def beat(cluster: Cluster) -> None:
    """Renew the leases of the nodes whose kubelet runs, and keep their status true, until cancelled.

    A kubelet whose Node was deleted goes on without one, as Kubernetes' does; a Node of its name that comes is its own.
    """
    every = heartbeat_seconds()
    while True:
        look_after(cluster)
        await asyncio.sleep(every)


def look_after(cluster: Cluster) -> None:
    """One heartbeat of each kubelet that runs."""
    for name, address in cluster.addresses.nodes.items():
        node = cluster.store.get(NODE, "", name)
        if node is not None and not is_stopped(node):
            _renew(cluster, node)
            _post(cluster, node, _node(name, address))


def _renew(cluster: Cluster, node: Object) -> None:
    name = node["metadata"]["name"]
    now = timestamp().replace("Z", ".000000Z")
    if cluster.store.get(LEASE, LEASES, name) is None:
        owner = {"apiVersion": "v1", "kind": "Node", "name": name, "uid": node["metadata"]["uid"]}
        meta = {"name": name, "namespace": LEASES, "ownerReferences": [owner]}
        spec = {"holderIdentity": name, "leaseDurationSeconds": LEASE_SECONDS, "renewTime": now}
        create(cluster.store, LEASE, {"metadata": meta, "spec": spec})
    else:
        cluster.store.mutate(LEASE, LEASES, name, lambda draft: draft["spec"].update(renewTime=now))


def _post(cluster: Cluster, node: Object, own: Object) -> None:
    """Write what of the status is the kubelet's own, where it reads otherwise: somebody's hand, or nobody knew it.

    Conditions of other types stay, and so do resources that somebody advertises for the node.
    """
    old: Object = node.get("status") or {}
    conditions, changed = list(old.get("conditions") or ()), []
    for type_, status, reason, message in _CONDITIONS:
        seen = condition(node, type_) or {}
        if (seen.get("status"), seen.get("reason"), seen.get("message")) != (status, reason, message):
            more = {"lastHeartbeatTime": timestamp()}
            conditions = with_condition(conditions, type_, status, reason, message, **more)
            changed += [type_] if seen.get("status") != status else []
    room = (old.get("capacity") or {}) | own["status"]["capacity"]
    status_now = old | own["status"] | {"conditions": conditions, "capacity": room, "allocatable": dict(room)}
    if status_now == old:
        return

    def write(draft: Object) -> None:
        if "nodeInfo" not in old:  # this kubelet has not been here before: it registers
            draft["metadata"]["labels"] = labels_of(draft) | own["metadata"]["labels"]
            draft["spec"] = own["spec"] | draft["spec"]
        draft["status"] = status_now

    name = node["metadata"]["name"]
    told = cluster.store.mutate(NODE, "", name, write)
    for type_ in changed:
        said = f"Node {name} status is now: {_EVENTS[type_]}"
        cluster.events.normal(told, "kubelet", _EVENTS[type_], said, host=name)


def _node(name: str, address: str) -> Object:
    conditions: list[Object] = []
    for type_, status, reason, message in _CONDITIONS:
        conditions = with_condition(conditions, type_, status, reason, message, lastHeartbeatTime=timestamp())
    system = os.uname()
    room = {"cpu": CPU, "memory": MEMORY, "pods": PODS, "ephemeral-storage": DISK}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": {"x86_64": "amd64", "aarch64": "arm64"}.get(system.machine, system.machine),
                "topology.kubernetes.io/zone": f"zone-{name.rpartition('-')[2]}",
                "node.kubernetes.io/instance-type": "sandbox",
            },
        },
        "spec": {"podCIDR": f"{address.rpartition('.')[0].rpartition('.')[0]}.{name.rpartition('-')[2]}.0/24"},
        "status": {
            "addresses": [{"type": "InternalIP", "address": address}, {"type": "Hostname", "address": name}],
            "capacity": room,
            "allocatable": dict(room),
            "conditions": conditions,
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
            "nodeInfo": {
                "architecture": system.machine,
                "bootID": "",
                "containerRuntimeVersion": "drillbook://1",
                "kernelVersion": system.release,
                "kubeProxyVersion": "v1.34.0",
                "kubeletVersion": "v1.34.0",
                "machineID": "",
                "operatingSystem": "linux",
                "osImage": platform.system(),
                "systemUUID": "",
            },
        },
    }
