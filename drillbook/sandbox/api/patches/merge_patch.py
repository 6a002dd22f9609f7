"""JSON Merge Patch (RFC 7396): maps merge, null removes, everything else replaces."""

from __future__ import annotations

from typing import Any

from drillbook.sandbox.store import clone


def apply(document: Any, patch: Any) -> Any:
    """The patched copy of ``document``."""
    if not isinstance(patch, dict):
        return clone(patch)
    result = dict(document) if isinstance(document, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = apply(result.get(key), value)
    return {key: clone(value) for key, value in result.items()}
