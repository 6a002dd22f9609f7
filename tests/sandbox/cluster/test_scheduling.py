"""Where pods go, and what is said of those that fit nowhere."""

from __future__ import annotations

from drillbook.sandbox.controllers.pods import condition
from drillbook.sandbox.kinds import DEPLOYMENT, NODE, POD
from tests.sandbox.cluster.bench import Bench, on_bench
from tests.sandbox.cluster.deployments import deployment, done


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
