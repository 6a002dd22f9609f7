"""Label selectors of objects: ``matchLabels`` and ``matchExpressions``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drillbook.sandbox.kinds import Object


def labels_of(obj: Object) -> dict[str, str]:
    """The labels of an object; none is an empty dict."""
    return dict(obj["metadata"].get("labels") or {})


def has_all(wanted: Mapping[str, str] | None, labels: Mapping[str, str]) -> bool:
    """Whether ``labels`` has every wanted pair. No wanted pair at all matches everything."""
    return all(labels.get(key) == value for key, value in (wanted or {}).items())


def matches(selector: Mapping[str, Any] | None, labels: Mapping[str, str]) -> bool:
    """Whether a LabelSelector takes these labels. None takes nothing, an empty one everything."""
    if selector is None:
        return False
    if not has_all(selector.get("matchLabels"), labels):
        return False
    return all(_holds(expression, labels) for expression in selector.get("matchExpressions") or ())


def _holds(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, operator, values = expression["key"], expression["operator"], expression.get("values") or ()
    match operator:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
        case _:
            raise ValueError(
                f"a label selector has the operator {operator!r}; known are In, NotIn, Exists, DoesNotExist"
            )
