"""Which nodes a pod may run on by its own choice: ``nodeSelector``, and the node affinity that is required."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from drillbook.sandbox.api.validation.affinity import NAME, REQUIRED
from drillbook.sandbox.controllers.labels import has_all, labels_of
from drillbook.sandbox.kinds import Object


def chooses(spec: Object, node: Object) -> bool:
    """Whether the pod's selector and one of its required terms take the node."""
    if not has_all(spec.get("nodeSelector"), labels_of(node)):
        return False
    terms = _required(spec)
    return terms is None or any(_holds(term, node) for term in terms)


def pinned_to(spec: Object) -> str | None:
    """The one node that every term names, as those of a DaemonSet's pods do; None when there isn't one."""
    named = {_named(term) for term in _required(spec) or ()}
    return named.pop() if len(named) == 1 else None


def pin(spec: Object, node: str) -> Object:
    """The spec for that node only: its required terms are replaced."""
    field = {"key": NAME, "operator": "In", "values": [node]}
    affinity: Object = spec.get("affinity") or {}
    own = (affinity.get("nodeAffinity") or {}) | {REQUIRED: {"nodeSelectorTerms": [{"matchFields": [field]}]}}
    return spec | {"affinity": affinity | {"nodeAffinity": own}}


def _named(term: Object) -> str | None:
    for field in term.get("matchFields") or ():
        if field["operator"] == "In" and len(field.get("values") or ()) == 1:
            return str(field["values"][0])
    return None


def _required(spec: Object) -> list[Object] | None:
    required = ((spec.get("affinity") or {}).get("nodeAffinity") or {}).get(REQUIRED)
    return None if required is None else list(required.get("nodeSelectorTerms") or ())


def _holds(term: Object, node: Object) -> bool:
    """All of its expressions; a term without any takes nothing."""
    expressions, fields = term.get("matchExpressions") or (), term.get("matchFields") or ()
    if not expressions and not fields:
        return False
    name = {NAME: node["metadata"]["name"]}
    return _all(expressions, labels_of(node)) and _all(fields, name)


def _all(expressions: Iterable[Mapping[str, Any]], labels: Mapping[str, str]) -> bool:
    return all(_one(e["operator"], labels.get(e["key"]), e.get("values") or ()) for e in expressions)


def _one(operator: str, value: str | None, values: Sequence[str]) -> bool:
    match operator:
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "In":
            return value in values
        case "NotIn":
            return value not in values
    try:  # Gt, Lt: whole numbers, or no match
        mine, limit = int(value or ""), int(values[0])
    except (ValueError, IndexError):
        return False
    return mine > limit if operator == "Gt" else mine < limit
