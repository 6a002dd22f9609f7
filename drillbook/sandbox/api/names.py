"""The syntax of names, labels and annotations, with Kubernetes' own sentences for what is wrong."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from typing import Any, Final

type Cause = tuple[str, str, str]
"""Reason, message and field, as a Status lists them."""

_LABEL_SHAPE: Final = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN: Final = re.compile(rf"{_LABEL_SHAPE}(\.{_LABEL_SHAPE})*")
_LABEL: Final = re.compile(_LABEL_SHAPE)
_SERVICE: Final = re.compile("[a-z]([-a-z0-9]*[a-z0-9])?")
_QUALIFIED: Final = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_SUFFIX_LETTERS: Final = "bcdfghjklmnpqrstvwxz2456789"
_PATH_SEGMENT_KINDS: Final = frozenset({"Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"})
_LABEL_KINDS: Final = frozenset({"Namespace"})
_ANNOTATIONS_LIMIT: Final = 256 * 1024


def generated(prefix: str) -> str:
    """``prefix`` and five random letters, cut so that the whole fits into 63."""
    return prefix[:58] + "".join(random.choices(_SUFFIX_LETTERS, k=5))


def invalid(value: Any, why: str, field: str) -> Cause:
    """A value that can't be."""
    shown = f'"{value}"' if isinstance(value, str) else _go(value)
    return "FieldValueInvalid", f"Invalid value: {shown}: {why}", field


def required(field: str, why: str = "") -> Cause:
    """A value that is missing."""
    return "FieldValueRequired", f"Required value{': ' + why if why else ''}", field


def unsupported(value: Any, choices: tuple[str, ...], field: str) -> Cause:
    """A value outside its enumeration."""
    listed = ", ".join(f'"{choice}"' for choice in choices)
    return "FieldValueNotSupported", f'Unsupported value: "{value}": supported values: {listed}', field


def duplicate(value: Any, field: str) -> Cause:
    """A value that is there twice."""
    return "FieldValueDuplicate", f'Duplicate value: "{value}"', field


def forbidden_field(field: str, why: str) -> Cause:
    """A value that may not be set, or not be changed."""
    return "FieldValueForbidden", f"Forbidden: {why}", field


def _go(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        import json

        return json.dumps(value, separators=(",", ":"))
    return str(value)


def subdomain_error(name: str) -> str:
    """What is wrong with an RFC 1123 subdomain; empty when nothing is."""
    if len(name) > 253:
        return "must be no more than 253 characters"
    if not _SUBDOMAIN.fullmatch(name):
        return (
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must "
            "start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
            r"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
        )
    return ""


def label_error(name: str) -> str:
    """What is wrong with an RFC 1123 label; empty when nothing is."""
    if len(name) > 63:
        return "must be no more than 63 characters"
    if not _LABEL.fullmatch(name):
        return (
            "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and "
            "end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
            "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
        )
    return ""


def service_name_error(name: str) -> str:
    """What is wrong with an RFC 1035 label, as Services are named; empty when nothing is."""
    if len(name) > 63:
        return "must be no more than 63 characters"
    if not _SERVICE.fullmatch(name):
        return (
            "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic "
            "character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for "
            "validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"
        )
    return ""


def name_error(kind: str, name: str) -> str:
    """What is wrong with the name of an object of that kind; empty when nothing is."""
    if kind in _PATH_SEGMENT_KINDS:
        if name in {".", ".."}:
            return f"may not be '{name}'"
        found = next((letter for letter in "/%" if letter in name), None)
        return f"may not contain '{found}'" if found else ""
    if kind == "Service":
        return service_name_error(name)
    return label_error(name) if kind in _LABEL_KINDS else subdomain_error(name)


def qualified_error(key: str) -> str:
    """What is wrong with a label's or annotation's key; empty when nothing is."""
    prefix, slash, name = key.rpartition("/")
    if slash and (not prefix or subdomain_error(prefix)):
        return f"prefix part {subdomain_error(prefix) or 'must be non-empty'}"
    if not name:
        return "name part must be non-empty"
    if len(name) > 63:
        return "name part must be no more than 63 characters"
    if not _QUALIFIED.fullmatch(name):
        return (
            "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
            "alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
            "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
        )
    return ""


def label_value_error(value: str) -> str:
    """What is wrong with a label's value; empty when nothing is."""
    if len(value) > 63:
        return "must be no more than 63 characters"
    if value and not _QUALIFIED.fullmatch(value):
        return (
            "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must "
            "start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for "
            "validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
        )
    return ""


def label_causes(labels: Mapping[str, Any] | None, field: str) -> list[Cause]:
    """Everything wrong with a map of labels."""
    causes: list[Cause] = []
    for key, value in (labels or {}).items():
        if why := qualified_error(key):
            causes.append(invalid(key, why, field))
        if why := label_value_error(value):
            causes.append(invalid(value, why, field))
    return causes


def metadata_causes(kind: str, metadata: Mapping[str, Any]) -> list[Cause]:
    """Everything wrong with an object's metadata."""
    causes: list[Cause] = []
    name = metadata.get("name", "")
    if not name:
        causes.append(required("metadata.name", "name or generateName is required"))
    elif why := name_error(kind, name):
        causes.append(invalid(name, why, "metadata.name"))
    causes += label_causes(metadata.get("labels"), "metadata.labels")
    annotations = metadata.get("annotations") or {}
    causes += [invalid(k, why, "metadata.annotations") for k in annotations if (why := qualified_error(k.lower()))]
    if sum(len(k.encode()) + len(v.encode()) for k, v in annotations.items()) > _ANNOTATIONS_LIMIT:
        sentence = f"Too long: may not be more than {_ANNOTATIONS_LIMIT} bytes"
        causes.append(("FieldValueTooLong", sentence, "metadata.annotations"))
    for i, finalizer in enumerate(metadata.get("finalizers") or []):
        if why := qualified_error(finalizer):
            causes.append(invalid(finalizer, why, f"metadata.finalizers[{i}]"))
    for i, owner in enumerate(metadata.get("ownerReferences") or []):
        at = f"metadata.ownerReferences[{i}]"
        for key in ("apiVersion", "kind", "name", "uid"):
            if not owner.get(key):
                causes.append(invalid("", f"{key} must not be empty", f"{at}.{key}"))
    return causes
