"""One stored form per kind; other served versions of it are views, converted on the way in and out."""

from __future__ import annotations

from typing import Any

from drillbook.sandbox.api.event_versions import from_events, to_events
from drillbook.sandbox.kinds import AUTOSCALER_V1, EVENT_V1, Kind, Object
from drillbook.sandbox.store import clone


def to_version(kind: Kind, stored: Object) -> Object:
    """The stored object as ``kind`` shows it; the object itself when that is how it is stored."""
    if kind.stored_as is None:
        return stored
    view = clone(stored)
    view["apiVersion"], view["kind"] = kind.api_version, kind.name
    if kind == AUTOSCALER_V1:
        _autoscaler_to_v1(view)
    elif kind == EVENT_V1:
        to_events(view)
    return view


def from_version(kind: Kind, given: Object) -> Object:
    """What is stored for an object given as ``kind``."""
    if kind.stored_as is None:
        return given
    stored = clone(given)
    stored["apiVersion"], stored["kind"] = kind.stored_as.api_version, kind.stored_as.name
    if kind == AUTOSCALER_V1:
        _autoscaler_from_v1(stored)
    elif kind == EVENT_V1:
        from_events(stored)
    return stored


def _autoscaler_to_v1(view: Object) -> None:
    """v1 knows the target of CPU utilisation only."""
    spec, status = view.get("spec") or {}, view.get("status") or {}
    for metric in spec.pop("metrics", []):
        resource: dict[str, Any] = metric.get("resource") or {}
        if resource.get("name") == "cpu" and "averageUtilization" in resource.get("target", {}):
            spec["targetCPUUtilizationPercentage"] = resource["target"]["averageUtilization"]
    spec.pop("behavior", None)
    for metric in status.pop("currentMetrics", []):
        current: dict[str, Any] = metric.get("resource") or {}
        if current.get("name") == "cpu" and "averageUtilization" in current.get("current", {}):
            status["currentCPUUtilizationPercentage"] = current["current"]["averageUtilization"]
    status.pop("conditions", None)
    if "status" in view:
        view["status"] = {"currentReplicas": 0, "desiredReplicas": 0} | status


def _autoscaler_from_v1(stored: Object) -> None:
    spec = stored.get("spec") or {}
    percent = spec.pop("targetCPUUtilizationPercentage", None)
    if percent is not None:
        target = {"type": "Utilization", "averageUtilization": percent}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    (stored.get("status") or {}).pop("currentCPUUtilizationPercentage", None)
