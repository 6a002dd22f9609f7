"""Job: pods until enough of them have run to a good end, or too many to a bad one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from drillbook.clock import SYSTEM_CLOCK, Clock
from drillbook.sandbox.cluster import Cluster
from drillbook.sandbox.controllers import job_status
from drillbook.sandbox.controllers.admission import create
from drillbook.sandbox.controllers.controller import Controller, Key, controller_of, own_key, owner_key
from drillbook.sandbox.controllers.job_status import Verdict, finished
from drillbook.sandbox.controllers.job_tally import INDEX, Tally, index_of
from drillbook.sandbox.controllers.pods import (
    delete,
    is_active,
    is_finished,
    is_ready,
    is_terminating,
    moment,
    new_pod,
    owned_pods,
    random_suffix,
)
from drillbook.sandbox.kinds import JOB, POD, Object
from drillbook.sandbox.status import ApiError
from drillbook.sandbox.store import Change

COMPONENT: Final = "job-controller"
UID_LABEL: Final = "batch.kubernetes.io/controller-uid"
NAME_LABEL: Final = "batch.kubernetes.io/job-name"
A_LITTLE: Final = 0.05
"""Seconds that a timer is set late, so that what it waits for has happened."""


class Jobs(Controller):
    """Runs pods to completion."""

    name = "job"
    watches = (JOB, POD)

    def __init__(self, cluster: Cluster, clock: Clock = SYSTEM_CLOCK) -> None:
        super().__init__(cluster)
        self._clock = clock
        self._tallies: dict[str, Tally] = {}
        """By the job's uid."""

    def keys(self, change: Change) -> Iterable[Key]:
        if change.kind is JOB:
            return [own_key(change.object)]
        keys = list(owner_key(change.object, JOB))
        owner = controller_of(change.object)
        if change.type == "DELETED" and keys and owner is not None:
            self._tally(owner["uid"], keys[0]).gone(change.object)
        return keys

    async def reconcile(self, key: Key) -> None:
        job = self.store.get(JOB, *key)
        if job is None:
            self._tallies = {uid: tally for uid, tally in self._tallies.items() if tally.key != key}
            return
        if is_terminating(job):
            return
        if not job["spec"].get("selector"):
            job = self.store.mutate(JOB, *key, _name_its_pods)
        if finished(job) is not None:
            self._forget_in_time(job)
            return
        pods = owned_pods(self.store, job)
        tally = self._tally(job["metadata"]["uid"], key)
        tally.count(pods)
        verdict = job_status.reached(job) or self._verdict(job, pods, tally)
        if verdict is not None:
            self._stop(job, pods)
        elif job["spec"].get("suspend"):
            self._stop(job, pods, tally)
        else:
            self._run(job, pods, tally)
        # What was stopped because the job failed counts as failed too.
        pods = owned_pods(self.store, job)
        tally.count(pods)
        self._tell_status(job, pods, tally, verdict)

    def _tally(self, uid: str, key: Key) -> Tally:
        return self._tallies.setdefault(uid, Tally(key))

    def _verdict(self, job: Object, pods: Sequence[Object], tally: Tally) -> Verdict | None:
        """How the job has to end; None while it runs."""
        spec = job["spec"]
        limit = int(spec.get("backoffLimit", 6))
        if len(tally.failed) > limit or _restarts_exceed(job, pods, limit):
            return job_status.BACK_OFF_LIMIT
        started = (job.get("status") or {}).get("startTime")
        patience = spec.get("activeDeadlineSeconds")
        if started and patience is not None and not spec.get("suspend"):
            left = float(patience) - (self._clock.now() - moment(started)).total_seconds()
            if left <= 0:
                return job_status.DEADLINE
            self.queue.add_after(own_key(job), left + A_LITTLE)
        done, wanted = _done(job, tally), spec.get("completions")
        if any(map(is_active, pods)):
            return None
        enough = done > 0 if wanted is None else done >= int(wanted)
        return job_status.COMPLETE if enough else None

    def _run(self, job: Object, pods: Sequence[Object], tally: Tally) -> None:
        """Start pods or stop some, until as many run as should."""
        spec = job["spec"]
        parallelism, wanted = int(spec.get("parallelism", 1)), spec.get("completions")
        active = [pod for pod in pods if is_active(pod)]
        if wanted is not None:
            most = max(0, min(parallelism, int(wanted) - _done(job, tally)))
        else:
            # Without a number of completions the first success says that the work is done: nothing new is started.
            most = len(active) if tally.succeeded else parallelism
        surplus = self._surplus(job, active, tally)
        keep = [pod for pod in active if pod not in surplus]
        for pod in [*surplus, *keep[most:]]:
            self._discard(job, pod, tally)
        missing = most - len(keep)
        if spec.get("podReplacementPolicy") == "Failed":
            missing -= sum(is_terminating(pod) and not is_finished(pod) for pod in pods)
        if missing <= 0:
            return
        until = tally.back_off_until()
        if until is not None and (wait := (until - self._clock.now()).total_seconds()) > 0:
            self.queue.add_after(own_key(job), wait + A_LITTLE)
            return
        if not _is_indexed(job):
            for _ in range(missing):
                self._create(job, None)
            return
        taken = tally.indexes | {index_of(pod) for pod in keep}
        free = [index for index in range(int(wanted or 0)) if index not in taken]
        for index in free[:missing]:
            self._create(job, index)

    def _surplus(self, job: Object, active: Sequence[Object], tally: Tally) -> list[Object]:
        """Active pods of an Indexed job that nobody needs: their index is done, taken twice, or beyond the last one."""
        if not _is_indexed(job):
            return []
        needed = set(range(int(job["spec"].get("completions") or 0))) - tally.indexes
        surplus = []
        for pod in active:
            index = index_of(pod)
            if index in needed:
                needed.discard(index)
            else:
                surplus.append(pod)
        return surplus

    def _stop(self, job: Object, pods: Sequence[Object], tally: Tally | None = None) -> None:
        """End every active pod; with a tally, they count neither as good nor as bad."""
        for pod in pods:
            if is_active(pod):
                if tally is None:
                    delete(self.store, POD, pod)
                    self._say_deleted(job, pod)
                else:
                    self._discard(job, pod, tally)

    def _discard(self, job: Object, pod: Object, tally: Tally) -> None:
        tally.discarded.add(pod["metadata"]["uid"])
        delete(self.store, POD, pod)
        self._say_deleted(job, pod)

    def _say_deleted(self, job: Object, pod: Object) -> None:
        self.cluster.events.normal(job, COMPONENT, "SuccessfulDelete", f"Deleted pod: {pod['metadata']['name']}")

    def _create(self, job: Object, index: int | None) -> None:
        middle = "" if index is None else f"{index}-"
        name = f"{job['metadata']['name']}-{middle}{random_suffix()}"
        pod = new_pod(job, job["spec"]["template"], name)
        if index is not None:
            _number(pod, job["metadata"]["name"], index)
        try:
            create(self.store, POD, pod)
        except ApiError as error:
            self.cluster.events.warning(job, COMPONENT, "FailedCreate", f"Error creating: {error.message}")
            raise
        self.cluster.events.normal(job, COMPONENT, "SuccessfulCreate", f"Created pod: {name}")

    def _tell_status(self, job: Object, pods: Sequence[Object], tally: Tally, verdict: Verdict | None) -> None:
        counts = {
            "active": sum(map(is_active, pods)),
            "ready": sum(is_active(pod) and is_ready(pod) for pod in pods),
            "terminating": sum(is_terminating(pod) and not is_finished(pod) for pod in pods),
            "succeeded": _done(job, tally),
            "failed": len(tally.failed),
        }
        status = job_status.of(job, counts, tally.indexes if _is_indexed(job) else None, verdict, self._clock.now())
        for type_, reason, message in job_status.news(job, status):
            say = self.cluster.events.warning if type_ == "Warning" else self.cluster.events.normal
            say(job, COMPONENT, reason, message)
        self.store.mutate(JOB, *own_key(job), lambda draft: draft.update(status=status))

    def _forget_in_time(self, job: Object) -> None:
        """ttlSecondsAfterFinished: the job is deleted that long after its end, and its pods with it."""
        patience = job["spec"].get("ttlSecondsAfterFinished")
        ended = finished(job)
        if patience is None or ended is None:
            return
        left = float(patience) - (self._clock.now() - moment(ended["lastTransitionTime"])).total_seconds()
        if left > 0:
            self.queue.add_after(own_key(job), left + A_LITTLE)
        else:
            delete(self.store, JOB, job)


def _is_indexed(job: Object) -> bool:
    return bool(job["spec"].get("completionMode") == "Indexed")


def _done(job: Object, tally: Tally) -> int:
    """Completions: an Indexed job's count once per index."""
    if not _is_indexed(job):
        return len(tally.succeeded)
    return sum(index < int(job["spec"].get("completions") or 0) for index in tally.indexes)


def _restarts_exceed(job: Object, pods: Iterable[Object], limit: int) -> bool:
    """Whether containers that restart in place have used the back-off limit up."""
    if job["spec"]["template"]["spec"].get("restartPolicy") != "OnFailure":
        return False
    restarts = 0
    for pod in pods:
        status = pod.get("status") or {}
        if status.get("phase") in {"Pending", "Running"}:
            every = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
            restarts += sum(int(container.get("restartCount", 0)) for container in every)
    return restarts > 0 if limit == 0 else restarts >= limit


def _number(pod: Object, job: str, index: int) -> None:
    """Tell an Indexed job's pod which index it is, in every way that Kubernetes does."""
    pod["metadata"].setdefault("annotations", {})[INDEX] = str(index)
    pod["metadata"].setdefault("labels", {})[INDEX] = str(index)
    pod["spec"].setdefault("hostname", f"{job}-{index}")
    source = {"fieldRef": {"apiVersion": "v1", "fieldPath": f"metadata.labels['{INDEX}']"}}
    for container in [*(pod["spec"].get("initContainers") or ()), *pod["spec"]["containers"]]:
        env = container.setdefault("env", [])
        if all(entry["name"] != "JOB_COMPLETION_INDEX" for entry in env):
            env.append({"name": "JOB_COMPLETION_INDEX", "valueFrom": source})


def _name_its_pods(job: Object) -> None:
    uid, name = job["metadata"]["uid"], job["metadata"]["name"]
    job["spec"]["selector"] = {"matchLabels": {UID_LABEL: uid}}
    meta = job["spec"]["template"].get("metadata") or {}
    own = {UID_LABEL: uid, NAME_LABEL: name, "controller-uid": uid, "job-name": name}
    job["spec"]["template"]["metadata"] = meta | {"labels": (meta.get("labels") or {}) | own}
