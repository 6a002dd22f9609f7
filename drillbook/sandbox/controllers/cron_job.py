"""CronJob: a Job at each time of a schedule."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from drillbook.sandbox.controllers.admission import create
from drillbook.sandbox.controllers.controller import Controller, Key, own_key, owner_key, owner_reference
from drillbook.sandbox.controllers.job import finished
from drillbook.sandbox.controllers.pods import delete, is_terminating, moment
from drillbook.sandbox.kinds import CRON_JOB, JOB, Object
from drillbook.sandbox.status import ApiError
from drillbook.sandbox.store import Change, timestamp

COMPONENT: Final = "cronjob-controller"
MACROS: Final = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}


class CronJobs(Controller):
    """Starts jobs on time."""

    name = "cronjob"
    watches = (CRON_JOB, JOB)

    def keys(self, change: Change) -> Iterable[Key]:
        return [own_key(change.object)] if change.kind is CRON_JOB else owner_key(change.object, CRON_JOB)

    async def reconcile(self, key: Key) -> None:
        cron = self.store.get(CRON_JOB, *key)
        if cron is None or is_terminating(cron):
            return
        jobs = [j for j in self.store.list(JOB, key[0]) if _owned(j, cron)]
        self._tidy(cron, jobs)
        due, following = self._times(cron)
        if following is not None:
            self.queue.add_after(key, (following - datetime.now(UTC)).total_seconds() + 0.05)
        if due is not None and not cron["spec"].get("suspend"):
            self._start(cron, jobs, due)
        self._tell_status(key, due)

    def _times(self, cron: Object) -> tuple[datetime | None, datetime | None]:
        """The last scheduled time not yet acted on, and the next one."""
        spec = cron["spec"]
        schedule = MACROS.get(spec["schedule"], spec["schedule"])
        zone = ZoneInfo(spec["timeZone"]) if spec.get("timeZone") else UTC
        since = moment((cron.get("status") or {}).get("lastScheduleTime") or cron["metadata"]["creationTimestamp"])
        now = datetime.now(UTC)
        deadline = spec.get("startingDeadlineSeconds")
        if deadline is not None:
            since = max(since, now - timedelta(seconds=float(deadline)))
        try:
            times = CronSim(schedule, since.astimezone(zone))
        except CronSimError as error:
            self.cluster.events.warning(cron, COMPONENT, "UnparseableSchedule", f"unparseable schedule: {error}")
            return None, None
        due = None
        for time in times:
            if time > now:
                return due, time.astimezone(UTC)
            due = time.astimezone(UTC)
        return due, None

    def _start(self, cron: Object, jobs: list[Object], due: datetime) -> None:
        running = [job for job in jobs if finished(job) is None]
        policy = cron["spec"].get("concurrencyPolicy", "Allow")
        if running and policy == "Forbid":
            self.cluster.events.normal(
                cron, COMPONENT, "JobAlreadyActive", "Not starting job because prior execution is running"
            )
            return
        for old in running if policy == "Replace" else ():
            delete(self.store, JOB, old)
        template = copy.deepcopy(cron["spec"]["jobTemplate"])
        meta = template.get("metadata") or {}
        name = f"{cron['metadata']['name']}-{int(due.timestamp()) // 60}"
        job: Object = {
            "metadata": {
                "name": name,
                "namespace": cron["metadata"]["namespace"],
                "labels": meta.get("labels") or {},
                "annotations": (meta.get("annotations") or {})
                | {"batch.kubernetes.io/cronjob-scheduled-timestamp": due.strftime("%Y-%m-%dT%H:%M:%SZ")},
                "ownerReferences": [owner_reference(cron)],
            },
            "spec": template["spec"],
        }
        try:
            create(self.store, JOB, job)
        except ApiError as error:
            if error.reason != "AlreadyExists":  # started before: nothing is lost
                raise
            return
        self.cluster.events.normal(cron, COMPONENT, "SuccessfulCreate", f"Created job {name}")

    def _tell_status(self, key: Key, due: datetime | None) -> None:
        cron = self.store.need(CRON_JOB, *key)
        jobs = [j for j in self.store.list(JOB, key[0]) if _owned(j, cron)]
        status: Object = dict(cron.get("status") or {})
        status["active"] = [
            {
                "apiVersion": job["apiVersion"],
                "kind": "Job",
                "name": job["metadata"]["name"],
                "namespace": key[0],
                "uid": job["metadata"]["uid"],
                "resourceVersion": job["metadata"]["resourceVersion"],
            }
            for job in jobs
            if finished(job) is None
        ]
        if not status["active"]:
            del status["active"]
        if due is not None and not cron["spec"].get("suspend"):
            status["lastScheduleTime"] = timestamp((due - datetime.now(UTC)).total_seconds())
        done = [job["status"]["completionTime"] for job in jobs if (job.get("status") or {}).get("completionTime")]
        if done:
            status["lastSuccessfulTime"] = max([*done, status.get("lastSuccessfulTime", "")])
        self.store.mutate(CRON_JOB, *key, lambda draft: draft.update(status=status))

    def _tidy(self, cron: Object, jobs: list[Object]) -> None:
        """Keep as many ended jobs as the history limits say, the newest ones."""
        spec = cron["spec"]
        limits = {
            "Complete": spec.get("successfulJobsHistoryLimit", 3),
            "Failed": spec.get("failedJobsHistoryLimit", 1),
        }
        for type_, limit in limits.items():
            ended = [j for j in jobs if (end := finished(j)) is not None and end["type"] == type_]
            ended.sort(key=lambda j: str(j["metadata"]["creationTimestamp"]))
            for job in ended[: max(0, len(ended) - int(limit))]:
                delete(self.store, JOB, job)


def _owned(job: Object, cron: Object) -> bool:
    return any(o["uid"] == cron["metadata"]["uid"] for o in job["metadata"].get("ownerReferences") or ())
