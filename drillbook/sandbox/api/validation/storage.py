"""Claims and volumes."""

from __future__ import annotations

from typing import Final

from drillbook.sandbox.api import quantities
from drillbook.sandbox.api.names import Cause, forbidden_field, required, unsupported
from drillbook.sandbox.kinds import Object
from drillbook.sandbox.store import clone

_MODES: Final = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")


def claim(obj: Object) -> list[Cause]:
    spec = obj["spec"]
    causes = _access_modes(spec, "at least 1 access mode is required")
    if "storage" not in ((spec.get("resources") or {}).get("requests") or {}):
        causes.append(required("spec.resources[storage]"))
    return causes


def claim_change(old: Object, new: Object) -> list[Cause]:
    """After creation only the size may change, and only upwards."""
    before, after = clone(old["spec"]), clone(new["spec"])
    had = ((before.pop("resources", None) or {}).get("requests") or {}).get("storage", "0")
    has = ((after.pop("resources", None) or {}).get("requests") or {}).get("storage", "0")
    for spec in (before, after):
        spec.pop("volumeAttributesClassName", None)
    if not before.get("volumeName"):
        before.pop("volumeName", None)
        after.pop("volumeName", None)
    if before != after:
        why = (
            "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"
        )
        return [forbidden_field("spec", why)]
    if quantities.parse(has) < quantities.parse(had):
        return [forbidden_field("spec.resources.requests.storage", "field can not be less than previous value")]
    return []


def volume(obj: Object) -> list[Cause]:
    causes = _access_modes(obj["spec"], "")
    if "storage" not in (obj["spec"].get("capacity") or {}):
        causes.append(required("spec.capacity"))
    return causes


def _access_modes(spec: Object, why: str) -> list[Cause]:
    modes = spec.get("accessModes") or []
    if not modes:
        return [required("spec.accessModes", why)]
    return [unsupported(mode, _MODES, "spec.accessModes") for mode in modes if mode not in _MODES]
