"""A thousand times made and deleted: as little is left as after the first time, and memory stays flat."""

from __future__ import annotations

from typing import Any

from tests.robustness.ground import CONFIG_MAPS, DEPLOYMENTS, HOME, PODS, Ground, config_map, deployment, until

SERVICES = f"/api/v1/namespaces/{HOME}/services"
REPLICA_SETS = f"/apis/apps/v1/namespaces/{HOME}/replicasets"
TEXT = "x" * 2000
CYCLES, WARM = 1_000, 300
BATCH = 25
GROWTH_MIB = 15.0
"""What an allocator may keep for itself; a thousand objects that were forgotten take more."""


def service(name: str) -> dict[str, Any]:
    spec = {"selector": {"app": name}, "ports": [{"port": 8000}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": HOME}, "spec": spec}


def test_a_thousand_cycles_of_objects_leave_nothing_and_memory_flat(bare: Ground) -> None:
    before, warm = bare.footprint(), 0.0
    for number in range(CYCLES):
        if number == WARM:
            warm = bare.memory()
        name = f"o{number}"
        bare.api.json("POST", CONFIG_MAPS, config_map(name, text=TEXT))
        bare.api.json("POST", SERVICES, service(name))
        bare.api.json("POST", DEPLOYMENTS, deployment(name, 0))
        for collection in (DEPLOYMENTS, SERVICES, CONFIG_MAPS):
            bare.api.json("DELETE", f"{collection}/{name}")
    until(lambda: not bare.api.json("GET", REPLICA_SETS)["items"], "the garbage collector to take the ReplicaSets")
    bare.settles_at(before)
    print(f"daemon: {warm:.1f} MiB after {WARM} cycles, {bare.memory():.1f} MiB after {CYCLES}; {before}")
    assert bare.memory() - warm < GROWTH_MIB


def test_a_thousand_pods_made_and_deleted_leave_nothing_and_memory_flat(bare: Ground) -> None:
    before, warm = bare.footprint(), 0.0
    for start in range(0, CYCLES, BATCH):
        if start >= WARM and not warm:
            warm = bare.memory()
        names = [f"p{start + i}" for i in range(BATCH)]
        for name in names:
            pod = deployment(name, 1)["spec"]["template"]["spec"] | {"terminationGracePeriodSeconds": 0}
            meta = {"name": name, "namespace": HOME}
            bare.api.json("POST", PODS, {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": pod})
        until(lambda: len(bare.ready()) == BATCH, f"{BATCH} pods from {start} on to be Ready")
        for name in names:
            bare.api.json("DELETE", f"{PODS}/{name}")
        until(lambda: not bare.pods(), f"the pods from {start} on to be gone")
    bare.settles_at(before)
    print(f"daemon: {warm:.1f} MiB after {WARM} pods, {bare.memory():.1f} MiB after {CYCLES}; {before}")
    assert bare.memory() - warm < GROWTH_MIB
