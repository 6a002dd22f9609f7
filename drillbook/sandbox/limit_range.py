"""LimitRanges: what a container gets that doesn't say what it needs, and the no to one that asks for too much."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from drillbook.sandbox.kinds import LIMIT_RANGE, Object
from drillbook.sandbox.status import forbidden
from drillbook.sandbox.store import Store
from drillbook.sandbox.usage import Amount, resources_of

SAID: Final = "kubernetes.io/limit-ranger"


def apply_limit_ranges(store: Store, pod: Object) -> None:
    """Complete a new pod's requests and limits in place, then hold it to the bounds.

    ApiError 403 with every bound that it breaks.
    """
    items = [
        _completed(item)
        for limits in store.list(LIMIT_RANGE, pod["metadata"].get("namespace", ""))
        for item in (limits.get("spec") or {}).get("limits") or ()
    ]
    for item in items:
        if item["type"] == "Container":
            _give_defaults(pod, item)
    broken = [sentence for item in items for sentence in _broken(pod, item)]
    if broken:
        name = pod["metadata"].get("name") or pod["metadata"].get("generateName", "")
        raise forbidden("pods", name, broken[0] if len(broken) == 1 else f"[{', '.join(broken)}]")


def _completed(item: Object) -> Object:
    """A container's default limit is its maximum unless another is given, its default request the default limit."""
    if item["type"] != "Container":
        return item
    default = dict(item.get("max") or {}) | dict(item.get("default") or {})
    request = dict(item.get("min") or {}) | default | dict(item.get("defaultRequest") or {})
    return item | {"default": default, "defaultRequest": request}


def _give_defaults(pod: Object, item: Object) -> None:
    given: list[str] = []
    for container in [*(pod["spec"].get("initContainers") or ()), *pod["spec"]["containers"]]:
        resources = container.setdefault("resources", {})
        for field, default, word in (("limits", "default", "limit"), ("requests", "defaultRequest", "request")):
            for name, text in item[default].items():
                if name not in resources.setdefault(field, {}):
                    resources[field][name] = text
                    given.append(f"{name} {word} for container {container['name']}")
    if given:
        annotations = pod["metadata"].setdefault("annotations", {})
        annotations[SAID] = f"LimitRanger plugin set: {'; '.join(given)}"


def _broken(pod: Object, item: Object) -> Iterable[str]:
    kind = item["type"]
    if kind == "Pod":
        yield from _bounds(item, kind, lambda which: resources_of(pod, which))
    elif kind == "Container":
        for container in [*(pod["spec"].get("initContainers") or ()), *pod["spec"]["containers"]]:
            resources = container.get("resources") or {}
            yield from _bounds(item, kind, lambda which, resources=resources: _amounts(resources.get(which)))  # type: ignore[misc]


def _bounds(item: Object, kind: str, has: Callable[[str], Mapping[str, Amount]]) -> Iterable[str]:
    requests, limits = has("requests"), has("limits")
    for name, least in _amounts(item.get("min")).items():
        head = f"minimum {name} usage per {kind} is {least}"
        if name not in requests:
            yield f"{head}.  No request is specified"
        elif requests[name].value < least.value:
            yield f"{head}, but request is {requests[name]}"
    for name, most in _amounts(item.get("max")).items():
        head = f"maximum {name} usage per {kind} is {most}"
        if name not in limits:
            yield f"{head}.  No limit is specified"
        elif limits[name].value > most.value:
            yield f"{head}, but limit is {limits[name]}"
    for name, most in _amounts(item.get("maxLimitRequestRatio")).items():
        head = f"{name} max limit to request ratio per {kind} is {most}"
        if name not in limits or name not in requests or not requests[name].value:
            yield f"{head}, but no request is specified or request is 0"
        elif limits[name].value > most.value * requests[name].value:
            yield f"{head}, but provided ratio is {limits[name].value / requests[name].value:f}"


def _amounts(texts: Mapping[str, object] | None) -> dict[str, Amount]:
    return {name: Amount.read(text) for name, text in (texts or {}).items()}
