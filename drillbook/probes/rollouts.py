"""Rollouts: which workloads aren't through with theirs, and how long the newest one took."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from drillbook.clients.kube import Object, path_of, selector_text
from drillbook.model.observation import Observation
from drillbook.model.policy import Component
from drillbook.model.quantity import Dimension
from drillbook.probes.scene import Scene, needed
from drillbook.probes.workloads import workload

_REVISION: Final = "deployment.kubernetes.io/revision"
_EARLIER: Final = "deployment.kubernetes.io/revision-history"
"""On a ReplicaSet that a rollback took up again: the revisions that it had before."""
_SCALED_UP: Final = re.compile(r"Scaled up replica set (\S+) (?:from 0 to \d+|to \d+ from 0)")
"""What a Deployment's controller says when it begins with a ReplicaSet, in the words of 1.27 and of 1.33."""
_FIRST_REPORT: Final = 5.0
"""Seconds that a controller may need to say of a ReplicaSet that it makes progress."""


async def incomplete(scene: Scene, component: Component | None, _parameters: Mapping[str, Any]) -> Observation:
    """Workloads whose newest specification isn't what all their pods run: the component's, or all of the system.

    Complete as ``kubectl rollout status`` has it: the specification was observed, all replicas are of it and
    available, and none of an older one is left.
    """
    if component is not None:
        found = [(str(component.workload), await workload(scene, component))]
        where = f"{component.workload} in namespace {component.namespace}"
    else:
        found, where = await _all(scene), f"workloads in namespace {', '.join(scene.policy.namespaces)}"
    if not found:
        return scene.unseen(Dimension.COUNT, where, "there is no Deployment and no StatefulSet")
    lacking = {name: reason for name, one in found if (reason := _lacks(one))}
    evidence = {"workloads": [name for name, _ in found], "incomplete": lacking}
    spot = f"{where}: {', '.join(lacking)}" if lacking and component is None else where
    return scene.seen(Dimension.COUNT, spot, len(lacking), samples=len(found), evidence=evidence)


async def _all(scene: Scene) -> list[tuple[str, Object]]:
    kube = await scene.kube()
    asked = [(kind, namespace) for namespace in scene.policy.namespaces for kind in ("deployments", "statefulsets")]
    lists = await asyncio.gather(*(kube.list(path_of(kind, namespace)) for kind, namespace in asked))
    return [
        (f"{kind.removesuffix('s')}/{one['metadata']['name']}", one)
        for (kind, _), items in zip(asked, lists, strict=True)
        for one in items
    ]


def _lacks(one: Object) -> str:
    """What is missing to a complete rollout; empty where nothing is."""
    spec, status = one["spec"], one.get("status") or {}
    wanted = spec.get("replicas", 1)
    updated, total = status.get("updatedReplicas", 0), status.get("replicas", 0)
    ready = status.get("availableReplicas", status.get("readyReplicas", 0) if "serviceName" in spec else 0)
    if int(status.get("observedGeneration", 0)) < int(one["metadata"].get("generation", 0)):
        return "its controller has not looked at the newest specification yet"
    if updated < wanted:
        return f"{updated} of {wanted} replicas are of the newest specification"
    if total > updated:
        return f"{total - updated} replicas of an older specification are left"
    if ready < wanted:
        return f"{ready} of {wanted} replicas are available"
    return ""


async def took(scene: Scene, component: Component | None, _parameters: Mapping[str, Any]) -> Observation:
    """Seconds from the newest ReplicaSet's creation to the moment its Deployment reported it available.

    Still under way: at least the seconds gone by, with no bound above. A rollback takes up an old ReplicaSet, so it
    began when an event says that the first pod of it was asked for; events are kept for an hour or so, and after that,
    as for a StatefulSet, nobody knows. A Deployment that was paused and went on reports as if it had ended then: that
    bounds it from above alone.
    """
    asked = needed(component, "rollout.took")
    one = await workload(scene, asked)
    where = f"newest rollout of {asked.workload} in namespace {asked.namespace}"
    if asked.workload is None or asked.workload.kind != "deployment":
        return scene.unseen(Dimension.DURATION, where, f"{asked.workload} doesn't record when a rollout began")
    kube = await scene.kube()
    sets = await kube.list(path_of("replicasets", asked.namespace), labels=selector_text(one["spec"]["selector"]))
    own = [each for each in sets if _owned(each, one)]
    newest = max(own, key=lambda each: int(each["metadata"].get("annotations", {}).get(_REVISION, 0)), default=None)
    if newest is None:
        return scene.unseen(Dimension.DURATION, where, "it has no ReplicaSet yet", remedy="wait for its controller")
    began, name = newest["metadata"]["creationTimestamp"], newest["metadata"]["name"]
    progress = _condition(one, "Progressing")
    evidence = {"replica_set": name, "began": began, "progress": progress.get("reason")}
    rollback = _EARLIER in newest["metadata"].get("annotations", {})
    if rollback:
        again = await _taken_up(scene, asked.namespace, name)
        if again is None:
            problem = f"the newest rollout is a rollback to {name}, and no event is left that says when that began"
            remedy = "look after the next release"
            return scene.unseen(Dimension.DURATION, where, problem, remedy=remedy, evidence=evidence)
        began = evidence["began"] = again
    if progress.get("reason") == "NewReplicaSetAvailable" and not _lacks_new(one):
        ended = progress["lastUpdateTime"]
        seconds = max(0.0, _between(began, ended))
        evidence |= {"ended": ended}
        if rollback or _between(began, progress["lastTransitionTime"]) <= _FIRST_REPORT:
            return scene.seen(Dimension.DURATION, where, seconds, evidence=evidence)
        # The condition was another meanwhile: paused, or past its deadline.
        remedy = "look after the next release: this one was interrupted, or came back late, and the record doesn't tell"
        return scene.seen(Dimension.DURATION, where, seconds, low=0.0, high=seconds, remedy=remedy, evidence=evidence)
    so_far = max(0.0, (scene.clock.now() - datetime.fromisoformat(began)).total_seconds())
    remedy = "wait for the rollout to end"
    return scene.seen(
        Dimension.DURATION, where, so_far, low=so_far, high=float("inf"), remedy=remedy, evidence=evidence
    )


async def _taken_up(scene: Scene, namespace: str, replica_set: str) -> str | None:
    """When the newest event says that a ReplicaSet without pods was given some; None where there is none."""
    events = await (await scene.kube()).list(path_of("events", namespace))
    found = [
        str(event.get("lastTimestamp") or event.get("eventTime"))
        for event in events
        if (said := _SCALED_UP.fullmatch(event.get("message") or "")) and said[1] == replica_set
    ]
    return max(found, default=None)


def _between(begin: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds()


def _lacks_new(one: Object) -> bool:
    """The condition is of an earlier rollout: the controller hasn't seen the newest specification."""
    return int((one.get("status") or {}).get("observedGeneration", 0)) < int(one["metadata"].get("generation", 0))


def _condition(one: Object, kind: str) -> Object:
    conditions = (one.get("status") or {}).get("conditions") or ()
    return next((condition for condition in conditions if condition["type"] == kind), {})


def _owned(replica_set: Object, owner: Object) -> bool:
    return any(ref["uid"] == owner["metadata"]["uid"] for ref in replica_set["metadata"].get("ownerReferences") or ())
