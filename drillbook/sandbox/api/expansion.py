"""Claims keep the size that they were made with: the sandbox's storage class allows no expansion."""

from __future__ import annotations

from decimal import Decimal

from drillbook.sandbox.api.quantities import parse
from drillbook.sandbox.kinds import CLAIM, STORAGE_CLASS, Kind, Object
from drillbook.sandbox.status import forbidden
from drillbook.sandbox.store import Store


def check_expansion(store: Store, kind: Kind, old: Object, new: Object) -> None:
    """ApiError 403 when a claim asks for more than it has and its storage class doesn't allow that.

    Where a class does, the new size is stored and nothing follows, as where no provisioner acts on it.
    """
    if kind != CLAIM or _asked(new) <= _asked(old):
        return
    name = new["metadata"]["name"]
    if (old.get("status") or {}).get("phase") != "Bound":
        raise forbidden(kind.resource, name, "Only bound persistent volume claims can be expanded")
    storage_class = store.get(STORAGE_CLASS, "", old["spec"].get("storageClassName") or "")
    if not (storage_class or {}).get("allowVolumeExpansion"):
        raise forbidden(
            kind.resource,
            name,
            "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support "
            "resize",
        )


def _asked(claim: Object) -> Decimal:
    requests = (claim["spec"].get("resources") or {}).get("requests") or {}
    return parse(str(requests.get("storage", "0")))
