"""ConfigMaps, Secrets and the small kinds."""

from __future__ import annotations

import re
from typing import Final

from drillbook.sandbox.api.names import Cause, forbidden_field, invalid, required, unsupported
from drillbook.sandbox.kinds import Object

_KEY: Final = re.compile(r"[-._a-zA-Z0-9]{1,253}")
_BIGGEST: Final = 1024 * 1024
_KEY_SENTENCE: Final = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or "
    "'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
)
_SECRET_KEYS: Final = {
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
}


def config_map(obj: Object) -> list[Cause]:
    causes = _keys(obj, "data") + _keys(obj, "binaryData")
    both = (obj.get("data") or {}).keys() & (obj.get("binaryData") or {}).keys()
    causes += [invalid(key, f"duplicate of key present in binaryData: {key}", f"data[{key}]") for key in sorted(both)]
    size = sum(len(v) for field in ("data", "binaryData") for v in (obj.get(field) or {}).values())
    return causes + ([_too_long("")] if size > _BIGGEST else [])


def secret(obj: Object) -> list[Cause]:
    causes = _keys(obj, "data")
    causes += [
        required(f"data[{key}]")
        for key in _SECRET_KEYS.get(obj.get("type", ""), ())
        if key not in (obj.get("data") or {})
    ]
    size = sum(len(value) * 3 // 4 for value in (obj.get("data") or {}).values())
    return causes + ([_too_long("data")] if size > _BIGGEST else [])


def _too_long(field: str) -> Cause:
    return "FieldValueTooLong", f"Too long: may not be more than {_BIGGEST} bytes", field


def _keys(obj: Object, field: str) -> list[Cause]:
    keys = obj.get(field) or {}
    return [invalid(key, _KEY_SENTENCE, f"{field}[{key}]") for key in keys if not _KEY.fullmatch(key)]


def immutable_change(old: Object, new: Object) -> list[Cause]:
    """What was made immutable stays as it is."""
    if not old.get("immutable"):
        return []
    why = "field is immutable when `immutable` is set"
    causes = [forbidden_field("immutable", why)] if not new.get("immutable") else []
    return causes + [
        forbidden_field(field, why) for field in ("data", "binaryData") if old.get(field) != new.get(field)
    ]


def secret_change(old: Object, new: Object) -> list[Cause]:
    causes = immutable_change(old, new)
    if old.get("type") != new.get("type"):
        causes.append(invalid(new.get("type"), "field is immutable", "type"))
    return causes


def event(obj: Object) -> list[Cause]:
    involved, meta = obj.get("involvedObject") or {}, obj["metadata"]
    if involved.get("namespace", "") != meta.get("namespace") and not (
        not involved.get("namespace") and meta.get("namespace") in {"default", "kube-system"}
    ):
        return [invalid(involved.get("namespace", ""), "does not match event.namespace", "involvedObject.namespace")]
    return []


def lease(obj: Object) -> list[Cause]:
    spec = obj.get("spec") or {}
    causes: list[Cause] = []
    if spec.get("leaseDurationSeconds", 1) <= 0:
        causes.append(invalid(spec["leaseDurationSeconds"], "must be greater than 0", "spec.leaseDurationSeconds"))
    if spec.get("leaseTransitions", 0) < 0:
        why = "must be greater than or equal to 0"
        causes.append(invalid(spec["leaseTransitions"], why, "spec.leaseTransitions"))
    return causes


def role_binding(obj: Object) -> list[Cause]:
    reference = obj.get("roleRef") or {}
    causes: list[Cause] = []
    kinds = ("ClusterRole",) if obj.get("kind") == "ClusterRoleBinding" else ("Role", "ClusterRole")
    if reference.get("kind") not in kinds:
        causes.append(unsupported(reference.get("kind", ""), kinds, "roleRef.kind"))
    if not reference.get("name"):
        causes.append(required("roleRef.name"))
    for i, subject in enumerate(obj.get("subjects") or []):
        if not subject.get("name"):
            causes.append(required(f"subjects[{i}].name"))
        if subject.get("kind") == "ServiceAccount" and not subject.get("namespace"):
            causes.append(required(f"subjects[{i}].namespace"))
    return causes


def role_change(old: Object, new: Object) -> list[Cause]:
    if old.get("roleRef") == new.get("roleRef"):
        return []
    return [invalid(new.get("roleRef"), "cannot change roleRef", "roleRef")]
