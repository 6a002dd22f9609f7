"""Status conditions as cert-manager writes them: with the generation that they are about."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from drillbook.sandbox.controllers.pods import condition
from drillbook.sandbox.controllers.times import written
from drillbook.sandbox.kinds import Object


def with_one(
    obj: Object, type_: str, status: str, reason: str, message: str, now: datetime, *, generation: bool = True
) -> list[Object]:
    """The object's conditions with this one set; its transition time moves only when its status does."""
    old = condition(obj, type_)
    new: Object = {"type": type_, "status": status, "reason": reason, "message": message}
    new["lastTransitionTime"] = old["lastTransitionTime"] if old and old["status"] == status else written(now)
    if generation:
        new["observedGeneration"] = obj["metadata"]["generation"]
    others = [found for found in _all(obj) if found["type"] != type_]
    return [*others, new]


def without(obj: Object, type_: str) -> list[Object]:
    """The object's conditions without this one."""
    return [found for found in _all(obj) if found["type"] != type_]


def holds(obj: Object, type_: str) -> bool:
    """Whether the condition is True."""
    found = condition(obj, type_)
    return found is not None and found["status"] == "True"


def _all(obj: Object) -> Iterable[Object]:
    return (obj.get("status") or {}).get("conditions") or ()
