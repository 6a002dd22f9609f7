"""Delete and deletecollection: grace, finalizers, preconditions, and who looks after the dependents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from drillbook.sandbox.api import definitions
from drillbook.sandbox.api.answers import json_answer, success
from drillbook.sandbox.api.call import Call, parse_object
from drillbook.sandbox.api.selectors import matcher
from drillbook.sandbox.api.views import shown, shown_list
from drillbook.sandbox.kinds import (
    CLAIM,
    CUSTOM_RESOURCE_DEFINITION,
    NAMESPACE,
    POD,
    POD_TEMPLATE,
    RESOURCE_QUOTA,
    SERVICE,
    SERVICE_ACCOUNT,
    VOLUME,
    Kind,
    Object,
)  # fmt: skip
from drillbook.sandbox.status import bad_request, conflict, forbidden
from drillbook.sandbox.store import Store, clone

_SHOWN_WHEN_GONE: Final = frozenset({CLAIM, POD, POD_TEMPLATE, RESOURCE_QUOTA, SERVICE, SERVICE_ACCOUNT, VOLUME})
"""Kinds whose deletion answers with the object itself; all others answer with a Status."""
_FOR_EVER: Final = frozenset({"default", "kube-system", "kube-public"})
_POLICIES: Final = {"Orphan": "orphan", "Foreground": "foregroundDeletion", "Background": None}
_GRACE: Final = 30


@dataclass(frozen=True, slots=True)
class DeleteOptions:
    """How to delete."""

    grace_seconds: int | None = None
    propagation: str = ""
    """What becomes of the dependents; empty when nothing is told, which leaves what was told before."""
    uid: str = ""
    version: str = ""
    dry_run: bool = False


async def delete(call: Call) -> web.Response:
    """DELETE of one object. ApiError 400, 403, 404 or 409."""
    options = await read_options(call)
    gone, last = delete_object(call, call.namespace, call.name, options)
    if gone and call.storage not in _SHOWN_WHEN_GONE:
        uid = last["metadata"]["uid"]
        return json_answer(success(call.kind.plural, call.name, group=call.kind.group, uid=uid))
    return json_answer(shown(call, last, ""), 200)


async def delete_collection(call: Call) -> web.Response:
    """DELETE of all that the selectors fit."""
    options = await read_options(call)
    match = matcher(call.kind, call.option("labelSelector"), call.option("fieldSelector"))
    chosen = [obj for obj in call.store.list(call.storage, call.namespace) if match is None or match(obj)]
    last = []
    for obj in chosen:
        meta = obj["metadata"]
        if call.store.get(call.storage, meta.get("namespace", ""), meta["name"]) is not None:
            last.append(delete_object(call, meta.get("namespace", ""), meta["name"], options)[1])
    return json_answer(shown_list(call, last, {"resourceVersion": str(call.store.version)}, ""))


async def read_options(call: Call) -> DeleteOptions:
    """From the body (a DeleteOptions object) and the query. ApiError 400."""
    data = await call.body()
    given = parse_object(data, call.request.content_type, call.server.schemas) if data.strip() else {}
    return options_from(given, call)


def options_from(given: Mapping[str, Any], call: Call) -> DeleteOptions:
    """A DeleteOptions object, completed by the query."""
    grace = given.get("gracePeriodSeconds")
    grace = call.number("gracePeriodSeconds") if grace is None else grace
    if grace is not None and (not isinstance(grace, int) or isinstance(grace, bool)):
        raise bad_request("json: cannot unmarshal into Go struct field DeleteOptions.gracePeriodSeconds of type int64")
    policy = given.get("propagationPolicy") or call.option("propagationPolicy")
    orphans = given.get("orphanDependents")
    if orphans is not None or call.option("orphanDependents"):
        policy = "Orphan" if orphans or (orphans is None and call.flag("orphanDependents")) else "Background"
    if policy and policy not in _POLICIES:
        raise bad_request(
            f'DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Unsupported value: "{policy}": '
            'supported values: "Foreground", "Background", "Orphan", "nil"'
        )
    conditions = given.get("preconditions") or {}
    dry_run = call.dry_run or given.get("dryRun") == ["All"]
    return DeleteOptions(grace, policy, conditions.get("uid") or "", conditions.get("resourceVersion") or "", dry_run)


def delete_object(call: Call, namespace: str, name: str, options: DeleteOptions) -> tuple[bool, Object]:
    """Delete one object as far as it goes now: whether it is gone, and its last state."""
    store, kind = call.store, call.storage
    obj = store.need(kind, namespace, name)
    _check_conditions(kind, obj, options)
    grace = _grace(kind, obj, options)
    if options.dry_run:
        return grace == 0, clone(obj)
    if kind == NAMESPACE:
        return _delete_namespace(store, obj)
    if kind == CUSTOM_RESOURCE_DEFINITION:
        obj = definitions.empty(store, obj)
    obj = _hold(store, kind, obj, options.propagation)
    if grace > 0 or obj["metadata"].get("finalizers"):
        marked = store.mark_deleted(kind, namespace, name, grace)
        if kind == POD and marked is not obj:
            call.server.agent.terminate(marked)
        return False, marked
    last = store.remove(kind, namespace, name)
    if kind == POD:
        call.server.agent.terminate(last)
    return True, last


def _check_conditions(kind: Kind, obj: Object, options: DeleteOptions) -> None:
    meta = obj["metadata"]
    asked = (
        (options.uid, meta["uid"], "UID", "deleted and then recreated"),
        (options.version, meta["resourceVersion"], "ResourceVersion", "modified"),
    )
    for wanted, found, word, fate in asked:
        if wanted and wanted != found:
            raise conflict(
                kind.resource,
                meta["name"],
                f"the {word} in the precondition ({wanted}) does not match the {word} in record ({found}). "
                f"The object might have been {fate}",
            )


def _grace(kind: Kind, obj: Object, options: DeleteOptions) -> int:
    """Only pods that run somewhere are given time."""
    if kind != POD:
        return 0
    spec = obj.get("spec") or {}
    if not spec.get("nodeName") or (obj.get("status") or {}).get("phase") in {"Succeeded", "Failed"}:
        return 0
    grace = options.grace_seconds
    if grace is None:
        grace = spec.get("terminationGracePeriodSeconds", _GRACE)
    return max(int(grace), 0)


def _hold(store: Store, kind: Kind, obj: Object, propagation: str) -> Object:
    """Foreground and orphan deletion wait, as a finalizer, for the garbage collector; the last policy told counts."""
    if not propagation:
        return obj
    finalizer, held = _POLICIES[propagation], obj["metadata"].get("finalizers") or []
    wanted = [name for name in held if name not in _POLICIES.values()] + ([finalizer] if finalizer else [])
    if set(wanted) == set(held):
        return obj

    meta = obj["metadata"]
    if not wanted and "deletionTimestamp" in meta:  # nothing holds it any longer: storing that would take it out
        return obj | {"metadata": {key: value for key, value in meta.items() if key != "finalizers"}}

    def hold(draft: Object) -> None:
        draft["metadata"]["finalizers"] = wanted

    return store.mutate(kind, meta.get("namespace", ""), meta["name"], hold)


def _delete_namespace(store: Store, obj: Object) -> tuple[bool, Object]:
    """A namespace waits, Terminating, until the namespace controller has emptied it."""
    name = obj["metadata"]["name"]
    if name in _FOR_EVER:
        raise forbidden(NAMESPACE.resource, name, "this namespace may not be deleted")
    if "deletionTimestamp" in obj["metadata"]:
        raise conflict(
            NAMESPACE.resource,
            name,
            "The system is ensuring all content is removed from this namespace.  Upon completion, this namespace will "
            "automatically be purged by the system.",
        )

    def terminate(draft: Object) -> None:
        draft["status"] = (draft.get("status") or {}) | {"phase": "Terminating"}

    store.mutate(NAMESPACE, "", name, terminate)
    return False, store.mark_deleted(NAMESPACE, "", name, 0)
