"""What a pod requires of its node: terms that can be understood."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from drillbook.sandbox.api.names import Cause, forbidden_field, invalid, required
from drillbook.sandbox.kinds import Object

NAME: Final = "metadata.name"
"""The one field that a term can ask for."""
REQUIRED: Final = "requiredDuringSchedulingIgnoredDuringExecution"
_NO_OPERATOR: Final = "not a valid selector operator"


def node_affinity(spec: Mapping[str, Any], at: str) -> list[Cause]:
    """The required node affinity of a pod's spec."""
    wanted = ((spec.get("affinity") or {}).get("nodeAffinity") or {}).get(REQUIRED)
    if wanted is None:
        return []
    at = f"{at}.affinity.nodeAffinity.{REQUIRED}.nodeSelectorTerms"
    terms = wanted.get("nodeSelectorTerms") or []
    causes = [] if terms else [required(at, "must have at least one node selector term")]
    for i, term in enumerate(terms):
        for j, expression in enumerate(term.get("matchExpressions") or ()):
            causes += _expression(expression, f"{at}[{i}].matchExpressions[{j}]")
        for j, field in enumerate(term.get("matchFields") or ()):
            causes += _field(field, f"{at}[{i}].matchFields[{j}]")
    return causes


def _expression(expression: Object, at: str) -> list[Cause]:
    operator, values = expression.get("operator"), expression.get("values") or []
    match operator:
        case "In" | "NotIn":
            why = "must be specified when `operator` is 'In' or 'NotIn'"
            return [] if values else [required(f"{at}.values", why)]
        case "Exists" | "DoesNotExist":
            why = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            return [forbidden_field(f"{at}.values", why)] if values else []
        case "Gt" | "Lt":
            why = "must be specified single value when `operator` is 'Lt' or 'Gt'"
            return [] if len(values) == 1 else [required(f"{at}.values", why)]
    return [invalid(operator or "", _NO_OPERATOR, f"{at}.operator")]


def _field(field: Object, at: str) -> list[Cause]:
    causes: list[Cause] = []
    if field.get("operator") not in {"In", "NotIn"}:
        causes.append(invalid(field.get("operator") or "", _NO_OPERATOR, f"{at}.operator"))
    elif len(field.get("values") or []) != 1:
        why = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"
        causes.append(required(f"{at}.values", why))
    if field.get("key") != NAME:
        causes.append(invalid(field.get("key") or "", "not a valid field selector key", f"{at}.key"))
    return causes
