"""metrics.k8s.io and the kubelets' own pages: what pods and nodes use, asked of the node agent."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from aiohttp import web

from drillbook.sandbox.agent import NodeUsage, PodUsage
from drillbook.sandbox.api import cadvisor
from drillbook.sandbox.api.answers import json_answer
from drillbook.sandbox.api.call import Call
from drillbook.sandbox.api.selectors import Match, label_match
from drillbook.sandbox.api.virtual import POD_METRICS
from drillbook.sandbox.kinds import NODE, POD, Object
from drillbook.sandbox.status import not_found

_VERSION = "metrics.k8s.io/v1beta1"


async def list_(call: Call) -> web.Response:
    """The metrics of all pods (of a namespace) or nodes that the label selector fits."""
    match = label_match(call.option("labelSelector"))
    items = [item for item in _all(call) if _fits(item, match)]
    return json_answer({"kind": f"{call.kind.name}List", "apiVersion": _VERSION, "metadata": {}, "items": items})


async def get(call: Call) -> web.Response:
    """The metrics of one pod or node. ApiError 404 when there are none (yet)."""
    for item in _all(call):
        meta = item["metadata"]
        if meta["name"] == call.name and meta.get("namespace", "") == call.namespace:
            return json_answer(item)
    raise not_found(call.kind.resource, call.name)


async def summary(call: Call) -> web.Response:
    """The kubelet's own summary and its cAdvisor's metrics, through the node's proxy. ApiError 404 for other paths."""
    call.store.need(NODE, "", call.name)
    asked = call.rest.strip("/")
    if asked not in {"stats/summary", "metrics/cadvisor"}:
        raise not_found("nodes/proxy", call.rest)
    told = await call.server.agent.stats_summary(call.name)
    if asked == "stats/summary":
        return json_answer(told)
    pods = {(pod["metadata"]["namespace"], pod["metadata"]["name"]): pod for pod in call.store.list(POD)}
    return web.Response(body=cadvisor.page(told, pods).encode(), headers={"Content-Type": cadvisor.CONTENT_TYPE})


def _all(call: Call) -> Sequence[Object]:
    if call.kind == POD_METRICS:
        pods = call.server.agent.pod_usage()
        return [_pod(usage) for usage in pods if call.namespace in {"", usage.namespace}]
    return [_node(usage) for usage in call.server.agent.node_usage()]


def _fits(item: Object, match: Match | None) -> bool:
    return match is None or match(item)


def _pod(usage: PodUsage) -> Object:
    containers = [
        {"name": name, "usage": _usage(cores, size)} for name, (cores, size) in sorted(usage.containers.items())
    ]
    return _frame("PodMetrics", usage, {"namespace": usage.namespace}) | {"containers": containers}


def _node(usage: NodeUsage) -> Object:
    return _frame("NodeMetrics", usage, {}) | {"usage": _usage(usage.cores, usage.bytes)}


def _frame(kind: str, usage: PodUsage | NodeUsage, place: Object) -> Object:
    metadata = {"name": usage.name, **place, "creationTimestamp": _moment(datetime.now(UTC))}
    if usage.labels:
        metadata["labels"] = dict(usage.labels)
    return {
        "kind": kind,
        "apiVersion": _VERSION,
        "metadata": metadata,
        "timestamp": _moment(usage.timestamp),
        "window": f"{usage.window_seconds:.3f}s",
    }


def _usage(cores: float, size: int) -> Object:
    """CPU in nanocores, memory in KiB: the units in which the metrics server answers."""
    return {"cpu": f"{round(float(cores) * 1e9)}n", "memory": f"{size // 1024}Ki"}


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
