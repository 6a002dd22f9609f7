"""What StatefulSets promise: order, names, claims, partitions."""

from __future__ import annotations

import asyncio

from drillbook.sandbox.kinds import CLAIM, POD, STATEFUL_SET, Object
from tests.sandbox.cluster.bench import HOME, Bench, on_bench
from tests.sandbox.cluster.deployments import SCRIPT

STATEFUL = f"""
apiVersion: apps/v1
kind: StatefulSet
metadata: {{name: db}}
spec:
  replicas: 3
  serviceName: db
  selector: {{matchLabels: {{app: db}}}}
  template:
    metadata: {{labels: {{app: db}}}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: main
          image: busybox
          command: [sh, -c, "{SCRIPT}"]
          volumeMounts: [{{name: data, mountPath: /data}}]
  volumeClaimTemplates:
    - metadata: {{name: data}}
      spec: {{accessModes: [ReadWriteOnce], resources: {{requests: {{storage: 1Gi}}}}}}
"""


def names(bench: Bench) -> list[str]:
    return sorted(pod["metadata"]["name"] for pod in bench.ready(app="db"))


@on_bench
async def test_a_stateful_set_starts_in_order_and_its_pods_keep_name_and_claim(bench: Bench) -> None:
    bench.apply(STATEFUL)

    def look() -> bool:
        there = sorted(pod["metadata"]["name"] for pod in bench.pods(app="db"))
        for name in there[1:]:
            before = f"db-{int(name[-1]) - 1}"
            assert before in names(bench), f"{name} before {before} is ready"
        return names(bench) == ["db-0", "db-1", "db-2"]

    await bench.until(look, "three")
    uid, claim = bench.get(POD, "db-1")["metadata"]["uid"], bench.get(CLAIM, "data-db-1")["metadata"]["uid"]
    bench.store.mark_deleted(POD, HOME, "db-1", 0)
    await bench.until(lambda: len(names(bench)) == 3 and bench.get(POD, "db-1")["metadata"]["uid"] != uid, "it back")
    assert bench.get(CLAIM, "data-db-1")["metadata"]["uid"] == claim
    assert bench.get(POD, "db-1")["spec"]["hostname"] == "db-1"


@on_bench
async def test_a_stateful_set_scales_down_from_the_end_and_keeps_the_claims(bench: Bench) -> None:
    bench.apply(STATEFUL)
    await bench.until(lambda: len(names(bench)) == 3, "three")
    bench.change(STATEFUL_SET, "db", lambda draft: draft["spec"].update(replicas=1))
    await bench.until(lambda: [p["metadata"]["name"] for p in bench.pods(app="db")] == ["db-0"], "one")
    assert len(bench.store.list(CLAIM, HOME)) == 3


@on_bench
async def test_a_stateful_set_updates_its_last_pod_first_and_stops_at_the_partition(bench: Bench) -> None:
    bench.apply(STATEFUL)
    await bench.until(lambda: len(names(bench)) == 3, "three")
    before = {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in bench.pods(app="db")}

    def change(draft: Object) -> None:
        draft["spec"]["template"]["metadata"]["labels"]["version"] = "2"
        draft["spec"]["updateStrategy"] = {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}

    bench.change(STATEFUL_SET, "db", change)
    await bench.until(lambda: len(bench.ready(app="db", version="2")) == 2, "two new ones")
    await asyncio.sleep(0.2)
    assert bench.get(POD, "db-0")["metadata"]["uid"] == before["db-0"]
    status = bench.get(STATEFUL_SET, "db")["status"]
    assert status["updatedReplicas"] == 2
    assert status["currentRevision"] != status["updateRevision"]
    bench.change(
        STATEFUL_SET, "db", lambda draft: draft["spec"]["updateStrategy"].update(rollingUpdate={"partition": 0})
    )
    await bench.until(
        lambda: (
            bench.get(STATEFUL_SET, "db")["status"]["currentRevision"]
            == bench.get(STATEFUL_SET, "db")["status"]["updateRevision"]
        ),
        "the end of the update",
    )
