"""The scale subresource: one number of a workload, as autoscaling/v1 Scale."""

from __future__ import annotations

import json

from aiohttp import web

from drillbook.sandbox.api.answers import json_answer
from drillbook.sandbox.api.call import Call
from drillbook.sandbox.api.names import invalid as invalid_value
from drillbook.sandbox.api.patches import json_patch, merge_patch
from drillbook.sandbox.api.tables.cells import pairs, selector
from drillbook.sandbox.kinds import Object
from drillbook.sandbox.status import ApiError, bad_request, conflict, invalid
from drillbook.sandbox.store import clone


def scale_of(obj: Object) -> Object:
    """The Scale of a workload."""
    meta, spec = obj["metadata"], obj.get("spec") or {}
    wanted = spec.get("selector") or {}
    text = (
        ""
        if not wanted
        else selector(wanted)
        if "matchLabels" in wanted or "matchExpressions" in wanted
        else pairs(wanted)
    )
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {key: meta[key] for key in kept if key in meta},
        "spec": {"replicas": spec.get("replicas", 0)},
        "status": {"replicas": (obj.get("status") or {}).get("replicas", 0), "selector": text},
    }


async def get(call: Call) -> web.Response:
    """The Scale. ApiError 404."""
    return json_answer(scale_of(call.store.need(call.storage, call.namespace, call.name)))


async def update(call: Call) -> web.Response:
    """PUT of a Scale."""
    return json_answer(_set(call, await call.object()))


async def patch(call: Call) -> web.Response:
    """PATCH of a Scale; a strategic merge of it is a merge."""
    current = scale_of(call.store.need(call.storage, call.namespace, call.name))
    try:
        given = json.loads(await call.body())
    except ValueError as error:
        raise bad_request(f"error decoding patch: {error}") from None
    if call.request.content_type == "application/json-patch+json":
        return json_answer(_set(call, json_patch.apply(current, given)))
    if call.request.content_type.startswith("application/apply-patch"):
        raise ApiError(415, "UnsupportedMediaType", "a Scale is patched by JSON, merge or strategic merge patches")
    return json_answer(_set(call, merge_patch.apply(current, given)))


def _set(call: Call, scale: Object) -> Object:
    """ApiError 400 or 422 for a number that can't be, 409 for a stale version."""
    replicas = (scale.get("spec") or {}).get("replicas", 0)
    if not isinstance(replicas, int) or isinstance(replicas, bool):
        raise bad_request("json: cannot unmarshal into Go struct field ScaleSpec.spec.replicas of type int32")
    if replicas < 0:
        cause = invalid_value(replicas, "must be greater than or equal to 0", "spec.replicas")
        raise invalid("Scale", "autoscaling", call.name, [cause])
    current = call.store.need(call.storage, call.namespace, call.name)
    version = (scale.get("metadata") or {}).get("resourceVersion")
    if version and version != current["metadata"]["resourceVersion"]:
        modified = "the object has been modified; please apply your changes to the latest version and try again"
        raise conflict(call.storage.resource, call.name, modified)
    changed = clone(current)
    changed.setdefault("spec", {})["replicas"] = replicas
    return scale_of(changed if call.dry_run else call.store.replace(call.storage, changed))
