"""The same events in two groups: ``v1`` and ``events.k8s.io/v1`` call the same fields by other names."""

from __future__ import annotations

from typing import Final

from drillbook.sandbox.api.names import Cause, required
from drillbook.sandbox.api.names import invalid as invalid_value
from drillbook.sandbox.kinds import Object

_NAMES: Final = {
    "note": "message",
    "regarding": "involvedObject",
    "reportingController": "reportingComponent",
    "deprecatedSource": "source",
    "deprecatedFirstTimestamp": "firstTimestamp",
    "deprecatedLastTimestamp": "lastTimestamp",
    "deprecatedCount": "count",
}
"""A field in ``events.k8s.io/v1``, and in ``v1``."""
FIELDS: Final = {
    f"regarding.{part}": f"involvedObject.{part}"
    for part in ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")
} | {"reportingController": "reportingComponent"}
"""What field selectors ask by, likewise."""
_WORDS: Final = ("reportingController", "reportingInstance", "action", "reason")
_OLD: Final = ("deprecatedFirstTimestamp", "deprecatedLastTimestamp", "deprecatedCount", "deprecatedSource")


def to_events(view: Object) -> None:
    """A stored event's fields, renamed in place."""
    _rename(view, {old: new for new, old in _NAMES.items()})


def from_events(stored: Object) -> None:
    """An event given as ``events.k8s.io/v1``, as it is stored; changed in place."""
    _rename(stored, _NAMES)
    stored.setdefault("involvedObject", {})
    for name, empty in (("source", {}), ("firstTimestamp", None), ("lastTimestamp", None)):
        stored.setdefault(name, empty)


def causes(event: Object) -> list[Cause]:
    """What is wrong with a new event of the newer version, which asks for more than the older one."""
    found = [required(name) for name in ("eventTime", *_WORDS) if not event.get(name)]
    if event.get("type") not in {"Normal", "Warning"}:
        found.append(invalid_value("", f"has invalid value: {event.get('type', '')}", "type"))
    found += [invalid_value("", "needs to be unset", _NAMES[name]) for name in _OLD if event.get(name)]
    return found


def _rename(event: Object, names: dict[str, str]) -> None:
    for old, new in names.items():
        if old in event:
            event[new] = event.pop(old)
