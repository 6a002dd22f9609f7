"""The nodes: three, each with an address, room, a heartbeat and a Lease."""

from __future__ import annotations

import asyncio
import os
import platform
from typing import Final

from drillbook.sandbox.cluster import Cluster
from drillbook.sandbox.controllers.admission import create
from drillbook.sandbox.controllers.heartbeats import LEASES, heartbeat_seconds
from drillbook.sandbox.controllers.pods import with_condition
from drillbook.sandbox.kinds import LEASE, NODE, Object
from drillbook.sandbox.stopped import is_stopped
from drillbook.sandbox.store import timestamp

LEASE_SECONDS: Final = 40
CPU: Final = "16"
MEMORY: Final = "64Gi"
PODS: Final = "110"
"""Room is what the manifests of a whole system ask for, not what this machine has: nothing is reserved here."""

_CONDITIONS: Final = (
    ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
)


def register(cluster: Cluster) -> None:
    """Put the nodes into the store, each ready."""
    for name, address in cluster.addresses.nodes.items():
        create(cluster.store, NODE, _node(name, address))


async def beat(cluster: Cluster) -> None:
    """Renew the leases of the nodes whose kubelet runs, until cancelled; one that was given up says that it is back."""
    every = heartbeat_seconds()
    while True:
        for node in cluster.store.list(NODE):
            if not is_stopped(node):
                _renew(cluster, node)
                _come_back(cluster, node)
        await asyncio.sleep(every)


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


def _come_back(cluster: Cluster, node: Object) -> None:
    """Say again what nobody knew of the node. A condition that somebody set by hand stays as it is."""
    given_up = {c["type"] for c in node["status"]["conditions"] if c["status"] == "Unknown"}
    if not given_up:
        return

    def post(draft: Object) -> None:
        for type_, status, reason, message in _CONDITIONS:
            if type_ in given_up:
                draft["status"]["conditions"] = with_condition(
                    draft["status"]["conditions"], type_, status, reason, message, lastHeartbeatTime=timestamp()
                )

    name = node["metadata"]["name"]
    back = cluster.store.mutate(NODE, "", name, post)
    cluster.events.normal(back, "kubelet", "NodeReady", f"Node {name} status is now: NodeReady", host=name)


def _node(name: str, address: str) -> Object:
    conditions: list[Object] = []
    for type_, status, reason, message in _CONDITIONS:
        conditions = with_condition(conditions, type_, status, reason, message, lastHeartbeatTime=timestamp())
    system = os.uname()
    room = {"cpu": CPU, "memory": MEMORY, "pods": PODS, "ephemeral-storage": "100Gi"}
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
