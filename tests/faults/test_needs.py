"""What a fault says that it needs is enough: with exactly those rights it is done, seen and undone."""

from __future__ import annotations

import asyncio
import os
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from drillbook.clients.kube import Kube, Permission
from drillbook.drills.landing import wait_landed
from drillbook.faults import fault_named
from tests.conftest import SandboxHandle
from tests.drills.conftest import NAMESPACE, Solar, system
from tests.faults.live import UNDO_SECONDS, aimed

__all__ = ["system"]

RBAC = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{NAMESPACE}"
ACCOUNTS = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts"


@asynccontextmanager
async def allowed_only(kube: Kube, kubeconfig: str, path: Path, wanted: tuple[Permission, ...]) -> AsyncIterator[Kube]:
    """The same cluster, as somebody who may do that and nothing else."""
    verbs: dict[tuple[str, str], set[str]] = defaultdict(set)
    for one in wanted:
        assert one.namespace == NAMESPACE
        verbs[one.group, one.resource].add(one.verb)
    rules = [{"apiGroups": [g], "resources": [r], "verbs": sorted(v)} for (g, r), v in verbs.items()]
    name = f"needs-{os.getpid()}"
    meta = {"name": name, "namespace": NAMESPACE}
    subject = {"kind": "ServiceAccount", "name": name, "namespace": NAMESPACE}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}
    version = "rbac.authorization.k8s.io/v1"
    await kube.create(ACCOUNTS, {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta})
    try:
        await kube.create(f"{RBAC}/roles", {"apiVersion": version, "kind": "Role", "metadata": meta, "rules": rules})
        binding = {"apiVersion": version, "kind": "RoleBinding", "metadata": meta, "roleRef": role}
        await kube.create(f"{RBAC}/rolebindings", binding | {"subjects": [subject]})
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        token = (await kube.create(f"{ACCOUNTS}/{name}/token", request))["status"]["token"]
        document: dict[str, Any] = yaml.safe_load(kubeconfig)
        document["users"][0]["user"] = {"token": token}
        await asyncio.to_thread(path.write_text, yaml.safe_dump(document))
        async with Kube.connect(path, None) as limited:
            yield limited
    finally:
        for collection in (f"{RBAC}/rolebindings", f"{RBAC}/roles", ACCOUNTS):
            await kube.delete(f"{collection}/{name}")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "component", "settings"),
    [
        ("cache-fill", "cache", {"ratio": 0.02}),
        ("cpu-stress", "frontend", {}),
        ("crash-loop", "frontend", {}),
        ("database-credentials", "database", {}),
        ("database-lock", "database", {"table": "orders"}),
        ("database-rows", "database", {"table": "alembic_version", "rows": 1, "damage": "deleted"}),
        ("load-spike", "api", {"rate": 10}),
        ("log-pipeline-down", "flower", {}),
        ("memory-stress", "frontend", {"ratio": 0.05}),
        ("migration-failing", "database", {"table": "orders"}),
        ("pod-kill", "frontend", {}),
        ("scale-down", "frontend", {}),
        ("volume-fill", "backups", {"ratio": 0.02}),
        ("volume-lost", "database", {}),
    ],
)
def test_a_fault_needs_no_more_than_it_says(
    system: Solar, solar: SandboxHandle, tmp_path: Path, name: str, component: str, settings: dict[str, Any]
) -> None:
    fault, aim = fault_named(name), aimed(system, name, component, pods=1, **settings)
    needs, admin = fault.needs(aim), solar.kubeconfig.read_text()

    async def scene(kube: Kube) -> None:
        wanted = (*needs.to_break, *needs.to_repair)
        async with allowed_only(kube, admin, tmp_path / "kubeconfig", wanted) as limited:
            await fault.how(limited, aim)
            put_back = await fault.put_back(limited, aim)
            candidates = await fault.candidates(limited, aim)
            targets = [one.target for one in candidates if not one.why_not][:1]
            try:
                await fault.inject(limited, aim, targets)
                landing = await wait_landed(limited, fault, aim, targets, put_back, 40)
            finally:
                await fault.undo(limited, put_back, UNDO_SECONDS)
            assert landing.landed, landing.evidence

    system.on_kube(scene)
