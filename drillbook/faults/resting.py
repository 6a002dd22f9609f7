"""A workload at rest: its container runs and its program doesn't, so that what lies on its volume can be handled.

A server that runs writes to its files whenever it likes; one that crashes again and again can't be entered by exec. So
the template is patched to a command that only sleeps, without probes; ``templates.restore_template`` ends the rest.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from drillbook.errors import DrillAborted
from drillbook.faults.fault import PutBack, Target
from drillbook.faults.objects import find_exactly, patch_exactly, same_object
from drillbook.faults.places import Place, place_in
from drillbook.faults.templates import KINDS, container_of
from drillbook.faults.workloads import is_going, read_workload
from drillbook.model.policy import Workload

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube, Object

COMMAND: Final = ["sh", "-c", "trap 'exit 0' TERM INT; while :; do sleep 1; done"]
POLL_SECONDS: Final = 0.2
GRACE_SECONDS: Final = 5


async def rest(kube: Kube, put_back: PutBack, seconds: float) -> Place:
    """Put a workload with one pod to rest; where it can be entered. Safe twice. ``put_back``: of its template.

    Raises DrillAborted when it doesn't come to rest in time, or is another object than before.
    """
    workload, namespace = Workload(put_back["kind"], put_back["name"]), str(put_back["namespace"])
    target = Target(KINDS[workload.kind], namespace, workload.name, str(put_back["uid"]))
    found: Any = await find_exactly(kube, target)
    same_object(target, found)
    container = container_of(found["spec"]["template"])
    if container.get("command") != COMMAND:
        asleep = {"command": COMMAND, "args": None, "startupProbe": None, "livenessProbe": None, "readinessProbe": None}
        spec: Object = {"template": {"spec": {"containers": [{"name": container["name"], **asleep}]}}}
        if workload.kind == "deployment":
            # Two servers must never open one volume.
            spec["strategy"] = {"type": "Recreate", "rollingUpdate": None}
        await patch_exactly(kube, target, {"spec": spec}, "strategic")
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while True:
        pods = (await read_workload(kube, workload, namespace)).pods
        awake = [pod for pod in pods if container_of(pod).get("command") != COMMAND]
        for pod in awake:
            # A StatefulSet waits for a pod that never becomes Ready, instead of replacing it.
            if workload.kind == "statefulset" and not is_going(pod):
                meta = pod["metadata"]
                await kube.delete_pod(namespace, meta["name"], uid=meta["uid"], grace_seconds=GRACE_SECONDS)
        if not awake:
            for pod in pods:
                if place := place_in(pod):
                    return place
        if loop.time() > deadline:
            raise DrillAborted(
                f"{workload} in namespace {namespace} did not come to rest within {seconds:g} s, and what lies on its "
                f"volume can't be handled; see `kubectl -n {namespace} get pods`"
            )
        await asyncio.sleep(POLL_SECONDS)
