"""A stage for autoscalers: the tests play metrics.k8s.io and the workload."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from drillbook.sandbox.agent import PodUsage
from drillbook.sandbox.kinds import AUTOSCALER, DEPLOYMENT, POD, Object
from tests.sandbox.controllers.stage import NAMESPACE, Stage, container, pod_body

LABELS = {"app": "web"}


CPU_80 = [
    {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}
]


TEN_MINUTES = 600.0


@dataclass
class Meter:
    """What the pods use, set by tests: cores and bytes by pod name."""

    stage: Stage
    readings: dict[str, tuple[float, int]] = field(default_factory=dict)

    def __call__(self) -> list[PodUsage]:
        now = self.stage.clock.now()
        return [
            PodUsage(NAMESPACE, name, LABELS, now, 15.0, {"main": (cores, size)})
            for name, (cores, size) in self.readings.items()
        ]

    def all(self, cores: float, size: int = 0) -> None:
        """Every pod uses as much."""
        self.readings = {pod["metadata"]["name"]: (cores, size) for pod in self.stage.pods()}


def workload(stage: Stage, replicas: int, *, requests: dict[str, str] | None = None) -> None:
    """A Deployment whose pods have been running for ten minutes."""
    asked = {"cpu": "100m", "memory": "100Mi"} if requests is None else requests
    template = {"metadata": {"labels": LABELS}, "spec": {"containers": [container(requests=asked)]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": LABELS}, "template": template}
    stage.create(DEPLOYMENT, "web", spec=spec)
    grow(stage, replicas, requests=asked)


def grow(stage: Stage, to: int, *, requests: dict[str, str] | None = None) -> None:
    """As many pods as ``to``, all of them old and ready."""
    asked = {"cpu": "100m", "memory": "100Mi"} if requests is None else requests
    pods = stage.pods()
    for number in range(len(pods), to):
        stage.run(stage.create(POD, f"web-{number}", **pod_body(LABELS, requests=asked)))
        age(stage, f"web-{number}", TEN_MINUTES)
    for pod in pods[to:]:
        stage.kill(pod)


def age(stage: Stage, name: str, seconds: float) -> None:
    at = (stage.clock.now() - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")

    def change(draft: Object) -> None:
        draft["status"]["startTime"] = at
        draft["status"]["conditions"][0]["lastTransitionTime"] = at

    stage.change(POD, name, change)


def scale_with(stage: Stage, name: str = "web", *, target: str = "web", **spec: Any) -> None:
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": target}
    body = {"scaleTargetRef": reference, "minReplicas": 1, "maxReplicas": 10, "metrics": CPU_80} | spec
    stage.create(AUTOSCALER, name, spec=body)
    stage.settle()


def replicas(stage: Stage) -> int:
    return int(stage.get(DEPLOYMENT, "web")["spec"]["replicas"])


def scaler(stage: Stage, name: str = "web") -> Object:
    return stage.get(AUTOSCALER, name)
