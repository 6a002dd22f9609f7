"""Faults that are objects more in the cluster: created to break, deleted to repair.

Each carries a label of its fault, and nothing without it is ever deleted. Its name follows from fault and component: an
object that an earlier drill left refuses the next one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

from drillbook.errors import DrillAborted, Refused
from drillbook.faults.fault import Aim, Candidate, Fault, Needs, PutBack, Target
from drillbook.faults.replicas import replicas_back, replicas_now
from drillbook.faults.templates import workload_candidates
from drillbook.faults.workloads import PLURALS, workload_of

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube, Object, Permission

LABEL: Final = "drillbook.dev/fault"
POLL_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of object that a fault creates."""

    name: str
    plural: str
    group: str
    version: str

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version


NETWORK_POLICY: Final = Kind("NetworkPolicy", "networkpolicies", "networking.k8s.io", "v1")
NETWORK_CHAOS: Final = Kind("NetworkChaos", "networkchaos", "chaos-mesh.org", "v1alpha1")
AUTOSCALER: Final = Kind("HorizontalPodAutoscaler", "horizontalpodautoscalers", "autoscaling", "v2")
POD: Final = Kind("Pod", "pods", "", "v1")
CONFIG_MAP: Final = Kind("ConfigMap", "configmaps", "", "v1")


class CreatingFault(Fault):
    """What these faults have in common; each says what is created, and how it shows."""

    kind: Kind
    settings: ClassVar = {}

    async def spec(self, kube: Kube, aim: Aim) -> Object:
        """The ``spec`` of the object that breaks the component. Read-only; raises Refused."""
        raise NotImplementedError

    def object_name(self, aim: Aim) -> str:
        """``drillbook-NAME-COMPONENT``."""
        return f"drillbook-{self.name}-{aim.component.id}"

    def needs(self, aim: Aim) -> Needs:
        from drillbook.clients.kube import Permission

        namespace, workload = aim.component.namespace, PLURALS[workload_of(aim.component).kind]
        look = (Permission("get", workload, "apps", namespace), Permission("list", "pods", "", namespace))
        create, read, delete = created_needs(self.kind, namespace)
        scale = Permission("patch", workload, "apps", namespace)
        return Needs((*look, create, read), (*look, read, delete, scale))

    async def candidates(self, kube: Kube, aim: Aim) -> tuple[Candidate, ...]:
        return await workload_candidates(kube, aim)

    async def put_back(self, kube: Kube, aim: Aim) -> PutBack:
        return {**await replicas_now(kube, aim.component), "created": self.object_name(aim)}

    async def inject(self, kube: Kube, aim: Aim, targets: Sequence[Target]) -> tuple[Target, ...]:
        name, namespace = self.object_name(aim), aim.component.namespace
        await create(kube, self.kind, self.name, namespace, name, {"spec": await self.spec(kube, aim)})
        return tuple(targets)

    async def undo(self, kube: Kube, put_back: PutBack, seconds: float) -> str:
        name, namespace = str(put_back["created"]), str(put_back["namespace"])
        await remove(kube, self.kind, self.name, namespace, name, seconds)
        return f"{self.kind.name} {name} is gone, {await replicas_back(kube, put_back, seconds)}"


def created_needs(kind: Kind, namespace: str) -> tuple[Permission, Permission, Permission]:
    """To create one, to read it, to delete it."""
    from drillbook.clients.kube import Permission

    create, read, delete = (Permission(v, kind.plural, kind.group, namespace) for v in ("create", "get", "delete"))
    return create, read, delete


async def served(kube: Kube, kind: Kind) -> bool:
    """Whether the cluster knows that kind: Chaos Mesh's are there where it is installed. Read-only."""
    from drillbook.clients.kube import ApiRefusal

    try:
        found = await kube.get(f"/apis/{kind.group}/{kind.version}" if kind.group else f"/api/{kind.version}")
    except ApiRefusal as refused:
        if refused.code == 404:
            return False
        raise
    return any(one["name"] == kind.plural for one in found.get("resources") or ())


async def create(kube: Kube, kind: Kind, fault: str, namespace: str, name: str, more: Object) -> Object:
    """Create it, labelled as the fault's. Raises Refused when its name is taken: a fault that is there is not ours."""
    from drillbook.clients.kube import ApiRefusal, path_of

    meta = {"name": name, "labels": {LABEL: fault, **(more.pop("labels", {}))}}
    try:
        body = {"apiVersion": kind.api_version, "kind": kind.name, "metadata": meta, **more}
        return await kube.create(path_of(kind.plural, namespace), body)
    except ApiRefusal as refused:
        if refused.code == 409:
            raise Refused(
                f"{kind.name} {namespace}/{name} is there already: an earlier drill left it; finish its undo with "
                "`drillbook recover`"
            ) from refused
        raise


async def remove(kube: Kube, kind: Kind, fault: str, namespace: str, name: str, seconds: float) -> None:
    """Delete it, if it is ours, and wait until it is gone. Safe twice. Raises DrillAborted when it stays."""
    from drillbook.clients.kube import ApiRefusal, path_of

    path, loop = path_of(kind.plural, namespace, name), asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while (found := await kube.find(path)) is not None:
        meta = found["metadata"]
        if (meta.get("labels") or {}).get(LABEL) != fault:
            raise DrillAborted(f"{kind.name} {namespace}/{name} is not the one of fault {fault}: a person must look")
        if "deletionTimestamp" not in meta:
            try:
                await kube.delete(path, uid=meta["uid"])
            except ApiRefusal as refused:
                if refused.code not in {404, 409}:
                    raise
        if loop.time() > deadline:
            left = ", ".join(meta.get("finalizers") or ()) or "no finalizer"
            raise DrillAborted(f"{kind.name} {namespace}/{name} is not gone within {seconds:g} s ({left} holds it)")
        await asyncio.sleep(POLL_SECONDS)


def condition(found: Object | None, kind: str) -> bool:
    """Whether a condition of the object is True."""
    conditions: Any = ((found or {}).get("status") or {}).get("conditions") or ()
    return any(one["type"] == kind and one["status"] == "True" for one in conditions)
