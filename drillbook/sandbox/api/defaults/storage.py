"""Defaults of claims, volumes and their classes."""

from __future__ import annotations

from typing import Final

from drillbook.sandbox.api.defaults.new import New
from drillbook.sandbox.kinds import STORAGE_CLASS, Object

_DEFAULT_CLASS: Final = "storageclass.kubernetes.io/is-default-class"


def claim(new: New) -> None:
    """A claim; a new one without a class gets the default class."""
    claim_spec(new.object)
    if new.old is None:
        new.object["status"] = {"phase": "Pending"}
        if "storageClassName" not in new.object["spec"]:
            for found in new.store.list(STORAGE_CLASS):
                if (found["metadata"].get("annotations") or {}).get(_DEFAULT_CLASS) == "true":
                    new.object["spec"]["storageClassName"] = found["metadata"]["name"]
    elif "volumeName" in new.old["spec"]:
        new.object["spec"].setdefault("volumeName", new.old["spec"]["volumeName"])


def claim_spec(obj: Object) -> None:
    obj.setdefault("spec", {}).setdefault("volumeMode", "Filesystem")
    resources = obj["spec"].get("resources") or {}
    for name, value in (resources.get("limits") or {}).items():
        resources.setdefault("requests", {}).setdefault(name, value)


def volume(new: New) -> None:
    spec = new.spec
    spec.setdefault("persistentVolumeReclaimPolicy", "Retain")
    spec.setdefault("volumeMode", "Filesystem")
    if new.old is None:
        new.object.setdefault("status", {}).setdefault("phase", "Pending")


def storage_class(new: New) -> None:
    new.object.setdefault("reclaimPolicy", "Delete")
    new.object.setdefault("volumeBindingMode", "Immediate")
