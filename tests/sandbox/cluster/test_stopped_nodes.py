"""A node whose kubelet stops and comes back, and one that is deleted."""

from __future__ import annotations

import asyncio

import pytest

from drillbook.sandbox.controllers.admission import create
from drillbook.sandbox.controllers.pods import is_ready
from drillbook.sandbox.kinds import NODE, POD
from drillbook.sandbox.status import ApiError
from drillbook.sandbox.stopped import ANNOTATION, STOPPED
from tests.sandbox.cluster.bench import HOME, Bench, on_bench, pod

LIVES = "echo here; trap 'exit 0' TERM; while true; do sleep 0.05; done"


def switch(bench: Bench, node: str, *, stop: bool) -> None:
    annotations = {ANNOTATION: STOPPED} if stop else {}
    bench.cluster.store.mutate(NODE, "", node, lambda draft: draft["metadata"].update(annotations=annotations))


async def started(bench: Bench, name: str, script: str = LIVES) -> str:
    """Start a pod; returns its node once it is Ready."""
    bench.apply(pod(name, script))
    await bench.until(lambda: is_ready(bench.get(POD, name)), "the pod is Ready")
    return str(bench.get(POD, name)["spec"]["nodeName"])


@on_bench
async def test_containers_go_on_while_the_kubelet_is_stopped(bench: Bench) -> None:
    node = await started(bench, "one")
    (process,) = [c.process for w in bench.kubelet.workers.values() for c in w.containers]
    switch(bench, node, stop=True)
    await asyncio.sleep(0.1)
    assert process is not None
    assert process.running
    with pytest.raises(ApiError, match="10250: connect: connection refused"):
        await bench.logs(bench.get(POD, "one"), "main")
    assert not bench.kubelet.pod_usage()
    switch(bench, node, stop=False)
    await asyncio.sleep(0.1)
    assert process.running
    assert await bench.logs(bench.get(POD, "one"), "main") == "here\n"


@on_bench
async def test_a_deleted_pod_stays_until_the_kubelet_is_back(bench: Bench) -> None:
    node = await started(bench, "one")
    switch(bench, node, stop=True)
    await asyncio.sleep(0.1)
    bench.cluster.store.mark_deleted(POD, HOME, "one", 1)
    await asyncio.sleep(1.5)
    assert "deletionTimestamp" in bench.get(POD, "one")["metadata"]
    switch(bench, node, stop=False)
    await bench.until(lambda: bench.cluster.store.get(POD, HOME, "one") is None, "the pod is gone")


@on_bench
async def test_a_pod_deleted_by_force_runs_until_the_kubelet_is_back(bench: Bench) -> None:
    node = await started(bench, "one")
    (process,) = [c.process for w in bench.kubelet.workers.values() for c in w.containers]
    assert process is not None
    switch(bench, node, stop=True)
    await asyncio.sleep(0.1)
    bench.cluster.store.remove(POD, HOME, "one")
    await asyncio.sleep(0.3)
    assert process.running
    switch(bench, node, stop=False)
    await bench.until(lambda: not process.running, "its program has ended")
    await bench.until(lambda: not bench.kubelet.workers, "the kubelet has let go of it")


@on_bench
async def test_what_ends_on_a_stopped_node_is_not_restarted_and_not_told(bench: Bench) -> None:
    node = await started(bench, "one")
    (container,) = [c for w in bench.kubelet.workers.values() for c in w.containers]
    switch(bench, node, stop=True)
    await asyncio.sleep(0.1)
    container.kill()
    await asyncio.sleep(0.5)
    assert not container.running
    assert bench.get(POD, "one")["status"]["containerStatuses"][0]["restartCount"] == 0
    switch(bench, node, stop=False)
    await bench.until(
        lambda: bench.get(POD, "one")["status"]["containerStatuses"][0]["restartCount"] == 1,
        "its container was started again",
    )
    await bench.until(lambda: is_ready(bench.get(POD, "one")), "the pod is Ready")


@on_bench
async def test_a_pod_that_comes_while_the_kubelet_is_stopped_waits_for_it(bench: Bench) -> None:
    switch(bench, "node-2", stop=True)
    bench.apply(pod("one", LIVES).replace("  restartPolicy", "  nodeName: node-2\n  restartPolicy"))
    await asyncio.sleep(0.5)
    assert not bench.get(POD, "one")["status"].get("containerStatuses")
    switch(bench, "node-2", stop=False)
    await bench.until(lambda: is_ready(bench.get(POD, "one")), "the pod is Ready")


@on_bench
async def test_pods_of_a_deleted_node_go_on_and_can_be_asked_again_when_it_is_back(bench: Bench) -> None:
    node = await started(bench, "one")
    (process,) = [c.process for w in bench.kubelet.workers.values() for c in w.containers]
    bench.store.remove(NODE, "", node)
    await asyncio.sleep(0.1)
    assert process is not None
    assert process.running
    with pytest.raises(ApiError, match=f'nodes "{node}" not found'):
        await bench.logs(bench.get(POD, "one"), "main")
    create(bench.store, NODE, {"metadata": {"name": node}})
    await bench.until(lambda: is_ready(bench.get(NODE, node)), "the node is Ready")
    assert await bench.logs(bench.get(POD, "one"), "main") == "here\n"
    assert process.running


@on_bench
async def test_a_deleted_nodes_kubelet_that_was_stopped_starts_nothing(bench: Bench) -> None:
    switch(bench, "node-2", stop=True)
    await asyncio.sleep(0.1)
    bench.store.remove(NODE, "", "node-2")
    bench.apply(pod("one", LIVES).replace("  restartPolicy", "  nodeName: node-2\n  restartPolicy"))
    await asyncio.sleep(0.3)
    assert not bench.kubelet.workers
    create(bench.store, NODE, {"metadata": {"name": "node-2"}})
    await bench.until(lambda: is_ready(bench.get(POD, "one")), "the pod is Ready")
