"""Job: pods until enough of them have run to a good end, or too many to a bad one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from drillbook.sandbox.cluster import Cluster
from drillbook.sandbox.controllers.admission import create
from drillbook.sandbox.controllers.controller import Controller, Key, own_key, owner_key
from drillbook.sandbox.controllers.pods import (
    condition,
    delete,
    is_active,
    is_ready,
    is_terminating,
    moment,
    new_pod,
    owned_pods,
    random_suffix,
    with_condition,
)
from drillbook.sandbox.kinds import JOB, POD, Object
from drillbook.sandbox.store import Change, timestamp

COMPONENT: Final = "job-controller"
UID_LABEL: Final = "batch.kubernetes.io/controller-uid"
NAME_LABEL: Final = "batch.kubernetes.io/job-name"
INDEX_ANNOTATION: Final = "batch.kubernetes.io/job-completion-index"
FIRST_BACK_OFF: Final = 10.0
LONGEST_BACK_OFF: Final = 360.0


@dataclass
class Tally:
    """Uids of a job's pods by how they are doing."""

    key: Key
    active: set[str] = field(default_factory=set)
    succeeded: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)

    def count(self, pods: list[Object]) -> None:
        """Look at the pods that there are now."""
        self.active = set()
        for pod in pods:
            uid, phase = pod["metadata"]["uid"], (pod.get("status") or {}).get("phase")
            if phase == "Succeeded":
                self.succeeded.add(uid)
            elif phase == "Failed" or is_terminating(pod):
                self.failed.add(uid)
            else:
                self.active.add(uid)


class Jobs(Controller):
    """Runs pods to completion."""

    name = "job"
    watches = (JOB, POD)

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        self._counted: dict[str, Tally] = {}
        """By the job's uid: pods that ended count on after somebody deletes them."""

    def keys(self, change: Change) -> Iterable[Key]:
        return [own_key(change.object)] if change.kind is JOB else owner_key(change.object, JOB)

    async def reconcile(self, key: Key) -> None:
        job = self.store.get(JOB, *key)
        if job is None or is_terminating(job):
            if job is None:
                self._counted = {u: t for u, t in self._counted.items() if t.key != key}
            return
        if not job["spec"].get("selector"):
            job = self.store.mutate(JOB, *key, _name_its_pods)
        if finished(job) is not None:
            self._forget_in_time(job)
            return
        pods = owned_pods(self.store, job)
        tally = self._counted.setdefault(job["metadata"]["uid"], Tally(key))
        tally.count(pods)
        verdict = self._verdict(job, tally)
        if verdict is None and not job["spec"].get("suspend"):
            self._run(job, pods, tally)
        else:
            for pod in pods:
                if is_active(pod):
                    delete(self.store, POD, pod)
        self._tell_status(job, tally, verdict)

    def _verdict(self, job: Object, tally: Tally) -> tuple[str, str, str] | None:
        """How the job has ended (condition type, reason, message); None while it runs."""
        spec = job["spec"]
        restarts = sum(
            c.get("restartCount", 0)
            for pod in owned_pods(self.store, job)
            if spec["template"]["spec"].get("restartPolicy") == "OnFailure"
            for c in (pod.get("status") or {}).get("containerStatuses") or ()
        )
        if len(tally.failed) + restarts > int(spec.get("backoffLimit", 6)):
            return "Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit"
        started = (job.get("status") or {}).get("startTime")
        deadline = spec.get("activeDeadlineSeconds")
        if started and deadline is not None:
            left = float(deadline) - (datetime.now(UTC) - moment(started)).total_seconds()
            if left <= 0:
                return "Failed", "DeadlineExceeded", "Job was active longer than specified deadline"
            self.queue.add_after(own_key(job), left + 0.05)
        wanted = spec.get("completions")
        done = len(tally.succeeded)
        if (wanted is not None and done >= wanted) or (wanted is None and done and not tally.active):
            return "Complete", "CompletionsReached", "Reached expected number of succeeded pods"
        return None

    def _run(self, job: Object, pods: list[Object], tally: Tally) -> None:
        spec = job["spec"]
        parallelism = int(spec.get("parallelism", 1))
        wanted = spec.get("completions")
        active = [pod for pod in pods if is_active(pod)]
        if wanted is None:
            most = 0 if tally.succeeded else parallelism
        else:
            most = min(parallelism, int(wanted) - len(tally.succeeded))
        if len(active) >= most:
            for pod in active[most:] if wanted is not None else ():
                delete(self.store, POD, pod)
            return
        wait = self._back_off(pods, len(tally.failed))
        if wait > 0:
            self.queue.add_after(own_key(job), wait)
            return
        taken = {_index(pod) for pod in pods if is_active(pod) or pod["status"].get("phase") == "Succeeded"}
        free = [i for i in range(int(wanted or 0)) if i not in taken]
        for number in range(most - len(active)):
            self._create(job, free[number] if spec.get("completionMode") == "Indexed" else None)

    def _back_off(self, pods: list[Object], failures: int) -> float:
        """Seconds left to wait after the last failure: 10 s, doubling, at most 6 minutes."""
        if not failures:
            return 0.0
        delay = min(LONGEST_BACK_OFF, FIRST_BACK_OFF * 2.0 ** (failures - 1))
        ends = [_ended(pod) for pod in pods if (pod.get("status") or {}).get("phase") == "Failed"]
        last = max((end for end in ends if end), default=None)
        return delay - (datetime.now(UTC) - last).total_seconds() if last else 0.0

    def _create(self, job: Object, index: int | None) -> None:
        middle = "" if index is None else f"{index}-"
        name = f"{job['metadata']['name']}-{middle}{random_suffix()}"
        pod = new_pod(job, job["spec"]["template"], name)
        if index is not None:
            pod["metadata"].setdefault("annotations", {})[INDEX_ANNOTATION] = str(index)
            for container in pod["spec"]["containers"]:
                container.setdefault("env", []).append({"name": "JOB_COMPLETION_INDEX", "value": str(index)})
        create(self.store, POD, pod)
        self.cluster.events.normal(job, COMPONENT, "SuccessfulCreate", f"Created pod: {name}")

    def _tell_status(self, job: Object, tally: Tally, verdict: tuple[str, str, str] | None) -> None:
        now = timestamp()
        pods = owned_pods(self.store, job)
        status: Object = dict(job.get("status") or {})
        status.setdefault("startTime", now)
        counts = {
            "active": sum(map(is_active, pods)),
            "ready": sum(is_active(pod) and is_ready(pod) for pod in pods),
            "terminating": sum(map(is_terminating, pods)),
            "succeeded": len(tally.succeeded),
            "failed": len(tally.failed),
        }
        for name, count in counts.items():
            if count or name in {"ready", "terminating"}:
                status[name] = count
            else:
                status.pop(name, None)
        status["uncountedTerminatedPods"] = {}
        if verdict:
            type_, reason, message = verdict
            criterion = "SuccessCriteriaMet" if type_ == "Complete" else "FailureTarget"
            conditions = list(status.get("conditions") or ())
            for each in (criterion, type_):
                conditions = with_condition(conditions, each, "True", reason, message, lastProbeTime=now)
            status["conditions"] = conditions
            if type_ == "Complete":
                status["completionTime"] = now
                self.cluster.events.normal(job, COMPONENT, "Completed", "Job completed")
            else:
                self.cluster.events.warning(job, COMPONENT, reason, message)
        self.store.mutate(JOB, *own_key(job), lambda draft: draft.update(status=status))

    def _forget_in_time(self, job: Object) -> None:
        """ttlSecondsAfterFinished: the job is deleted that long after its end, and its pods with it."""
        patience = job["spec"].get("ttlSecondsAfterFinished")
        ended = finished(job)
        if patience is None or ended is None:
            return
        left = float(patience) - (datetime.now(UTC) - moment(ended["lastTransitionTime"])).total_seconds()
        if left > 0:
            self.queue.add_after(own_key(job), left + 0.05)
        else:
            delete(self.store, JOB, job)


def finished(job: Object) -> Object | None:
    """The condition that ended the job: Complete or Failed."""
    for type_ in ("Complete", "Failed"):
        found = condition(job, type_)
        if found and found["status"] == "True":
            return found
    return None


def _name_its_pods(job: Object) -> None:
    uid = job["metadata"]["uid"]
    job["spec"]["selector"] = {"matchLabels": {UID_LABEL: uid}}
    labels = job["spec"]["template"].setdefault("metadata", {}).setdefault("labels", {})
    name = job["metadata"]["name"]
    labels.update({UID_LABEL: uid, NAME_LABEL: name, "controller-uid": uid, "job-name": name})


def _index(pod: Object) -> int | None:
    text = (pod["metadata"].get("annotations") or {}).get(INDEX_ANNOTATION)
    return None if text is None else int(text)


def _ended(pod: Object) -> datetime | None:
    for status in (pod.get("status") or {}).get("containerStatuses") or ():
        ended = ((status.get("state") or {}).get("terminated") or {}).get("finishedAt")
        if ended:
            return moment(ended)
    return None
