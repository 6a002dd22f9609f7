"""What Deployments promise: as many pods as asked for, whatever is released."""

from __future__ import annotations

import functools

from drillbook.sandbox.controllers.labels import labels_of
from drillbook.sandbox.controllers.pods import condition, is_active, is_terminating
from drillbook.sandbox.kinds import DEPLOYMENT, POD, REPLICA_SET
from tests.sandbox.cluster.bench import HOME, Bench, on_bench
from tests.sandbox.cluster.deployments import deployment, done, release


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
