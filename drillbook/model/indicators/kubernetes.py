"""What the cluster says of its workloads, pods, volumes and nodes."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from drillbook.model.indicators.base import REMEMBERED, Indicator, Parameter
from drillbook.model.quantity import Dimension

_WORKLOAD: Final = ("workload",)
_STATISTIC: Final = {"statistic": Parameter(str, "max", choices=("max", "average"))}
_USE: Final = {"of": Parameter(str, "limit", choices=("limit", "request"))} | _STATISTIC
_BOUND: Final = {"bound": Parameter(str, choices=("request", "limit")), "container": Parameter(str, None)}
_SETTING: Final = {
    "container": Parameter(str, None),
    "as": Parameter(str, "text", choices=("text", "count", "bytes", "duration", "ratio", "cores")),
}

INDICATORS: Final = (
    Indicator("pod.cpu_ratio", Dimension.RATIO, _WORKLOAD, _USE | REMEMBERED, vias=("metrics", "prometheus")),
    Indicator("pod.memory_ratio", Dimension.RATIO, _WORKLOAD, _USE | REMEMBERED, vias=("metrics", "prometheus")),
    Indicator("pod.cpu", Dimension.CORES, _WORKLOAD, _STATISTIC, vias=("metrics",)),
    # How far back to look: of the container that restarted most, and of all pods together.
    Indicator("pod.restarts", Dimension.COUNT, _WORKLOAD, {"window": Parameter(str, "15m")}),
    Indicator("pod.oom_kills", Dimension.COUNT, _WORKLOAD, {"window": Parameter(str, "1h")}),
    Indicator("volume.used_ratio", Dimension.RATIO, _WORKLOAD, vias=("kubelet",), high=Decimal(1)),
    Indicator(
        "node.disk_ratio", Dimension.RATIO, parameters=REMEMBERED, vias=("kubelet", "prometheus"), high=Decimal(1)
    ),
    Indicator("nodes.not_ready", Dimension.COUNT),
    Indicator("ingress.addresses", Dimension.COUNT, ("ingress",)),
    Indicator("workload.ready_replicas", Dimension.COUNT, _WORKLOAD),
    Indicator("workload.desired_replicas", Dimension.COUNT, _WORKLOAD),
    Indicator("workload.cpu", Dimension.CORES, _WORKLOAD, _BOUND),
    Indicator("workload.memory", Dimension.BYTES, _WORKLOAD, _BOUND),
    Indicator(
        "workload.image",
        Dimension.TEXT,
        _WORKLOAD,
        {
            "container": Parameter(str, None),
            "part": Parameter(str, "image", choices=("image", "repository", "tag", "digest")),
        },
    ),
    Indicator("services.least_endpoints", Dimension.COUNT),
    # Without a component: of all the system's namespaces.
    Indicator("autoscaler.count", Dimension.COUNT),
    Indicator("autoscaler.min_replicas", Dimension.COUNT, _WORKLOAD),
    Indicator("autoscaler.max_replicas", Dimension.COUNT, _WORKLOAD),
    Indicator("autoscaler.cpu_target", Dimension.RATIO, _WORKLOAD),
    Indicator("autoscaler.memory_target", Dimension.RATIO, _WORKLOAD),
    Indicator("rollout.incomplete", Dimension.COUNT),
    Indicator("rollout.took", Dimension.DURATION, _WORKLOAD),
    # Jobs and pods with Helm's test hook, or those that a label selector fits.
    Indicator("release.failed_tests", Dimension.COUNT, _WORKLOAD, {"labels": Parameter(str, None)}),
    # configmap: the ConfigMap's name and its key (name). env: the variable (name). exec: command, or printenv name.
    Indicator(
        "config.value",
        Dimension.TEXT,
        ("namespace",),
        {
            "name": Parameter(str, None),
            "configmap": Parameter(str, None),
            "command": Parameter(str, None),
            "pattern": Parameter(str, None),
        }
        | _SETTING,
        vias=("env", "configmap", "exec"),
    ),
    # name: the directive; argument: one that is written name=value; take: its value, or how often it stands there.
    Indicator(
        "proxy.directive",
        Dimension.TEXT,
        ("namespace",),
        {
            "name": Parameter(str),
            "block": Parameter(str, None),
            "argument": Parameter(str, None),
            "take": Parameter(str, "value", choices=("value", "number")),
            "configmap": Parameter(str, None),
            "key": Parameter(str, None),
        }
        | _SETTING,
        vias=("exec", "configmap"),
    ),
    Indicator("quota.used_ratio", Dimension.RATIO, parameters={"resource": Parameter(str, None)}),
    Indicator("claims.unbound", Dimension.COUNT),
    Indicator(
        "log.size",
        Dimension.BYTES,
        _WORKLOAD,
        {"path": Parameter(str, "/var/log"), "container": Parameter(str, None)},
        vias=("exec",),
    ),
    Indicator("log.matches", Dimension.COUNT, _WORKLOAD, {"pattern": Parameter(str), "window": Parameter(str, "15m")}),
    Indicator(
        "secret.age", Dimension.DURATION, ("namespace",), {"secret": Parameter(str), "key": Parameter(str, None)}
    ),
    Indicator(
        "secret.length",
        Dimension.COUNT,
        ("namespace",),
        {
            "secret": Parameter(str),
            "key": Parameter(str),
            "encoding": Parameter(str, "plain", choices=("plain", "base64")),
        },
    ),
)
