"""What the controllers of workloads promise."""

from __future__ import annotations

import asyncio
import functools
from typing import Any

from drillbook.sandbox.controllers.labels import labels_of
from drillbook.sandbox.controllers.pods import condition, is_active, is_terminating
from drillbook.sandbox.kinds import CLAIM, DEPLOYMENT, NODE, POD, REPLICA_SET, STATEFUL_SET, Object
from tests.sandbox.cluster.bench import HOME, Bench, on_bench

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


@on_bench
async def test_a_deployment_has_as_many_ready_pods_as_asked_for_spread_over_the_nodes(bench: Bench) -> None:
    bench.apply(deployment())
    await bench.until(lambda: done(bench, "1"), "three pods")
    assert len({pod["spec"]["nodeName"] for pod in bench.pods(app="web")}) == 3
    found = bench.get(DEPLOYMENT, "web")
    assert (condition(found, "Available") or {})["status"] == "True"
    assert (condition(found, "Progressing") or {})["reason"] == "NewReplicaSetAvailable"
    assert found["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "1"


@on_bench
async def test_a_deleted_pod_is_replaced_under_another_name_and_address(bench: Bench) -> None:
    bench.apply(deployment())
    await bench.until(lambda: done(bench, "1"), "three pods")
    gone = bench.pods(app="web")[0]
    bench.store.mark_deleted(POD, HOME, gone["metadata"]["name"], 0)
    await bench.until(
        lambda: done(bench, "1") and bench.store.get(POD, HOME, gone["metadata"]["name"]) is None, "three"
    )
    assert gone["status"]["podIP"] not in {pod["status"]["podIP"] for pod in bench.pods(app="web")}


@on_bench
async def test_a_rolling_update_keeps_to_its_leeway_all_the_way(bench: Bench) -> None:
    more = "\n  strategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}"
    bench.apply(deployment(more=more))
    await bench.until(lambda: done(bench, "1"), "three pods")
    release(bench, "2")

    def look() -> bool:
        assert sum(1 for pod in bench.ready(app="web") if not is_terminating(pod)) >= 3
        assert sum(1 for pod in bench.pods(app="web") if is_active(pod)) <= 4
        return done(bench, "2")

    await bench.until(look, "the new version")
    assert bench.get(DEPLOYMENT, "web")["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "2"


@on_bench
async def test_going_back_to_an_old_template_takes_its_replica_set_up_again_as_the_newest_revision(
    bench: Bench,
) -> None:
    bench.apply(deployment())
    await bench.until(lambda: done(bench, "1"), "the first")
    first = bench.store.list(REPLICA_SET, HOME)[0]["metadata"]["name"]
    release(bench, "2")
    await bench.until(lambda: done(bench, "2"), "the second")
    release(bench, "1")
    await bench.until(lambda: done(bench, "1"), "the first again")
    sizes = {rs["metadata"]["name"]: rs["spec"]["replicas"] for rs in bench.store.list(REPLICA_SET, HOME)}
    assert len(sizes) == 2
    assert sizes[first] == 3
    revision = bench.get(REPLICA_SET, first)["metadata"]["annotations"]["deployment.kubernetes.io/revision"]
    assert revision == "3"


@on_bench
async def test_a_release_that_can_t_start_leaves_the_old_one_serving_and_misses_its_deadline(bench: Bench) -> None:
    bench.apply(deployment(more="\n  progressDeadlineSeconds: 2"))
    await bench.until(lambda: done(bench, "1"), "the first")
    release(bench, "2", image="example.com/nobody/has-this:1")

    def late() -> bool:
        found = condition(bench.get(DEPLOYMENT, "web"), "Progressing") or {}
        return bool(found.get("reason") == "ProgressDeadlineExceeded")

    await bench.until(late, "the deadline")
    assert len(bench.ready(app="web")) >= 3
    assert (condition(bench.get(DEPLOYMENT, "web"), "Available") or {})["status"] == "True"


@on_bench
async def test_recreate_never_runs_old_and_new_together(bench: Bench) -> None:
    bench.apply(deployment(replicas=2, more="\n  strategy: {type: Recreate}"))
    await bench.until(lambda: done(bench, "1", 2), "the first")
    release(bench, "2")

    def look() -> bool:
        assert len({labels_of(pod)["version"] for pod in bench.pods(app="web")}) <= 1
        return done(bench, "2", 2)

    await bench.until(look, "the second")


@on_bench
async def test_a_paused_deployment_scales_but_does_not_roll_out(bench: Bench) -> None:
    bench.apply(deployment())
    await bench.until(lambda: done(bench, "1"), "the first")
    bench.change(DEPLOYMENT, "web", lambda draft: draft["spec"].update(paused=True))
    release(bench, "2")
    bench.change(DEPLOYMENT, "web", lambda draft: draft["spec"].update(replicas=4))
    await bench.until(lambda: len(bench.ready(app="web", version="1")) == 4, "four")
    assert bench.pods(app="web", version="2") == []
    bench.change(DEPLOYMENT, "web", lambda draft: draft["spec"].pop("paused"))
    await bench.until(lambda: done(bench, "2", 4), "the second")


@on_bench
async def test_old_replica_sets_beyond_the_history_limit_are_forgotten(bench: Bench) -> None:
    bench.apply(deployment(replicas=1, more="\n  revisionHistoryLimit: 1"))
    for version in ("1", "2", "3", "4"):
        if version != "1":
            release(bench, version)
        await bench.until(functools.partial(done, bench, version, 1), version)
    await bench.until(lambda: len(bench.store.list(REPLICA_SET, HOME)) == 2, "the newest and one old")


@on_bench
async def test_a_relabelled_pod_is_let_go_and_replaced(bench: Bench) -> None:
    bench.apply(deployment())
    await bench.until(lambda: done(bench, "1"), "three pods")
    name = bench.pods(app="web")[0]["metadata"]["name"]
    bench.change(POD, name, lambda draft: draft["metadata"]["labels"].update(app="apart"))
    await bench.until(lambda: len(bench.ready(app="web")) == 3, "another one")
    assert "ownerReferences" not in bench.get(POD, name)["metadata"]


@on_bench
async def test_a_deleted_deployment_takes_all_that_is_its_own_along(bench: Bench) -> None:
    bench.apply(deployment())
    await bench.until(lambda: done(bench, "1"), "three pods")
    bench.store.remove(DEPLOYMENT, HOME, "web")
    await bench.until(lambda: not bench.store.list(REPLICA_SET, HOME) and not bench.pods(app="web"), "nothing left")


@on_bench
async def test_deleted_in_the_foreground_the_owner_goes_last(bench: Bench) -> None:
    bench.apply(deployment(replicas=1))
    await bench.until(lambda: done(bench, "1", 1), "a pod")
    bench.change(DEPLOYMENT, "web", lambda draft: draft["metadata"].update(finalizers=["foregroundDeletion"]))
    bench.store.mark_deleted(DEPLOYMENT, HOME, "web", 0)

    def look() -> bool:
        there = bench.store.get(DEPLOYMENT, HOME, "web") is not None
        assert there or not bench.store.list(REPLICA_SET, HOME)
        return not there and not bench.pods(app="web")

    await bench.until(look, "nothing left")


@on_bench
async def test_orphans_stay_without_their_owner(bench: Bench) -> None:
    bench.apply(deployment(replicas=1))
    await bench.until(lambda: done(bench, "1", 1), "a pod")
    bench.change(DEPLOYMENT, "web", lambda draft: draft["metadata"].update(finalizers=["orphan"]))
    bench.store.mark_deleted(DEPLOYMENT, HOME, "web", 0)
    await bench.until(lambda: bench.store.get(DEPLOYMENT, HOME, "web") is None, "its end")
    await asyncio.sleep(0.2)
    replica_set = bench.store.list(REPLICA_SET, HOME)[0]
    assert "ownerReferences" not in replica_set["metadata"]
    assert len(bench.ready(app="web")) == 1


@on_bench
async def test_a_deleted_namespace_is_emptied_and_goes(bench: Bench) -> None:
    from drillbook.sandbox.kinds import KINDS, NAMESPACE

    bench.apply(deployment())
    await bench.until(lambda: done(bench, "1"), "three pods")
    bench.store.mark_deleted(NAMESPACE, "", HOME, 0)
    await bench.until(lambda: bench.store.get(NAMESPACE, "", HOME) is None, "its end")
    assert all(not bench.store.list(kind.storage, HOME) for kind in KINDS if kind.namespaced)


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


@on_bench
async def test_a_pod_that_fits_nowhere_waits_and_says_why(bench: Bench) -> None:
    bench.apply(deployment(replicas=1).replace("containers: [{", "containers: [{resources: {requests: {cpu: 1k}}, "))
    await bench.until(lambda: bench.pods(app="web"), "the pod")
    name = bench.pods(app="web")[0]["metadata"]["name"]
    await bench.until(lambda: "FailedScheduling" in bench.reasons(name), "the complaint")
    found = condition(bench.get(POD, name), "PodScheduled") or {}
    assert found["reason"] == "Unschedulable"
    assert found["message"] == "0/3 nodes are available: 3 Insufficient cpu."


@on_bench
async def test_cordoned_and_tainted_nodes_get_no_pods_until_they_are_free_again(bench: Bench) -> None:
    bench.change(NODE, "node-1", lambda draft: draft["spec"].update(unschedulable=True))
    taints = [{"key": "only", "value": "gpu", "effect": "NoSchedule"}]
    bench.change(NODE, "node-2", lambda draft: draft["spec"].update(taints=taints))
    bench.apply(deployment(replicas=4))
    await bench.until(lambda: done(bench, "1", 4), "four")
    assert {pod["spec"]["nodeName"] for pod in bench.pods(app="web")} == {"node-3"}
    bench.change(NODE, "node-1", lambda draft: draft["spec"].pop("unschedulable"))
    bench.change(DEPLOYMENT, "web", lambda draft: draft["spec"].update(replicas=6))
    await bench.until(lambda: done(bench, "1", 6), "six")
    assert "node-1" in {pod["spec"]["nodeName"] for pod in bench.pods(app="web")}
