"""A Deployment on the bench, and its releases."""

from __future__ import annotations

from typing import Any

from drillbook.sandbox.controllers.labels import labels_of
from drillbook.sandbox.controllers.pods import is_active
from drillbook.sandbox.kinds import DEPLOYMENT, Object
from tests.sandbox.cluster.bench import Bench

SCRIPT = "trap 'exit 0' TERM; while true; do sleep 0.05; done"


def deployment(name: str = "web", replicas: int = 3, more: str = "", version: str = "1") -> str:
    return f"""
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: {name}}}}}{more}
  template:
    metadata: {{labels: {{app: {name}, version: "{version}"}}}}
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{{name: main, image: busybox, command: [sh, -c, "{SCRIPT}"]}}]
"""


def release(bench: Bench, version: str, name: str = "web", **container: Any) -> None:
    """Give the Deployment another template."""

    def change(draft: Object) -> None:
        draft["spec"]["template"]["metadata"]["labels"]["version"] = version
        draft["spec"]["template"]["spec"]["containers"][0].update(container)

    bench.change(DEPLOYMENT, name, change)


def done(bench: Bench, version: str, count: int = 3) -> bool:
    status = bench.get(DEPLOYMENT, "web")["status"]
    pods = [pod for pod in bench.pods(app="web") if is_active(pod)]
    return (
        status.get("updatedReplicas") == status.get("availableReplicas") == status.get("replicas") == count
        and len(pods) == count
        and all(labels_of(pod)["version"] == version for pod in pods)
    )
