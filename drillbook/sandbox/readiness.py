"""Whether everything that was asked for is there, and if not, what is missing and why. Looks at the store alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from drillbook.sandbox.controllers.controller import own_key
from drillbook.sandbox.controllers.pods import is_finished, is_ready, is_terminating
from drillbook.sandbox.images import absent
from drillbook.sandbox.kinds import DEPLOYMENT, EVENT, POD, STATEFUL_SET, Object
from drillbook.sandbox.store import Store

HOPELESS: Final = frozenset(
    {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "CreateContainerConfigError", "CreateContainerError"}
)
"""Waiting reasons that no waiting mends."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """How far the workloads are."""

    ready: int
    wanted: int
    waiting: tuple[str, ...]
    """The names of pods that aren't ready, or of workloads that have too few."""

    @property
    def done(self) -> bool:
        return not self.waiting


def look(store: Store) -> Readiness:
    """The state of all namespaces."""
    waiting = [p["metadata"]["name"] for p in store.list(POD) if _awaited(p) and not is_ready(p)]
    ready = sum(1 for p in store.list(POD) if _awaited(p) and is_ready(p))
    wanted = 0
    for kind in (DEPLOYMENT, STATEFUL_SET):
        for workload in store.list(kind):
            if _lacks_program(workload["spec"]["template"]["spec"]):
                continue
            status, size = workload.get("status") or {}, int(workload["spec"].get("replicas", 1))
            wanted += size
            observed = status.get("observedGeneration") == workload["metadata"].get("generation")
            if not observed or status.get("readyReplicas", 0) < size or status.get("updatedReplicas", 0) < size:
                waiting.append(workload["metadata"]["name"])
    bare = sum(1 for p in store.list(POD) if _awaited(p) and not p["metadata"].get("ownerReferences"))
    return Readiness(ready, wanted + bare, tuple(waiting))


def hopeless(store: Store) -> Object | None:
    """A pod that waits for something that won't come by itself."""
    for pod in filter(_awaited, store.list(POD)):
        for status in _container_statuses(pod):
            if (status["state"].get("waiting") or {}).get("reason") in HOPELESS:
                return pod
    return None


def why(store: Store, pod: Object, last_lines: list[str]) -> str:
    """One sentence on a pod that isn't ready: its container's state, its last warning, its last words."""
    namespace, name = own_key(pod)
    parts = [f"pod {namespace}/{name} is not Ready"]
    for status in _container_statuses(pod):
        state = status["state"].get("waiting") or status["state"].get("terminated")
        if state and not status.get("ready"):
            said = f": {state['message']}" if state.get("message") else ""
            code = f" (exit code {state['exitCode']})" if "exitCode" in state else ""
            parts.append(f"container {status['name']} is in {state.get('reason', 'waiting')}{code}{said}")
        last = (status.get("lastState") or {}).get("terminated")
        if last and not status.get("ready"):
            parts.append(f"it last ended with exit code {last['exitCode']} ({last['reason']})")
    warning = _last_warning(store, pod)
    if warning:
        parts.append(f"last event: {warning}")
    if last_lines:
        parts.append("last log lines:\n  " + "\n  ".join(last_lines))
    return "; ".join(parts)


def first_waiting(store: Store) -> Object | None:
    """The pod to speak of when time is up: one that restarts rather than one that only waits for it."""
    waiting = [pod for pod in store.list(POD) if _awaited(pod) and not is_ready(pod)]
    return max(waiting, key=_restarts, default=None)


def _awaited(pod: Object) -> bool:
    ended = is_finished(pod) and pod["status"]["phase"] == "Succeeded"
    return not is_terminating(pod) and not ended and not _lacks_program(pod["spec"])


def _lacks_program(spec: Object) -> bool:
    """Whether this machine lacks a program of the pod: the rest of the system does without it."""
    return any(absent(one["image"]) for one in (*(spec.get("initContainers") or ()), *spec["containers"]))


def _restarts(pod: Object) -> int:
    return sum(status.get("restartCount", 0) for status in _container_statuses(pod))


def _container_statuses(pod: Object) -> list[Object]:
    status = pod.get("status") or {}
    return [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]


def _last_warning(store: Store, pod: Object) -> str | None:
    about = [
        event
        for event in store.list(EVENT, pod["metadata"]["namespace"])
        if event["involvedObject"].get("uid") == pod["metadata"]["uid"] and event["type"] == "Warning"
    ]
    newest = max(about, key=lambda event: int(event["metadata"]["resourceVersion"]), default=None)
    return str(newest["message"]) if newest else None
