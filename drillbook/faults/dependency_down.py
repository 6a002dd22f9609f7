"""A dependency is down for whoever calls it: its Service leads to no pod any more, while the pods themselves go on.

Only new connections feel it: where the cluster's proxy keeps established ones open, a client with a pool notices later,
as it does when a real dependency stops to accept.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from drillbook.faults.creating import LABEL
from drillbook.faults.fault import Aim, Candidate, Fault, Landing, Needs, PutBack, Target
from drillbook.faults.objects import target_of
from drillbook.faults.services import (
    ready_addresses,
    select,
    service_candidates,
    service_of,
    service_permissions,
    wait_addresses,
)
from drillbook.faults.workloads import PLURALS, workload_of

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube

NOBODY: Final = {LABEL: "dependency-down"}
"""The labels of no pod at all."""


class DependencyDown(Fault):
    """Changes the selector of a Service."""

    name = "dependency-down"
    about = "A dependency is down: its Service leads to no pod."

    def needs(self, aim: Aim) -> Needs:
        from drillbook.clients.kube import Permission

        namespace, plural = aim.component.namespace, PLURALS[workload_of(aim.component).kind]
        look = (Permission("get", plural, "apps", namespace), Permission("list", "pods", "", namespace))
        both = service_permissions(namespace, "get", "patch")
        return Needs((*look, *both), both)

    async def how(self, kube: Kube, aim: Aim) -> str:
        name = (await service_of(kube, aim))["metadata"]["name"]
        return f"the selector of Service {name} is changed to one that no pod has; open connections may live on"

    async def candidates(self, kube: Kube, aim: Aim) -> tuple[Candidate, ...]:
        return await service_candidates(kube, aim)

    async def put_back(self, kube: Kube, aim: Aim) -> PutBack:
        found = await service_of(kube, aim)
        target = target_of("Service", found)
        return {
            "namespace": target.namespace,
            "name": target.name,
            "uid": target.uid,
            "selector": dict(found["spec"]["selector"]),
            "addresses": len(await ready_addresses(kube, target.namespace, target.name)),
        }

    async def inject(self, kube: Kube, aim: Aim, targets: Sequence[Target]) -> tuple[Target, ...]:
        for target in targets:
            await select(kube, target, NOBODY)
        return tuple(targets)

    async def landed(self, kube: Kube, aim: Aim, targets: Sequence[Target], before: PutBack) -> Landing:
        left = {t.name: sorted(await ready_addresses(kube, t.namespace, t.name)) for t in targets}
        return Landing(bool(left) and not any(left.values()), {"addresses left": left})

    async def undo(self, kube: Kube, put_back: PutBack, seconds: float) -> str:
        namespace, name = str(put_back["namespace"]), str(put_back["name"])
        await select(kube, Target("Service", namespace, name, str(put_back["uid"])), dict(put_back["selector"]))
        count = await wait_addresses(kube, namespace, name, int(put_back["addresses"]), seconds)
        return f"Service {name} leads to {count} ready pods"
