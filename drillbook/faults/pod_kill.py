"""Pods of one workload are killed: at once, as in a crash, or with a grace period, as in a roll-out.

Each pod is deleted by its UID, so that a replacement of the same name is never hit. The platform replaces it; the undo
puts the number of replicas back, should it have changed, and waits until they are all ready.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from drillbook.faults.fault import Aim, Candidate, Fault, Landing, Needs, PutBack, Target
from drillbook.faults.replicas import replicas_back, replicas_now
from drillbook.faults.workloads import (
    PLURALS,
    is_controlled,
    is_going,
    is_ready,
    read_workload,
    workload_of,
)
from drillbook.model.death import Death

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube, Object


class PodKill(Fault):
    """Deletes pods."""

    name = "pod-kill"
    about = "Pods of a workload are killed: one, some or all."
    kills = True

    def needs(self, aim: Aim) -> Needs:
        from drillbook.clients.kube import Permission

        namespace, plural = aim.component.namespace, PLURALS[workload_of(aim.component).kind]
        return Needs(
            to_break=tuple(Permission(verb, "pods", "", namespace) for verb in ("get", "list", "delete")),
            to_repair=(
                Permission("get", plural, "apps", namespace),
                Permission("patch", plural, "apps", namespace),
                Permission("list", "pods", "", namespace),
            ),
        )

    async def how(self, kube: Kube, aim: Aim) -> str:
        grace = f"{aim.grace_seconds} s of grace" if aim.grace_seconds else "no grace"
        return f"pods are deleted through the Kubernetes API, by UID, with {grace}"

    async def candidates(self, kube: Kube, aim: Aim) -> tuple[Candidate, ...]:
        state = await read_workload(kube, workload_of(aim.component), aim.component.namespace)
        ordered = sorted(state.pods, key=lambda pod: str(pod["metadata"]["name"]))
        return tuple(Candidate(_target(pod), _why_not(pod)) for pod in ordered)

    async def put_back(self, kube: Kube, aim: Aim) -> PutBack:
        return await replicas_now(kube, aim.component)

    async def inject(self, kube: Kube, aim: Aim, targets: Sequence[Target]) -> tuple[Target, ...]:
        hit: list[Target] = []
        for target in targets:
            await kube.delete_pod(target.namespace, target.name, uid=target.uid, grace_seconds=aim.grace_seconds)
            hit.append(target)
        return tuple(hit)

    async def landed(self, kube: Kube, aim: Aim, targets: Sequence[Target], before: PutBack) -> Landing:
        from drillbook.clients.kube import path_of

        pods: dict[str, str] = {}
        deaths: dict[str, Any] = {}
        for target in targets:
            found = await kube.find(path_of("pods", target.namespace, target.name))
            if found is not None and found["metadata"]["uid"] != target.uid:
                pods[target.name] = f"the pod is gone, another of its name has UID {found['metadata']['uid']}"
                found = None
            death = _death(found)
            pods.setdefault(target.name, _told(found, death))
            if pods[target.name]:
                deaths[target.name] = death.document()
        return Landing(bool(pods) and all(pods.values()), {"pods": pods, "deaths": deaths})

    async def undo(self, kube: Kube, put_back: PutBack, seconds: float) -> str:
        return await replicas_back(kube, put_back, seconds)


def _target(pod: Object) -> Target:
    meta = pod["metadata"]
    return Target("Pod", meta["namespace"], meta["name"], meta["uid"])


def _why_not(pod: Object) -> str:
    """What speaks against killing that pod; empty where nothing does."""
    if is_going(pod):
        return "is already being deleted"
    phase = (pod.get("status") or {}).get("phase")
    if phase != "Running":
        return f"is {phase}, not Running"
    if not is_ready(pod):
        return "is not Ready"
    if not is_controlled(pod):
        return "has no controller that would replace it"
    return ""


def _death(found: Object | None) -> Death:
    """What can be seen of how the pod's containers ended; nothing where it is gone, or one of them lives."""
    if found is None:
        return Death()
    statuses = (found.get("status") or {}).get("containerStatuses") or ()
    ends = [end for one in statuses if (end := (one.get("state") or {}).get("terminated"))]
    if len(ends) < len(statuses):
        return Death()
    codes = tuple(int(end["exitCode"]) for end in ends)
    reasons = tuple(str(end["reason"]) for end in ends if end.get("reason"))
    return Death(codes, reasons, found["metadata"].get("deletionGracePeriodSeconds"))


def _told(found: Object | None, death: Death) -> str:
    """How the pod that was hit is dead; empty while it lives."""
    if found is None:
        return "the pod is gone"
    codes = ", ".join(map(str, death.exit_codes))
    return f"its containers are terminated, exit code {codes}" if codes else ""
