"""Pods: the status word that sums up what the containers do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from drillbook.sandbox.api.tables.cells import AGE, NAME, NONE, Column, at, since
from drillbook.sandbox.api.versions import from_version
from drillbook.sandbox.kinds import EVENT_V1, Object


def _states(pod: Object, which: str = "containerStatuses") -> list[Object]:
    return list(at(pod, "status", which, default=[]))


def _ready(pod: Object) -> str:
    return f"{sum(bool(s.get('ready')) for s in _states(pod))}/{len(at(pod, 'spec', 'containers', default=[]))}"


def _has_condition(pod: Object, type_: str) -> bool:
    conditions = at(pod, "status", "conditions", default=[])
    return any(c.get("type") == type_ and c.get("status") == "True" for c in conditions)


def status(pod: Object) -> str:
    """``Running``, ``CrashLoopBackOff``, ``Init:0/1``, ``Terminating`` and the like."""
    reason = str(at(pod, "status", "reason") or at(pod, "status", "phase", default=""))
    for condition in at(pod, "status", "conditions", default=[]):
        if condition.get("type") == "PodScheduled" and condition.get("reason") == "SchedulingGated":
            reason = "SchedulingGated"
    initial = _initial(pod)
    reason = initial if initial and not _has_condition(pod, "Initialized") else _main(pod, reason)
    if "deletionTimestamp" in pod["metadata"]:
        return "Unknown" if at(pod, "status", "reason") == "NodeLost" else "Terminating"
    return reason


def _initial(pod: Object) -> str:
    """How far the init containers are; empty when they are through."""
    every = len(at(pod, "spec", "initContainers", default=[]))
    for i, state in enumerate(_states(pod, "initContainerStatuses")):
        ended, waiting = at(state, "state", "terminated"), at(state, "state", "waiting")
        if ended is not None and ended.get("exitCode") == 0:
            continue
        if ended is not None:
            return f"Init:{_ended(ended)}"
        if waiting is not None and waiting.get("reason") not in {None, "", "PodInitializing"}:
            return f"Init:{waiting['reason']}"
        return f"Init:{i}/{every}"
    return ""


def _main(pod: Object, reason: str) -> str:
    running = False
    for state in reversed(_states(pod)):
        waiting, ended = at(state, "state", "waiting"), at(state, "state", "terminated")
        if waiting is not None and waiting.get("reason"):
            reason = waiting["reason"]
        elif ended is not None:
            reason = _ended(ended)
        elif state.get("ready") and at(state, "state", "running") is not None:
            running = True
    if reason == "Completed" and running:
        return "Running" if _has_condition(pod, "Ready") else "NotReady"
    return reason


def _ended(ended: Object) -> str:
    if ended.get("reason"):
        return str(ended["reason"])
    return f"Signal:{ended['signal']}" if ended.get("signal") else f"ExitCode:{ended.get('exitCode', 0)}"


def _restarts(pod: Object) -> str:
    states = _states(pod)
    count = sum(state.get("restartCount", 0) for state in states)
    ends = [at(state, "lastState", "terminated", "finishedAt") for state in states]
    last = max((end for end in ends if end), default=None)
    return f"{count} ({since(last)} ago)" if count and last else str(count)


def _gates(pod: Object) -> str:
    gates = at(pod, "spec", "readinessGates", default=[])
    met = sum(_has_condition(pod, gate["conditionType"]) for gate in gates)
    return f"{met}/{len(gates)}" if gates else NONE


POD_COLUMNS: Final = (
    NAME,
    Column("Ready", _ready),
    Column("Status", status),
    Column("Restarts", _restarts),
    AGE,
    Column("IP", lambda pod: at(pod, "status", "podIP") or NONE, priority=1),
    Column("Node", lambda pod: at(pod, "spec", "nodeName") or NONE, priority=1),
    Column("Nominated Node", lambda pod: at(pod, "status", "nominatedNodeName") or NONE, priority=1),
    Column("Readiness Gates", _gates, priority=1),
)


def _event_time(event: Object) -> str:
    series = at(event, "series", "lastObservedTime")
    return since(series or event.get("lastTimestamp") or event.get("eventTime"))


def _event_object(event: Object) -> str:
    involved: dict[str, Any] = event.get("involvedObject") or {}
    return f"{involved.get('kind', '').lower()}/{involved.get('name', '')}"


def _event_source(event: Object) -> str:
    component = at(event, "source", "component") or event.get("reportingComponent") or ""
    host = at(event, "source", "host")
    return f"{component}, {host}" if host else component


EVENT_COLUMNS: Final = (
    Column("Last Seen", _event_time),
    Column("Type", lambda event: event.get("type", "")),
    Column("Reason", lambda event: event.get("reason", "")),
    Column("Object", _event_object),
    Column("Subobject", lambda event: at(event, "involvedObject", "fieldPath", default=""), priority=1),
    Column("Source", _event_source, priority=1),
    Column("Message", lambda event: event.get("message", "").strip()),
    Column("First Seen", lambda event: since(event.get("firstTimestamp") or event.get("eventTime")), priority=1),
    Column("Count", lambda event: at(event, "series", "count") or event.get("count", 1), priority=1),
    Column("Name", lambda event: event["metadata"]["name"], priority=1, format="name"),
)


def _of_newer(column: Column) -> Column:
    """The same column for an event of ``events.k8s.io``."""

    def cell(event: Object) -> Any:
        return column.cell(from_version(EVENT_V1, event))

    return replace(column, cell=cell)


EVENT_V1_COLUMNS: Final = tuple(_of_newer(column) for column in EVENT_COLUMNS)
