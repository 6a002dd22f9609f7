"""Defaults of the small kinds."""

from __future__ import annotations

import base64

from drillbook.sandbox.api.defaults.new import New
from drillbook.sandbox.store import clone

_RBAC = "rbac.authorization.k8s.io"


def secret(new: New) -> None:
    """Plain strings are written into ``data``; reading shows ``data`` only."""
    plain = new.object.pop("stringData", None)
    if plain:
        data = new.object.setdefault("data", {})
        for key, value in plain.items():
            data[key] = base64.b64encode(value.encode()).decode()
    new.object.setdefault("type", (new.old or {}).get("type", "Opaque"))


def namespace(new: New) -> None:
    """A namespace carries its own name as a label."""
    meta = new.object["metadata"]
    meta.setdefault("labels", {})["kubernetes.io/metadata.name"] = meta.get("name", "")


def node(new: New) -> None:
    new.object.setdefault("spec", {})
    status = new.object.get("status") or {}
    if "capacity" in status:
        status.setdefault("allocatable", clone(status["capacity"]))


def role_binding(new: New) -> None:
    new.object.setdefault("roleRef", {}).setdefault("apiGroup", _RBAC)
    for subject in new.object.get("subjects") or []:
        if subject.get("kind") in {"User", "Group"}:
            subject.setdefault("apiGroup", _RBAC)


def priority_class(new: New) -> None:
    new.object.setdefault("preemptionPolicy", "PreemptLowerPriority")
