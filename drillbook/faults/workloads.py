"""A component's workload and its pods, as the API has them: how many there should be, which are there and ready."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from drillbook.errors import ConfigError, DrillAborted
from drillbook.model.policy import Component, Workload

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube, Object

PLURALS: Final = {"deployment": "deployments", "statefulset": "statefulsets"}
POLL_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class WorkloadState:
    """A Deployment or StatefulSet at one moment."""

    workload: Workload
    namespace: str
    uid: str
    replicas: int
    """What its spec asks for."""
    selector: Mapping[str, Any]
    pods: tuple[Object, ...]
    rolled_out: bool
    """Its controller has seen this spec and carried it out: no pod of an older one is left."""

    @property
    def ready(self) -> int:
        """How many of its pods are Ready and not on their way out."""
        return sum(is_ready(pod) for pod in self.pods)


def workload_of(component: Component) -> Workload:
    """The component's workload. Raises ConfigError where the policy gives none that has pods."""
    if component.workload is None or component.workload.kind not in PLURALS:
        raise ConfigError(
            f"component {component.id!r} has no workload whose pods a drill could touch: "
            f"expected deployment/NAME or statefulset/NAME in its policy, found {component.workload or 'none'}"
        )
    return component.workload


def workload_path(workload: Workload, namespace: str) -> str:
    """Its URL path."""
    from drillbook.clients.kube import path_of

    return path_of(PLURALS[workload.kind], namespace, workload.name)


async def read_workload(kube: Kube, workload: Workload, namespace: str) -> WorkloadState:
    """The workload and its pods now. Raises ApiRefusal 404 where there is none."""
    from drillbook.clients.kube import path_of, selector_text

    found = await kube.get(workload_path(workload, namespace))
    selector = found["spec"]["selector"]
    pods = await kube.list(path_of("pods", namespace), labels=selector_text(selector))
    replicas = found["spec"].get("replicas", 1)
    return WorkloadState(
        workload, namespace, found["metadata"]["uid"], int(replicas), selector, tuple(pods), _rolled_out(found)
    )


def _rolled_out(found: Object) -> bool:
    """What ``kubectl rollout status`` looks at: without it, a restart seems done while all old pods are still ready."""
    status, replicas = found.get("status") or {}, found["spec"].get("replicas", 1)
    if status.get("observedGeneration", 0) < found["metadata"].get("generation", 0):
        return False
    if "updateRevision" in status:
        return bool(status["updateRevision"] == status.get("currentRevision"))
    return bool(status.get("updatedReplicas", 0) == replicas == status.get("replicas", 0))


def is_ready(pod: Object) -> bool:
    """Ready, and not being deleted."""
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return not is_going(pod) and any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def is_going(item: Object) -> bool:
    """Marked as deleted: still there, but on its way out."""
    return "deletionTimestamp" in item["metadata"]


def is_controlled(item: Object) -> bool:
    """Made by a controller, which replaces it as it sees fit."""
    return any(owner.get("controller") for owner in item["metadata"].get("ownerReferences") or ())


async def wait_ready(
    kube: Kube, workload: Workload, namespace: str, replicas: int | None, seconds: float
) -> WorkloadState:
    """Wait until exactly ``replicas`` pods of its newest spec are there, all of them Ready.

    None means as many as its spec asks for at each look: an autoscaler may change its mind meanwhile.

    Raises DrillAborted with what was seen last.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while True:
        state = await read_workload(kube, workload, namespace)
        staying = [pod for pod in state.pods if not is_going(pod)]
        wanted = state.replicas if replicas is None else replicas
        if state.rolled_out and state.ready == wanted == len(staying):
            return state
        if loop.time() >= deadline:
            rest = "" if state.rolled_out else ", and its roll-out is not complete"
            raise DrillAborted(
                f"{workload} in namespace {namespace} is not back: expected {wanted} ready pods "
                f"within {seconds:g} s, found {state.ready} of {len(staying)}{rest}; "
                f"see `kubectl -n {namespace} get pods`"
            )
        await asyncio.sleep(POLL_SECONDS)


async def set_replicas(kube: Kube, workload: Workload, namespace: str, replicas: int) -> None:
    """Scale through the workload's own spec."""
    await kube.patch(workload_path(workload, namespace), {"spec": {"replicas": replicas}})


async def replace_all(kube: Kube, workload: Workload, namespace: str, seconds: float) -> None:
    """Delete every pod, once its controller knows the newest template, or at the latest after ``seconds``.

    For a StatefulSet, which replaces one pod after another, and stops at the first that doesn't become Ready.
    """
    from drillbook.clients.kube import ApiRefusal

    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while not _is_seen(await kube.get(workload_path(workload, namespace))):
        if loop.time() >= deadline:
            break
        # A pod that is deleted before its controller knows the new template comes back as it was.
        await asyncio.sleep(POLL_SECONDS)
    for pod in (await read_workload(kube, workload, namespace)).pods:
        try:
            await kube.delete_pod(namespace, pod["metadata"]["name"], uid=pod["metadata"]["uid"])
        except ApiRefusal as refused:
            # The controller was faster with this one.
            if refused.code not in {404, 409}:
                raise


def _is_seen(found: Object) -> bool:
    """Whether its controller knows the newest template."""
    return int((found.get("status") or {}).get("observedGeneration", 0)) >= int(found["metadata"].get("generation", 0))
