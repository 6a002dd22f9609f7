"""A workload's pod template: changed for a fault, and put back from the revision that the platform itself keeps.

The revision (a Deployment's ReplicaSet, a StatefulSet's ControllerRevision) holds the whole template. So the journal
needs only its name, and no value of an environment variable that might be a secret.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar, Final

from drillbook.errors import DrillAborted, Refused
from drillbook.faults.fault import Aim, Candidate, Fault, Landing, Needs, PutBack, Target, Traces
from drillbook.faults.objects import find_exactly, patch_exactly, same_object, target_of
from drillbook.faults.settings import Setting
from drillbook.faults.workloads import (
    PLURALS,
    is_going,
    is_ready,
    read_workload,
    replace_all,
    wait_ready,
    workload_of,
    workload_path,
)
from drillbook.model.policy import Workload

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube, Object

KINDS: Final = {"deployment": "Deployment", "statefulset": "StatefulSet"}
_REVISION: Final = "metadata.annotations.deployment.kubernetes.io/revision"
STUCK_SECONDS: Final = 5.0
"""How long a StatefulSet is waited for before its stuck pods are looked at again."""
_HASH: Final = "pod-template-hash"


def template_needs(aim: Aim) -> Needs:
    """To read and patch the workload, and to read its revisions."""
    from drillbook.clients.kube import Permission

    namespace, plural = aim.component.namespace, PLURALS[workload_of(aim.component).kind]
    revisions = "replicasets" if plural == "deployments" else "controllerrevisions"
    both = (
        Permission("get", plural, "apps", namespace),
        Permission("patch", plural, "apps", namespace),
        Permission("get", revisions, "apps", namespace),
        Permission("list", revisions, "apps", namespace),
        Permission("list", "pods", "", namespace),
    )
    return Needs(both, (*both, Permission("delete", "pods", "", namespace)))


def template_traces(aim: Aim) -> Traces:
    """The platform counts its roll-outs, those of an undo too."""
    workload = workload_of(aim.component)
    return {(KINDS[workload.kind], aim.component.namespace, workload.name): (_REVISION,)}


async def workload_candidates(kube: Kube, aim: Aim) -> tuple[Candidate, ...]:
    """The workload as a whole, with all its pods."""
    workload, namespace = workload_of(aim.component), aim.component.namespace
    found = await kube.get(workload_path(workload, namespace))
    state = await read_workload(kube, workload, namespace)
    why = "" if state.rolled_out else "has a roll-out that is not complete"
    return (Candidate(target_of(KINDS[workload.kind], found), why, pods=max(1, state.replicas)),)


async def template_put_back(kube: Kube, aim: Aim) -> PutBack:
    """Replicas, strategy, and the name of the revision that holds the template. Raises Refused where none does."""
    workload, namespace = workload_of(aim.component), aim.component.namespace
    found = await kube.get(workload_path(workload, namespace))
    revision = await _revision(kube, workload, namespace, found)
    strategy = "strategy" if workload.kind == "deployment" else "updateStrategy"
    return {
        "namespace": namespace,
        "kind": workload.kind,
        "name": workload.name,
        "uid": found["metadata"]["uid"],
        "replicas": int(found["spec"].get("replicas", 1)),
        "strategy": found["spec"].get(strategy) or {},
        "revision": revision["metadata"]["name"],
        "revision_uid": revision["metadata"]["uid"],
    }


async def restore_template(kube: Kube, put_back: PutBack, seconds: float) -> str:
    """Template, strategy and replicas as they were, and every pod Ready again. Safe twice.

    Raises DrillAborted when the workload, or the revision, is another object than before, or pods don't become Ready.
    """
    changed = await set_template(kube, put_back)
    ready = await see_template(kube, put_back, seconds)
    told = ", ".join(changed)
    return f"{_workload(put_back)} has its {ready} ready replicas" + (f", put back: {told}" if told else "")


async def set_template(kube: Kube, put_back: PutBack) -> tuple[str, ...]:
    """Template, strategy and replicas as they were; returns which of them were not. Waits for nothing, safe twice.

    Raises DrillAborted when the workload, or the revision, is another object than before.
    """
    workload, namespace = _workload(put_back), str(put_back["namespace"])
    target = Target(KINDS[workload.kind], namespace, workload.name, str(put_back["uid"]))
    found = await find_exactly(kube, target)
    same_object(target, found)
    template = await _template(kube, put_back)
    strategy = "strategy" if workload.kind == "deployment" else "updateStrategy"
    wanted = {"/spec/template": template, f"/spec/{strategy}": put_back["strategy"]}
    wanted["/spec/replicas"] = put_back["replicas"]
    now: Any = (found or {})["spec"]
    changed = [path for path, value in wanted.items() if now.get(path.rpartition("/")[2]) != value]
    if changed:
        await patch_exactly(kube, target, [{"op": "replace", "path": p, "value": wanted[p]} for p in changed])
    return tuple(path.rpartition("/")[2] for path in changed)


async def see_template(kube: Kube, put_back: PutBack, seconds: float) -> int:
    """Wait until every pod is Ready; how many there are. Raises DrillAborted.

    As many as its spec asks for by then: an autoscaler may want another number than there was, and is right.
    """
    workload, namespace = _workload(put_back), str(put_back["namespace"])
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while workload.kind == "statefulset" and (left := deadline - loop.time()) > STUCK_SECONDS:
        # Again and again: its controller takes a moment to know the new template, and then waits for the next pod.
        await _clear_stuck(kube, workload, namespace)
        with suppress(DrillAborted):
            return (await wait_ready(kube, workload, namespace, None, min(left, STUCK_SECONDS))).ready
    return (await wait_ready(kube, workload, namespace, None, deadline - loop.time())).ready


def _workload(put_back: PutBack) -> Workload:
    return Workload(put_back["kind"], put_back["name"])


async def _clear_stuck(kube: Kube, workload: Workload, namespace: str) -> None:
    """A StatefulSet waits for a broken pod for ever, even when its template is right again: it must be deleted."""
    state = await read_workload(kube, workload, namespace)
    found = await kube.get(workload_path(workload, namespace))
    newest = (found.get("status") or {}).get("updateRevision")
    for pod in state.pods:
        meta = pod["metadata"]
        old = (meta.get("labels") or {}).get("controller-revision-hash") != newest
        if old and not is_ready(pod) and not is_going(pod):
            await kube.delete_pod(namespace, meta["name"], uid=meta["uid"], grace_seconds=0)


async def _revision(kube: Kube, workload: Workload, namespace: str, found: Object) -> Object:
    """The platform's own record of the template that is in force."""
    from drillbook.clients.kube import path_of, selector_text

    labels = selector_text(found["spec"]["selector"])
    uid = found["metadata"]["uid"]
    if workload.kind == "deployment":
        number = (found["metadata"].get("annotations") or {}).get("deployment.kubernetes.io/revision")
        for one in await kube.list(path_of("replicasets", namespace), labels=labels):
            told = (one["metadata"].get("annotations") or {}).get("deployment.kubernetes.io/revision")
            if _owned(one, uid) and told == number:
                return one
    else:
        newest = (found.get("status") or {}).get("updateRevision")
        for one in await kube.list(path_of("controllerrevisions", namespace), labels=labels):
            if _owned(one, uid) and one["metadata"]["name"] == newest:
                return one
    if int(found["spec"].get("revisionHistoryLimit", 10)) < 1:
        raise Refused(f"{workload} keeps no old revision (revisionHistoryLimit 0) from which to put its template back")
    raise Refused(f"{workload} has no revision yet that holds its template; wait until its roll-out is complete")


async def _template(kube: Kube, put_back: PutBack) -> Object:
    """The template that the recorded revision holds, as the workload itself had it."""
    from drillbook.clients.kube import path_of

    resource = "replicasets" if put_back["kind"] == "deployment" else "controllerrevisions"
    found = await kube.find(path_of(resource, put_back["namespace"], put_back["revision"]))
    if found is None or found["metadata"]["uid"] != put_back["revision_uid"]:
        raise DrillAborted(
            f"the revision {put_back['revision']} of {put_back['kind']}/{put_back['name']} is gone, and with it the "
            "pod template from before the drill; apply the workload's own manifest again"
        )
    template = dict(found["spec"] if resource == "replicasets" else found["data"]["spec"])["template"]
    labels = {key: value for key, value in template["metadata"].get("labels", {}).items() if key != _HASH}
    rest = {key: value for key, value in template.items() if key != "$patch"}
    return rest | {"metadata": {**template["metadata"], "labels": labels}}


def _owned(revision: Object, uid: str) -> bool:
    return any(owner["uid"] == uid for owner in revision["metadata"].get("ownerReferences") or ())


class TemplateFault(Fault):
    """What the faults that change a workload have in common; each says the change, and how it shows."""

    settings: ClassVar = {}

    def change(self, found: Object, aim: Aim) -> Object:
        """The strategic merge patch that breaks this workload. Raises Refused."""
        raise NotImplementedError

    def seen(self, aim: Aim, pods: Sequence[Object], before: PutBack) -> Landing:
        """Whether the fault shows in the workload's pods, those on their way out left out."""
        raise NotImplementedError

    def needs(self, aim: Aim) -> Needs:
        return template_needs(aim)

    async def how(self, kube: Kube, aim: Aim) -> str:
        workload, namespace = workload_of(aim.component), aim.component.namespace
        found = await kube.get(workload_path(workload, namespace))
        self.change(found, aim)
        revision = await _revision(kube, workload, namespace, found)
        return f"{workload} is patched through the Kubernetes API, and put back from {revision['metadata']['name']}"

    async def candidates(self, kube: Kube, aim: Aim) -> tuple[Candidate, ...]:
        return await workload_candidates(kube, aim)

    async def put_back(self, kube: Kube, aim: Aim) -> PutBack:
        return await template_put_back(kube, aim)

    async def inject(self, kube: Kube, aim: Aim, targets: Sequence[Target]) -> tuple[Target, ...]:
        for target in targets:
            found = await find_exactly(kube, target)
            same_object(target, found)
            await patch_exactly(kube, target, self.change(found or {}, aim), "strategic")
            if aim.settings.get("all_pods") and target.kind == "StatefulSet":
                await replace_all(kube, workload_of(aim.component), target.namespace, STUCK_SECONDS)
        return tuple(targets)

    async def landed(self, kube: Kube, aim: Aim, targets: Sequence[Target], before: PutBack) -> Landing:
        state = await read_workload(kube, workload_of(aim.component), aim.component.namespace)
        return self.seen(aim, [pod for pod in state.pods if not is_going(pod)], before)

    async def undo(self, kube: Kube, put_back: PutBack, seconds: float) -> str:
        return await restore_template(kube, put_back, seconds)

    def traces(self, aim: Aim, before: PutBack) -> Traces:
        return template_traces(aim)


ALL_PODS: Final = Setting(
    False,
    "every pod at once, by the strategy Recreate (a StatefulSet's are deleted); otherwise the roll-out stops at the "
    "first bad one",
)


def enough_hit(aim: Aim, before: PutBack, hit: int, there: int) -> bool:
    """Whether as many of the pods that are there are hit as were meant to be.

    Of a StatefulSet with its pods in order, the second is only made when the first is Ready.
    """
    if not aim.settings["all_pods"]:
        return hit >= 1
    return hit >= (1 if before["kind"] == "statefulset" else int(before["replicas"])) and hit == there


def container_patch(found: Object, change: Object, aim: Aim) -> Object:
    """The patch that changes the first container of a workload."""
    name = found["spec"]["template"]["spec"]["containers"][0]["name"]
    spec: Object = {"template": {"spec": {"containers": [{"name": name, **change}]}}}
    if aim.settings["all_pods"] and "strategy" in found["spec"]:
        spec["strategy"] = {"type": "Recreate", "rollingUpdate": None}
    return {"spec": spec}


def container_of(pod: Object) -> Object:
    """The first container of a pod, as its spec has it."""
    first: Object = pod["spec"]["containers"][0]
    return first


def container_state(pod: Object) -> Object:
    """Its status; empty until the kubelet has told it."""
    name = container_of(pod)["name"]
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    return next((dict(one) for one in statuses if one["name"] == name), {})
