"""Deployments, ReplicaSets, StatefulSets, DaemonSets, Jobs, CronJobs, autoscalers and disruption budgets."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from drillbook.sandbox.api.tables.cells import (
    AGE,
    CONTAINERS,
    IMAGES,
    NAME,
    NONE,
    SELECTOR,
    UNKNOWN,
    Column,
    at,
    containers,
    duration,
    pairs,
    selector,
    since,
)  # fmt: skip
from drillbook.sandbox.kinds import Object


def _number(name: str, *path: str) -> Column:
    return Column(name, lambda obj: at(obj, *path, default=0), type="integer")


def _ready(obj: Object) -> str:
    return f"{at(obj, 'status', 'readyReplicas', default=0)}/{at(obj, 'spec', 'replicas', default=0)}"


_WIDE: Final = (CONTAINERS, IMAGES, SELECTOR)
DEPLOYMENT_COLUMNS: Final = (
    NAME,
    Column("Ready", _ready),
    _number("Up-to-date", "status", "updatedReplicas"),
    _number("Available", "status", "availableReplicas"),
    AGE,
    *_WIDE,
)
REPLICA_SET_COLUMNS: Final = (
    NAME,
    _number("Desired", "spec", "replicas"),
    _number("Current", "status", "replicas"),
    _number("Ready", "status", "readyReplicas"),
    AGE,
    *_WIDE,
)
REPLICATION_CONTROLLER_COLUMNS: Final = (
    *REPLICA_SET_COLUMNS[:-1],
    Column("Selector", lambda obj: pairs(at(obj, "spec", "selector")), priority=1),
)
STATEFUL_SET_COLUMNS: Final = (NAME, Column("Ready", _ready), AGE, CONTAINERS, IMAGES)
DAEMON_SET_COLUMNS: Final = (
    NAME,
    _number("Desired", "status", "desiredNumberScheduled"),
    _number("Current", "status", "currentNumberScheduled"),
    _number("Ready", "status", "numberReady"),
    _number("Up-to-date", "status", "updatedNumberScheduled"),
    _number("Available", "status", "numberAvailable"),
    Column("Node Selector", lambda obj: pairs(at(obj, "spec", "template", "spec", "nodeSelector"))),
    AGE,
    *_WIDE,
)


def _job_status(job: Object) -> str:
    for condition in at(job, "status", "conditions", default=[]):
        if condition.get("status") == "True" and condition.get("type") in {"Complete", "Failed", "Suspended"}:
            return str(condition["type"])
    return "Terminating" if "deletionTimestamp" in job["metadata"] else "Running"


def _completions(job: Object) -> str:
    wanted = at(job, "spec", "completions")
    done = at(job, "status", "succeeded", default=0)
    if wanted is not None:
        return f"{done}/{wanted}"
    parallel = at(job, "spec", "parallelism", default=1)
    return f"{done}/1 of {parallel}" if parallel > 1 else f"{done}/1"


def _job_duration(job: Object) -> str:
    start, end = at(job, "status", "startTime"), at(job, "status", "completionTime")
    if not start:
        return ""
    if not end:
        return since(start)
    return duration((datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds())


JOB_COLUMNS: Final = (
    NAME,
    Column("Status", _job_status),
    Column("Completions", _completions),
    Column("Duration", _job_duration),
    AGE,
    *_WIDE,
)


def _cron_containers(which: int) -> Any:
    return lambda obj: containers(at(obj, "spec", "jobTemplate", "spec", "template", "spec"))[which]


CRON_JOB_COLUMNS: Final = (
    NAME,
    Column("Schedule", lambda obj: at(obj, "spec", "schedule", default="")),
    Column("Timezone", lambda obj: at(obj, "spec", "timeZone", default=NONE)),
    Column("Suspend", lambda obj: str(at(obj, "spec", "suspend", default=False)), type="boolean"),
    Column("Active", lambda obj: len(at(obj, "status", "active", default=[])), type="integer"),
    Column(
        "Last Schedule",
        lambda obj: since(obj["status"]["lastScheduleTime"]) if at(obj, "status", "lastScheduleTime") else NONE,
    ),
    AGE,
    Column("Containers", _cron_containers(0), priority=1),
    Column("Images", _cron_containers(1), priority=1),
    Column("Selector", lambda obj: selector(at(obj, "spec", "jobTemplate", "spec", "selector")), priority=1),
)


def _targets(scaler: Object) -> str:
    """``cpu: 42%/80%, memory: <unknown>/75%``."""
    current = {
        at(m, "resource", "name"): at(m, "resource", "current", default={})
        for m in at(scaler, "status", "currentMetrics", default=[])
    }
    texts: list[str] = []
    for metric in at(scaler, "spec", "metrics", default=[]):
        name = at(metric, "resource", "name")
        target, seen = at(metric, "resource", "target", default={}), current.get(name, {})
        if name is None:
            texts.append(f"{metric.get('type', '').lower()}: {UNKNOWN}")
        elif "averageUtilization" in target:
            value = f"{seen['averageUtilization']}%" if seen.get("averageUtilization") is not None else UNKNOWN
            texts.append(f"{name}: {value}/{target['averageUtilization']}%")
        else:
            texts.append(
                f"{name}: {seen.get('averageValue', UNKNOWN)}/{target.get('averageValue', target.get('value'))}"
            )
    if "targetCPUUtilizationPercentage" in at(scaler, "spec", default={}):
        seen_percent = at(scaler, "status", "currentCPUUtilizationPercentage")
        value = UNKNOWN if seen_percent is None else f"{seen_percent}%"
        texts.append(f"cpu: {value}/{scaler['spec']['targetCPUUtilizationPercentage']}%")
    shown = ", ".join(texts[:2]) + (f" + {len(texts) - 2} more..." if len(texts) > 2 else "")
    return shown or NONE


AUTOSCALER_COLUMNS: Final = (
    NAME,
    Column(
        "Reference",
        lambda o: f"{at(o, 'spec', 'scaleTargetRef', 'kind')}/{at(o, 'spec', 'scaleTargetRef', 'name')}",
    ),
    Column("Targets", _targets),
    Column("MinPods", lambda obj: str(at(obj, "spec", "minReplicas", default="<unset>"))),
    _number("MaxPods", "spec", "maxReplicas"),
    _number("Replicas", "status", "currentReplicas"),
    AGE,
)
DISRUPTION_BUDGET_COLUMNS: Final = (
    NAME,
    Column("Min Available", lambda obj: str(at(obj, "spec", "minAvailable", default="N/A"))),
    Column("Max Unavailable", lambda obj: str(at(obj, "spec", "maxUnavailable", default="N/A"))),
    _number("Allowed Disruptions", "status", "disruptionsAllowed"),
    AGE,
)
