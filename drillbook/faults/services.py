"""A component's Service and its endpoints: what the faults that lead clients elsewhere have in common."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from drillbook.errors import DrillAborted, Refused
from drillbook.faults.fault import Aim, Candidate, Target
from drillbook.faults.objects import find_exactly, patch_exactly, same_object, target_of
from drillbook.faults.workloads import read_workload, workload_of

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube, Object, Objects, Permission

POLL_SECONDS: Final = 0.1
OF_SERVICE: Final = "kubernetes.io/service-name"


def service_permissions(namespace: str, *verbs: str) -> tuple[Permission, ...]:
    """To do that with Services, and to see their endpoints."""
    from drillbook.clients.kube import Permission

    slices = Permission("list", "endpointslices", "discovery.k8s.io", namespace)
    return (*(Permission(verb, "services", "", namespace) for verb in verbs), slices)


async def service_of(kube: Kube, aim: Aim) -> Object:
    """The component's Service. Raises Refused where it has none that leads to pods."""
    from drillbook.clients.kube import path_of

    name, namespace = aim.component.service, aim.component.namespace
    if name is None:
        raise Refused(f"component {aim.component.id!r} has no service in its policy")
    found = await kube.get(path_of("services", namespace, name))
    if not found["spec"].get("selector"):
        raise Refused(f"Service {namespace}/{name} selects no pods, so they can't be taken from it")
    return found


async def service_candidates(kube: Kube, aim: Aim) -> tuple[Candidate, ...]:
    """The Service, with all pods that are behind it."""
    state = await read_workload(kube, workload_of(aim.component), aim.component.namespace)
    return (Candidate(target_of("Service", await service_of(kube, aim)), pods=max(1, state.replicas)),)


async def ready_addresses(kube: Kube, namespace: str, service: str) -> frozenset[str]:
    """The addresses that a Service leads to now."""
    from drillbook.clients.kube import path_of

    slices: Objects = await kube.list(path_of("endpointslices", namespace), labels=f"{OF_SERVICE}={service}")
    endpoints: list[Any] = [one for found in slices for one in found.get("endpoints") or ()]
    return frozenset(
        address
        for one in endpoints
        if (one.get("conditions") or {}).get("ready", True) is not False
        for address in one.get("addresses") or ()
    )


async def wait_addresses(kube: Kube, namespace: str, service: str, least: int, seconds: float) -> int:
    """Wait until a Service leads to at least so many addresses; how many. Raises DrillAborted."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while len(found := await ready_addresses(kube, namespace, service)) < least:
        if loop.time() > deadline:
            raise DrillAborted(
                f"Service {namespace}/{service} leads to {len(found)} ready pods within {seconds:g} s, expected "
                f"{least}; see `kubectl -n {namespace} get endpointslices`"
            )
        await asyncio.sleep(POLL_SECONDS)
    return len(found)


async def select(kube: Kube, target: Target, selector: Object) -> None:
    """Let that very Service select other pods: exactly ``selector``, and nothing of what it had. Safe twice."""
    found = await find_exactly(kube, target)
    same_object(target, found)
    if found is not None and found["spec"].get("selector") != selector:
        await patch_exactly(kube, target, [{"op": "replace", "path": "/spec/selector", "value": selector}])
