"""Which pods a Chaos Mesh selector means, and which of them its mode takes."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from drillbook.sandbox.api.selectors import field_value
from drillbook.sandbox.controllers.labels import has_all, labels_of, matches
from drillbook.sandbox.kinds import NODE, POD, Object
from drillbook.sandbox.store import Store


def select(store: Store, wanted: Mapping[str, Any], home: str) -> list[Object]:
    """The pods that a ``selector`` with ``mode`` and ``value`` takes; ``home``: the namespace when it names none."""
    found = [pod for pod in store.list(POD) if _fits(store, wanted.get("selector") or {}, pod, home)]
    return take(found, str(wanted.get("mode") or "all"), str(wanted.get("value") or ""))


def take[T](found: Sequence[T], mode: str, value: str) -> list[T]:
    """As many as the mode says, at random; percentages are rounded down. ValueError for a value that is no number."""
    count = len(found)
    match mode:
        case "one":
            count = min(1, count)
        case "fixed":
            count = min(count, int(value))
        case "fixed-percent":
            count = int(count * float(value) / 100)
        case "random-max-percent":
            count = int(count * random.uniform(0, float(value)) / 100)
    return list(found) if count >= len(found) else random.sample(list(found), count)


def _fits(store: Store, selector: Mapping[str, Any], pod: Object, home: str) -> bool:
    meta, status = pod["metadata"], pod.get("status") or {}
    if "deletionTimestamp" in meta or not status.get("podIP"):
        return False
    named = selector.get("pods")
    if named:  # then nothing else counts, as in Chaos Mesh
        return meta["name"] in (named.get(meta["namespace"]) or ())
    if meta["namespace"] not in (selector.get("namespaces") or [home]):
        return False
    phases = selector.get("podPhaseSelectors") or ["Running"]
    node = store.get(NODE, "", pod["spec"].get("nodeName") or "")
    return (
        status.get("phase") in phases
        and has_all(selector.get("labelSelectors"), labels_of(pod))
        and matches({"matchExpressions": selector.get("expressionSelectors") or ()}, labels_of(pod))
        and has_all(selector.get("annotationSelectors"), meta.get("annotations") or {})
        and all(field_value(pod, field) == value for field, value in (selector.get("fieldSelectors") or {}).items())
        and (not selector.get("nodes") or pod["spec"].get("nodeName") in selector["nodes"])
        and (not selector.get("nodeSelectors") or has_all(selector["nodeSelectors"], labels_of(node) if node else {}))
    )
