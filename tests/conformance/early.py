"""The objects whose tests wait for the clock: CronJobs, Deployments under autoscalers, pods that are given up."""

from __future__ import annotations

from typing import Any, Final

from tests.conformance.cluster import Cluster
from tests.conformance.objects import FOREVER, deployment, pod, template

REGULAR: Final = "regular"
SUSPENDED: Final = "suspended"
BY_HAND: Final = "by-hand"
BUSY: Final = "busy"
TORN: Final = "torn"
ORPHAN: Final = "orphan"
HOARDER: Final = "hoarder"


def begin(cluster: Cluster, space: str) -> None:
    """Make them."""
    shell = cluster.images.shell
    # Far above the 20m that it requests, and still leaving the node's processors to the other tests.
    spin = "trap 'exit 0' TERM; while true; do i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; sleep 0.1; done"
    made = [
        _cron_job(shell, REGULAR, suspend=False),
        _cron_job(shell, SUSPENDED, suspend=True),
        _deployment(shell, BY_HAND, FOREVER, replicas=1),
        _deployment(shell, BUSY, spin, replicas=1),
        # At least two, because an idle Deployment would shrink further once a few minutes are over.
        _autoscaler(BY_HAND, least=2),
        _autoscaler(BUSY, least=1),
        _deployment(shell, TORN, FOREVER, replicas=1),
        _autoscaler(TORN, least=1),
        _autoscaler(TORN, least=1, name=f"{TORN}-too"),
    ]
    for one in made:
        group = "apis/" + one["apiVersion"]
        answer = cluster.request("POST", f"/{group}/namespaces/{space}/{one['kind'].lower()}s", one)
        assert answer.code == 201, answer.body
    cluster.kubectl("-n", space, "scale", f"deployment/{BY_HAND}", "--replicas=4").ok()
    orphan = pod(shell, name=ORPHAN, nodeName="conformance-long-gone")
    # The write may fail at the limit; what counts is that there was more to be kept than it allows.
    mount = {"volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}]}
    volume = {"name": "scratch", "emptyDir": {"sizeLimit": "1Mi"}}
    write = f"dd if=/dev/zero of=/scratch/f bs=1M count=4; sync; {FOREVER}"
    hoarder = pod(shell, write, name=HOARDER, container=mount, volumes=[volume])
    for one in (orphan, hoarder):
        answer = cluster.request("POST", f"/api/v1/namespaces/{space}/pods", one)
        assert answer.code == 201, answer.body


def _cron_job(shell: str, name: str, *, suspend: bool) -> dict[str, Any]:
    inner = template(shell, "exit 0")
    inner["spec"]["restartPolicy"] = "Never"
    spec = {"schedule": "* * * * *", "suspend": suspend, "jobTemplate": {"spec": {"template": inner}}}
    return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": name}, "spec": spec}


def _deployment(shell: str, name: str, script: str, replicas: int) -> dict[str, Any]:
    made = deployment(shell, name, replicas=replicas)
    resources = {"requests": {"cpu": "20m"}, "limits": {"cpu": "200m"}}
    made["spec"]["template"] = template(shell, script, name, resources=resources)
    return made


def _autoscaler(target: str, least: int, name: str = "") -> dict[str, Any]:
    """Named as its target, unless told otherwise."""
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": target}
    cpu = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 90}}
    spec = {
        "scaleTargetRef": reference,
        "minReplicas": least,
        "maxReplicas": 2,
        "metrics": [{"type": "Resource", "resource": cpu}],
    }
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name or target},
        "spec": spec,
    }
