"""CronJob: a Job at each time of a schedule."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from drillbook.clock import SYSTEM_CLOCK, Clock
from drillbook.sandbox.cluster import Cluster
from drillbook.sandbox.controllers.admission import create
from drillbook.sandbox.controllers.controller import (
    Controller,
    Key,
    controller_of,
    own_key,
    owner_key,
    owner_reference,
)
from drillbook.sandbox.controllers.cron_schedule import BadSchedule, times
from drillbook.sandbox.controllers.job_status import finished
from drillbook.sandbox.controllers.pods import delete, is_terminating, moment
from drillbook.sandbox.controllers.times import written
from drillbook.sandbox.kinds import CRON_JOB, JOB, Object
from drillbook.sandbox.status import ApiError
from drillbook.sandbox.store import Change

COMPONENT: Final = "cronjob-controller"
SCHEDULED: Final = "batch.kubernetes.io/cronjob-scheduled-timestamp"
MANY: Final = 100
"""More missed starts than these are worth a warning: a clock may have jumped."""
A_LITTLE: Final = 0.1
"""Seconds that a timer is set late, so that the time it waits for has come."""


class CronJobs(Controller):
    """Starts jobs on time."""

    name = "cronjob"
    watches = (CRON_JOB, JOB)

    def __init__(self, cluster: Cluster, clock: Clock = SYSTEM_CLOCK) -> None:
        super().__init__(cluster)
        self._clock = clock

    def keys(self, change: Change) -> Iterable[Key]:
        return [own_key(change.object)] if change.kind is CRON_JOB else owner_key(change.object, CRON_JOB)

    async def reconcile(self, key: Key) -> None:
        cron = self.store.get(CRON_JOB, *key)
        if cron is None:
            return
        self._settle(cron)
        if is_terminating(cron):
            return
        self._tidy(cron)
        if cron["spec"].get("suspend"):
            return
        try:
            due, following = self._times(cron)
        except BadSchedule as why:
            self.cluster.events.warning(cron, COMPONENT, "UnparseableSchedule", str(why))
            return
        if following is not None:
            self.queue.add_after(key, (following - self._clock.now()).total_seconds() + A_LITTLE)
        if due is not None:
            self._start(cron, due)

    def _jobs(self, cron: Object) -> list[Object]:
        uid = cron["metadata"]["uid"]
        jobs = self.store.list(JOB, cron["metadata"]["namespace"])
        return [job for job in jobs if (owner := controller_of(job)) is not None and owner["uid"] == uid]

    def _times(self, cron: Object) -> tuple[datetime | None, datetime | None]:
        """The last scheduled time not yet acted on (those before it are lost), and the next one."""
        spec, now = cron["spec"], self._clock.now()
        last = (cron.get("status") or {}).get("lastScheduleTime")
        since = moment(last or cron["metadata"]["creationTimestamp"])
        patience = spec.get("startingDeadlineSeconds")
        if patience is not None:
            since = max(since, now - timedelta(seconds=float(patience)))
        due, missed = None, 0
        for time in times(spec["schedule"], since, spec.get("timeZone")):
            if time > now:
                break
            due, missed = time, missed + 1
        else:
            return due, None
        if missed > MANY:
            self.cluster.events.warning(
                cron,
                COMPONENT,
                "TooManyMissedTimes",
                "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew",
            )
        return due, time

    def _start(self, cron: Object, due: datetime) -> None:
        """Start the job of that time, as far as its policy about other jobs allows."""
        active = [job for job in self._jobs(cron) if finished(job) is None]
        policy = cron["spec"].get("concurrencyPolicy", "Allow")
        if active and policy == "Forbid":
            # The time stays due: the job starts when the one that runs has ended.
            why = "Not starting job because prior execution is running and concurrency policy is Forbid"
            self.cluster.events.normal(cron, COMPONENT, "JobAlreadyActive", why)
            return
        replaced = active if policy == "Replace" else []
        for old in replaced:
            self._delete(cron, old)
        job = _job(cron, due)
        try:
            created = create(self.store, JOB, job)
        except ApiError as error:
            if error.reason != "AlreadyExists":
                self.cluster.events.warning(cron, COMPONENT, "FailedCreate", f"Error creating job: {error.message}")
                raise
            created = self.store.need(JOB, *own_key(job))
            if (controller_of(created) or {}).get("uid") != cron["metadata"]["uid"]:
                raise
        else:
            self.cluster.events.normal(
                cron, COMPONENT, "SuccessfulCreate", f"Created job {created['metadata']['name']}"
            )

        def note(draft: Object) -> None:
            status = draft.setdefault("status", {})
            status["lastScheduleTime"] = written(due)
            ended = {job["metadata"]["uid"] for job in [*replaced, created]}
            others = [entry for entry in status.get("active") or () if entry["uid"] not in ended]
            status["active"] = [*others, _reference(created)]

        self.store.mutate(CRON_JOB, *own_key(cron), note)

    def _settle(self, cron: Object) -> None:
        """Bring ``status.active`` up to date with the jobs that there are, and say what has become of them."""
        status = cron.get("status") or {}
        jobs = {job["metadata"]["uid"]: job for job in self._jobs(cron)}
        active, last = [], status.get("lastSuccessfulTime")
        for reference in status.get("active") or ():
            job = jobs.get(reference["uid"])
            if job is None:
                gone = f"Active job went missing: {reference['name']}"
                self.cluster.events.normal(cron, COMPONENT, "MissingJob", gone)
            elif (end := finished(job)) is None:
                active.append(reference)
            else:
                text = f"Saw completed job: {reference['name']}, condition: {end['type']}"
                self.cluster.events.normal(cron, COMPONENT, "SawCompletedJob", text)
        known = {reference["uid"] for reference in status.get("active") or ()}
        for uid, job in jobs.items():
            if uid not in known and finished(job) is None:
                text = f"Saw a job that the controller did not create or forgot: {job['metadata']['name']}"
                self.cluster.events.warning(cron, COMPONENT, "UnexpectedJob", text)
            completed = (job.get("status") or {}).get("completionTime")
            if completed and (last is None or completed > last):
                last = completed

        def update(draft: Object) -> None:
            new = draft.setdefault("status", {})
            if active:
                new["active"] = active
            else:
                new.pop("active", None)
            if last is not None:
                new["lastSuccessfulTime"] = last

        self.store.mutate(CRON_JOB, *own_key(cron), update)

    def _tidy(self, cron: Object) -> None:
        """Keep as many ended jobs as the history limits say, the newest ones."""
        spec, jobs = cron["spec"], self._jobs(cron)
        self._keep(cron, jobs, "Complete", int(spec.get("successfulJobsHistoryLimit", 3)))
        self._keep(cron, jobs, "Failed", int(spec.get("failedJobsHistoryLimit", 1)))

    def _keep(self, cron: Object, jobs: Sequence[Object], ending: str, limit: int) -> None:
        ended = [job for job in jobs if (end := finished(job)) is not None and end["type"] == ending]
        ended.sort(key=lambda job: (str((job.get("status") or {}).get("startTime", "")), job["metadata"]["name"]))
        for job in ended[: max(0, len(ended) - limit)]:
            self._delete(cron, job)

    def _delete(self, cron: Object, job: Object) -> None:
        delete(self.store, JOB, job)
        text = f"Deleted job {job['metadata']['name']}"
        self.cluster.events.normal(cron, COMPONENT, "SuccessfulDelete", text)


def _job(cron: Object, due: datetime) -> Object:
    """The job of one scheduled time; its name says which, so that no time is served twice."""
    template = copy.deepcopy(cron["spec"]["jobTemplate"])
    meta = template.get("metadata") or {}
    return {
        "metadata": {
            "name": f"{cron['metadata']['name']}-{int(due.timestamp()) // 60}",
            "namespace": cron["metadata"]["namespace"],
            "labels": meta.get("labels") or {},
            "annotations": (meta.get("annotations") or {}) | {SCHEDULED: written(due)},
            "ownerReferences": [owner_reference(cron)],
        },
        "spec": template["spec"],
    }


def _reference(job: Object) -> Object:
    return {
        "apiVersion": job["apiVersion"],
        "kind": "Job",
        "name": job["metadata"]["name"],
        "namespace": job["metadata"]["namespace"],
        "uid": job["metadata"]["uid"],
        "resourceVersion": job["metadata"]["resourceVersion"],
    }
