"""The network of a component's pods is cut by a NetworkPolicy that admits nothing, in either direction.

Policies only ever add what is admitted: where another one admits something to these pods, this one takes nothing away
from it, and the fault is refused. Whether the cluster's network plug-in enforces policies at all shows in the landing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from drillbook.errors import Refused
from drillbook.faults.creating import NETWORK_POLICY, CreatingFault
from drillbook.faults.fault import Aim, Landing, Needs, PutBack, Target
from drillbook.faults.knocking import Door, find_door, knock_permissions, knocks
from drillbook.faults.workloads import read_workload, workload_of

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube, Object


class NetworkCut(CreatingFault):
    """Creates a NetworkPolicy."""

    name = "network-cut"
    about = "The network of a component is cut: nothing reaches its pods, and they reach nothing."
    kind = NETWORK_POLICY

    def needs(self, aim: Aim) -> Needs:
        from drillbook.clients.kube import Permission

        needs = super().needs(aim)
        policies = Permission("list", "networkpolicies", "networking.k8s.io", aim.component.namespace)
        return Needs((*needs.to_break, policies, *knock_permissions(self.watched_from(aim)[0])), needs.to_repair)

    def watched_from(self, aim: Aim) -> tuple[str, str]:
        """The namespace and the labels of the pods from which the cut is seen."""
        return aim.component.namespace, ""

    async def how(self, kube: Kube, aim: Aim) -> str:
        await self._nothing_else_admits(kube, aim)
        door = await find_door(kube, aim, *self.watched_from(aim))
        return (
            f"a NetworkPolicy {self.object_name(aim)} is created, which the network plug-in must enforce; "
            f"the cut is looked for from {door.place}"
        )

    async def put_back(self, kube: Kube, aim: Aim) -> PutBack:
        door = await find_door(kube, aim, *self.watched_from(aim))
        return {**await super().put_back(kube, aim), "door": door.document()}

    async def spec(self, kube: Kube, aim: Aim) -> Object:
        state = await read_workload(kube, workload_of(aim.component), aim.component.namespace)
        return {"podSelector": dict(state.selector), "policyTypes": ["Ingress", "Egress"]}

    async def landed(self, kube: Kube, aim: Aim, targets: Sequence[Target], before: PutBack) -> Landing:
        if not targets:
            return Landing(False)
        said = await knocks(kube, [Door.read(before["door"])])
        return Landing(all(word == "silent" for word in said.values()), {"knocked": said})

    async def _nothing_else_admits(self, kube: Kube, aim: Aim) -> None:
        from drillbook.clients.kube import path_of, selector_text

        namespace = aim.component.namespace
        own = {p["metadata"]["uid"] for p in (await read_workload(kube, workload_of(aim.component), namespace)).pods}
        for policy in await kube.list(path_of("networkpolicies", namespace)):
            labels = selector_text(policy["spec"].get("podSelector") or {})
            covered = own & {p["metadata"]["uid"] for p in await kube.list(path_of("pods", namespace), labels=labels)}
            if covered and admits(policy["spec"]):
                raise Refused(
                    f"NetworkPolicy {namespace}/{policy['metadata']['name']} admits traffic of these pods, and another "
                    "policy can't take that away; a partition by Chaos Mesh can"
                )


def admits(spec: Mapping[str, Any]) -> bool:
    """Whether a NetworkPolicy lets anything through at all."""
    return bool(spec.get("ingress") or spec.get("egress"))
