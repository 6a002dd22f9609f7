"""How what a whole cluster or namespace shares is broken: nodes, Ingresses, quotas, claims, autoscalers, releases."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any, Final

from drillbook.clients.kube import Object, path_of
from drillbook.clients.kube_quantity import kube_quantity
from drillbook.model.policy import Component, Objective
from drillbook.proof.beyond import number_beyond
from drillbook.proof.doors import LITTLE
from drillbook.proof.stage import Stage
from drillbook.proof.violation import Planted, Unplantable, Violation

_NAME: Final = "drillbook-proof"
_SCALERS: Final = "horizontalpodautoscalers"


@asynccontextmanager
async def silent_node(stage: Stage, _: Objective) -> AsyncIterator[Planted]:
    """One more node, which nobody schedules to and whose kubelet never said a word."""
    body: Object = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": _NAME},
        "spec": {"unschedulable": True},
    }
    async with stage.present(path_of("nodes"), body):
        yield Planted(f"node {_NAME}, whose kubelet never reported", stage.asking("node.disk_ratio"))


@asynccontextmanager
async def ingress_of_nobody(stage: Stage, objective: Objective) -> AsyncIterator[Planted]:
    """The Ingress is of a class that no controller serves, and so without an address."""
    component = stage.component(objective)
    path = path_of("ingresses", component.namespace, component.ingress)
    async with stage.changed(path, {"spec": {"ingressClassName": f"{_NAME}-nobody"}}):
        await stage.kube.patch(f"{path}/status", {"status": {"loadBalancer": None}})
        same = [c.id for c in stage.policy.components.values() if (c.namespace, c.ingress) == _place(component)]
        implied = frozenset().union(*(stage.asking("http.*", "certificate.*", component=one) for one in same))
        yield Planted(f"Ingress {component.namespace}/{component.ingress}: a class that nobody serves", implied)


@asynccontextmanager
async def full_quota(stage: Stage, objective: Objective) -> AsyncIterator[Planted]:
    """One more quota, as large as what is used of it already."""
    namespace = stage.component(objective).namespace if objective.component else stage.policy.namespaces[0]
    resource = str(stage.parameters(objective)["resource"] or "count/configmaps")
    collection = path_of("resourcequotas", namespace)
    body: Object = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": _NAME}}
    used = await _used(stage, collection, body, resource)
    if used <= 0:
        raise Unplantable(
            f"{objective.id}: nothing of {resource} is used in namespace {namespace}, so no quota is full"
        )
    async with stage.present(collection, body | {"spec": {"hard": {resource: str(used)}}}):
        await stage.until("the quota to be counted", lambda: _counted(stage, f"{collection}/{_NAME}", resource))
        yield Planted(f"ResourceQuota {namespace}/{_NAME}: {resource} {used}, all of it used")


@asynccontextmanager
async def claim_of_nothing(stage: Stage, objective: Objective) -> AsyncIterator[Planted]:
    """A claim of a storage class that isn't there."""
    namespace = stage.component(objective).namespace if objective.component else stage.policy.namespaces[0]
    body: Object = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": _NAME},
        "spec": {
            "storageClassName": f"{_NAME}-nobody",
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Mi"}},
        },
    }
    async with stage.present(path_of("persistentvolumeclaims", namespace), body):
        yield Planted(
            f"claim {namespace}/{_NAME} of a storage class that isn't there", stage.asking("quota.used_ratio")
        )


@asynccontextmanager
async def failed_test(stage: Stage, objective: Objective) -> AsyncIterator[Planted]:
    """A test of the release that fails."""
    component = stage.component(objective)
    labels = dict(pair.split("=", 1) for pair in str(stage.parameters(objective)["labels"] or "").split(",") if pair)
    collection = path_of("pods", component.namespace)
    body: Object = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": _NAME, "labels": labels, "annotations": {"helm.sh/hook": "test"}},
        "spec": {
            "restartPolicy": "Never",
            "containers": [
                {"name": "test", "image": "busybox", "command": ["sh", "-c", "exit 1"], "resources": LITTLE},
            ],
        },
    }
    async with stage.present(collection, body):
        await stage.until("the test to fail", lambda: _phase(stage, f"{collection}/{_NAME}", "Failed"))
        yield Planted(f"pod {component.namespace}/{_NAME}: a test of the release that failed")


@asynccontextmanager
async def other_autoscaler(stage: Stage, objective: Objective) -> AsyncIterator[Planted]:
    """The autoscaler's own numbers are others than documented."""
    component = stage.component(objective)
    path, spec = await _autoscaler(stage, component)
    field = objective.indicator.partition(".")[2]
    # As near as can be, and below rather than above: fewer pods are started for it.
    step = Decimal(-1) if field.endswith("replicas") else Decimal("-0.01")
    value = number_beyond(objective, step)
    async with stage.changed(path, {"spec": _told(field, spec, value)}):
        yield Planted(f"autoscaler {path.rpartition('/')[2]} {field}: {value.normalize():f}")


@asynccontextmanager
async def other_count(stage: Stage, objective: Objective) -> AsyncIterator[Planted]:
    """One autoscaler more of the same workload, or none at all."""
    component = stage.component(objective)
    path, spec = await _autoscaler(stage, component)
    of_it = stage.asking("autoscaler.*", component=component.id)
    if number_beyond(objective, 1) > 1:
        body: Object = {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": _NAME},
            "spec": spec,
        }
        async with stage.present(path.rpartition("/")[0], body):
            yield Planted(f"autoscaler {_NAME}: a second one of {component.workload}", of_it)
        return
    async with stage.absent(path):
        yield Planted(f"autoscaler {path.rpartition('/')[2]} is gone", of_it)


async def _autoscaler(stage: Stage, component: Component) -> tuple[str, dict[str, Any]]:
    """Path and specification of the autoscaler of a component's workload."""
    for one in await stage.kube.list(path_of(_SCALERS, component.namespace)):
        target = one["spec"]["scaleTargetRef"]
        if component.workload and (target["kind"].lower(), target["name"]) == (
            component.workload.kind,
            component.workload.name,
        ):
            return path_of(_SCALERS, component.namespace, one["metadata"]["name"]), one["spec"]
    raise Unplantable(f"no autoscaler scales {component.workload} in namespace {component.namespace}")


def _told(field: str, spec: dict[str, Any], value: Decimal) -> dict[str, Any]:
    match field:
        case "min_replicas":
            # What it allows is what is looked at; that it makes use of it would take pods away.
            return {"minReplicas": int(value), "behavior": {"scaleDown": {"selectPolicy": "Disabled"}}}
        case "max_replicas":
            return {"maxReplicas": int(value), "minReplicas": min(int(value), spec.get("minReplicas", 1))}
        case _:
            resource = field.removesuffix("_target")
            metrics = [dict(one) for one in spec.get("metrics") or ()]
            for one in metrics:
                if (one.get("resource") or {}).get("name") == resource:
                    target = {"type": "Utilization", "averageUtilization": round(value * 100)}
                    one["resource"] = {**one["resource"], "target": target}
            return {"metrics": metrics}


def _place(component: Component) -> tuple[str, str | None]:
    return component.namespace, component.ingress


async def _used(stage: Stage, collection: str, body: Object, resource: str) -> Decimal:
    """How much of a resource a namespace uses, as a quota that nothing can fill counts it."""
    async with stage.present(collection, body | {"spec": {"hard": {resource: "1000000"}}}):
        await stage.until("the quota to be counted", lambda: _counted(stage, f"{collection}/{_NAME}", resource))
        return kube_quantity((await stage.kube.get(f"{collection}/{_NAME}"))["status"]["used"][resource])


async def _counted(stage: Stage, path: str, resource: str) -> bool:
    return resource in (((await stage.kube.get(path)).get("status") or {}).get("used") or {})


async def _phase(stage: Stage, path: str, phase: str) -> bool:
    return ((await stage.kube.get(path)).get("status") or {}).get("phase") == phase


VIOLATIONS: Final = (
    Violation("nodes.not_ready", silent_node),
    Violation("ingress.addresses", ingress_of_nobody),
    Violation("quota.used_ratio", full_quota),
    Violation("claims.unbound", claim_of_nothing),
    Violation("release.failed_tests", failed_test),
    Violation("autoscaler.count", other_count),
    Violation("autoscaler.min_replicas", other_autoscaler),
    Violation("autoscaler.max_replicas", other_autoscaler),
    Violation("autoscaler.cpu_target", other_autoscaler),
    Violation("autoscaler.memory_target", other_autoscaler),
)
