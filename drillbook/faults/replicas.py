"""A workload's replicas as they were: what an undo writes down before a fault, and how it brings them back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drillbook.errors import DrillAborted
from drillbook.faults.fault import PutBack
from drillbook.faults.workloads import read_workload, set_replicas, wait_ready, workload_of
from drillbook.model.policy import Component, Workload

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube


async def replicas_now(kube: Kube, component: Component) -> dict[str, Any]:
    """``{"namespace", "kind", "name", "uid", "replicas"}`` of the component's workload, for a put_back. Read-only."""
    workload, namespace = workload_of(component), component.namespace
    state = await read_workload(kube, workload, namespace)
    return {
        "namespace": namespace,
        "kind": workload.kind,
        "name": workload.name,
        "uid": state.uid,
        "replicas": state.replicas,
    }


async def replicas_back(kube: Kube, put_back: PutBack, seconds: float) -> str:
    """The workload has its replicas again, or as many as an autoscaler wants by then, all ready; a sentence.

    Raises DrillAborted when it hasn't within ``seconds``, or when the workload is another object than it was.
    """
    workload, namespace = Workload(put_back["kind"], put_back["name"]), str(put_back["namespace"])
    replicas = int(put_back["replicas"])
    state = await read_workload(kube, workload, namespace)
    if state.uid != put_back["uid"]:
        raise DrillAborted(
            f"{workload} in namespace {namespace} is another object than before the drill: "
            f"expected UID {put_back['uid']}, found {state.uid}; a person must look at what replaced it"
        )
    done = ""
    if state.replicas != replicas:
        await set_replicas(kube, workload, namespace, replicas)
        done = f", put back from {state.replicas} replicas"
    # As many as its spec asks for at each look: an autoscaler that wants another number by now is right.
    ready = (await wait_ready(kube, workload, namespace, None, seconds)).ready
    return f"{workload} has its {ready} ready replicas{done}"
