"""Eviction (a deletion that asks the disruption budgets first), binding, and a namespace's finalizers."""

from __future__ import annotations

from aiohttp import web

from drillbook.sandbox.api.answers import json_answer
from drillbook.sandbox.api.call import Call
from drillbook.sandbox.api.deleting import delete_object, options_from
from drillbook.sandbox.api.selectors import selector_match
from drillbook.sandbox.kinds import DISRUPTION_BUDGET, NAMESPACE, NODE, POD, Object
from drillbook.sandbox.status import ApiError, bad_request, conflict, not_found
from drillbook.sandbox.store import clone, timestamp


async def evict(call: Call) -> web.Response:
    """POST of an Eviction. ApiError 429 when a budget has none to give."""
    given = await call.object()
    if given.get("kind", "Eviction") != "Eviction":
        raise bad_request(f"no kind {given['kind']!r} is served here: expected policy/v1 Eviction")
    pod = call.store.need(POD, call.namespace, call.name)
    options = options_from(given.get("deleteOptions") or {}, call)
    if "deletionTimestamp" not in pod["metadata"] and not _over(pod):
        _ask_budgets(call, pod, dry_run=options.dry_run)
    delete_object(call, call.namespace, call.name, options)
    return json_answer({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}, 201)


def _over(pod: Object) -> bool:
    return (pod.get("status") or {}).get("phase") in {"Succeeded", "Failed", "Pending"}


def _ask_budgets(call: Call, pod: Object, *, dry_run: bool) -> None:
    labels = pod["metadata"].get("labels") or {}
    budgets = [
        budget
        for budget in call.store.list(DISRUPTION_BUDGET, call.namespace)
        if selector_match((budget.get("spec") or {}).get("selector"))(labels)
    ]
    if len(budgets) > 1:
        sentence = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
        raise ApiError(500, "InternalError", sentence)
    for budget in budgets:
        status = budget.get("status") or {}
        name = budget["metadata"]["name"]
        if status.get("disruptionsAllowed", 0) < 1:
            needs, has = status.get("desiredHealthy", 0), status.get("currentHealthy", 0)
            why = f"The disruption budget {name} needs {needs} healthy pods and has {has} currently"
            raise ApiError(
                429,
                "TooManyRequests",
                "Cannot evict pod as it would violate the pod's disruption budget.",
                causes=[("DisruptionBudget", why, "")],
            )
        if not dry_run:
            call.store.mutate(DISRUPTION_BUDGET, call.namespace, name, lambda draft: _take_one(draft, call.name))


def _take_one(budget: Object, pod: str) -> None:
    budget["status"]["disruptionsAllowed"] -= 1
    budget["status"].setdefault("disruptedPods", {})[pod] = timestamp()


async def bind(call: Call) -> web.Response:
    """POST of a Binding: the pod goes to that node. ApiError 409 when it has one already."""
    given = await call.object()
    node = (given.get("target") or {}).get("name") or ""
    pod = call.store.need(POD, call.namespace, call.name)
    if call.store.get(NODE, "", node) is None:
        raise not_found("nodes", node)
    if pod["spec"].get("nodeName"):
        sentence = f"pod {call.name} is already assigned to node {pod['spec']['nodeName']!r}"
        raise conflict("pods/binding", call.name, sentence)
    if not call.dry_run:
        call.store.mutate(POD, call.namespace, call.name, lambda draft: draft["spec"].update(nodeName=node))
    return json_answer({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}, 201)


async def finalize(call: Call) -> web.Response:
    """PUT of a namespace with fewer finalizers; a terminating one without any is gone."""
    given = await call.object()
    namespace = clone(call.store.need(NAMESPACE, "", call.name))
    namespace["spec"] = {"finalizers": list((given.get("spec") or {}).get("finalizers") or [])}
    stored = call.store.replace(NAMESPACE, namespace)
    if "deletionTimestamp" in stored["metadata"] and not stored["spec"]["finalizers"]:
        call.store.end(NAMESPACE, "", call.name)
    return json_answer(call.store.encode(NAMESPACE, stored))
