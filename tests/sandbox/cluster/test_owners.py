"""What goes with its owner, and what stays."""

from __future__ import annotations

import asyncio

from drillbook.sandbox.kinds import DEPLOYMENT, POD, REPLICA_SET
from tests.sandbox.cluster.bench import HOME, Bench, on_bench
from tests.sandbox.cluster.deployments import deployment, done


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
