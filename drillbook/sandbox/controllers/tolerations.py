"""Taints and the tolerations that answer them."""

from __future__ import annotations

from drillbook.sandbox.kinds import Object


def toleration_of(spec: Object, taint: Object) -> Object | None:
    """The first of a pod's tolerations that answers the taint; None when none does."""
    return next((t for t in spec.get("tolerations") or () if _answers(t, taint)), None)


def tolerates(spec: Object, taint: Object) -> bool:
    """Whether a pod stands the taint."""
    return toleration_of(spec, taint) is not None


def _answers(toleration: Object, taint: Object) -> bool:
    """An empty effect answers every effect, an empty key (with ``Exists``) every key."""
    if toleration.get("effect") and toleration["effect"] != taint["effect"]:
        return False
    exists = bool(toleration.get("operator", "Equal") == "Exists")
    if not toleration.get("key"):
        return exists
    same = bool(toleration["key"] == taint["key"])
    return same and (exists or str(toleration.get("value") or "") == str(taint.get("value") or ""))
