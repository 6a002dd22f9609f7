"""PodDisruptionBudgets: how many pods may be evicted. That an eviction too many answers 429 is the API's to show."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drillbook.sandbox.certificates import Authority
from drillbook.sandbox.controllers.controller import owner_reference
from drillbook.sandbox.controllers.disruption_budget import DisruptionBudgets, share
from drillbook.sandbox.kinds import DEPLOYMENT, DISRUPTION_BUDGET, JOB, POD, REPLICA_SET, STATEFUL_SET, Object
from tests.sandbox.controllers.stage import Stage, condition_of, container, pod_body, staged

LABELS = {"app": "web"}
SELECTOR = {"matchLabels": LABELS}


@pytest.fixture
def bench(stage: Stage) -> Stage:
    stage.add(lambda cluster: DisruptionBudgets(cluster, stage.clock))
    return stage


def workload(stage: Stage, replicas: int, ready: int, *, of: int | None = None) -> list[Object]:
    """A Deployment of ``replicas`` with ``of`` pods (as many, when not said), of which some are ready."""
    template = {"metadata": {"labels": LABELS}, "spec": {"containers": [container()]}}
    spec = {"replicas": replicas, "selector": SELECTOR, "template": template}
    deployment = stage.create(DEPLOYMENT, "web", spec=spec)
    reference = owner_reference(deployment)
    replica_set = stage.create(REPLICA_SET, "web-1", metadata={"ownerReferences": [reference]}, spec=spec)
    return pods_of(stage, replica_set, replicas if of is None else of, ready)


def pods_of(stage: Stage, owner: Object, count: int, ready: int) -> list[Object]:
    made = []
    for number in range(count):
        body = pod_body(LABELS)
        body["metadata"]["ownerReferences"] = [owner_reference(owner)]
        pod = stage.create(POD, f"{owner['metadata']['name']}-{number}", **body)
        stage.run(pod, ready=number < ready)
        made.append(pod)
    return made


def budget(stage: Stage, **spec: Any) -> Object:
    stage.create(DISRUPTION_BUDGET, "web", spec={"selector": SELECTOR, **spec})
    stage.settle()
    return dict(stage.get(DISRUPTION_BUDGET, "web")["status"])


@pytest.mark.parametrize(
    ("spec", "replicas", "ready", "desired", "allowed"),
    [
        ({"minAvailable": 2}, 3, 3, 2, 1),
        ({"minAvailable": 2}, 3, 2, 2, 0),
        ({"minAvailable": 2}, 3, 1, 2, 0),
        ({"minAvailable": 0}, 3, 3, 0, 3),
        ({"minAvailable": "50%"}, 3, 3, 2, 1),
        ({"minAvailable": "100%"}, 3, 3, 3, 0),
        ({"minAvailable": "0%"}, 3, 3, 0, 3),
        ({"maxUnavailable": 1}, 3, 3, 2, 1),
        ({"maxUnavailable": 1}, 3, 2, 2, 0),
        ({"maxUnavailable": 0}, 3, 3, 3, 0),
        ({"maxUnavailable": "30%"}, 7, 7, 4, 3),
        ({"maxUnavailable": "100%"}, 3, 3, 0, 3),
        ({"maxUnavailable": 5}, 3, 3, 0, 3),
    ],
)
def test_what_must_stay_and_what_may_go(
    bench: Stage, spec: dict[str, Any], replicas: int, ready: int, desired: int, allowed: int
) -> None:
    workload(bench, replicas, ready)
    status = budget(bench, **spec)
    assert (status["expectedPods"], status["currentHealthy"]) == (replicas, ready)
    assert (status["desiredHealthy"], status["disruptionsAllowed"]) == (desired, allowed)
    reason = "SufficientPods" if allowed else "InsufficientPods"
    assert condition_of({"status": status}, "DisruptionAllowed") == (str(allowed > 0), reason)


def test_percentages_count_the_replicas_that_were_asked_for_not_the_pods_that_there_are(bench: Stage) -> None:
    workload(bench, 4, 2, of=2)
    status = budget(bench, maxUnavailable="50%")
    assert (status["expectedPods"], status["desiredHealthy"], status["disruptionsAllowed"]) == (4, 2, 0)


def test_an_absolute_minimum_counts_the_pods_that_there_are(bench: Stage) -> None:
    workload(bench, 4, 2, of=2)
    assert budget(bench, minAvailable=1)["expectedPods"] == 2


def test_pods_of_two_workloads_add_up(bench: Stage) -> None:
    workload(bench, 2, 2)
    template = {"metadata": {"labels": LABELS}, "spec": {"containers": [container()]}}
    spec = {"replicas": 2, "selector": SELECTOR, "template": template, "serviceName": "web"}
    pods_of(bench, bench.create(STATEFUL_SET, "db", spec=spec), 2, 2)
    status = budget(bench, maxUnavailable="25%")
    assert (status["expectedPods"], status["disruptionsAllowed"]) == (4, 1)


def test_a_pod_that_becomes_unready_takes_the_allowance_away_at_once(bench: Stage) -> None:
    pods = workload(bench, 3, 3)
    assert budget(bench, maxUnavailable=1)["disruptionsAllowed"] == 1
    bench.run(pods[0], ready=False)
    bench.settle()
    assert bench.get(DISRUPTION_BUDGET, "web")["status"]["disruptionsAllowed"] == 0


def test_a_pod_that_is_being_deleted_is_not_healthy(bench: Stage) -> None:
    pods = workload(bench, 3, 3)
    budget(bench, minAvailable=2)
    bench.store.mark_deleted(POD, "shop", pods[0]["metadata"]["name"], 30)
    bench.settle()
    assert bench.get(DISRUPTION_BUDGET, "web")["status"]["disruptionsAllowed"] == 0


def test_a_granted_eviction_counts_until_the_pod_is_deleted_or_two_minutes_have_passed(bench: Stage) -> None:
    pods = workload(bench, 3, 3)
    budget(bench, minAvailable=2)
    granted = {pods[0]["metadata"]["name"]: bench.now()}
    bench.change(DISRUPTION_BUDGET, "web", lambda draft: draft["status"].update(disruptedPods=granted))
    bench.settle()
    status = bench.get(DISRUPTION_BUDGET, "web")["status"]
    assert (status["currentHealthy"], status["disruptionsAllowed"]) == (2, 0)
    bench.advance(121)
    status = bench.get(DISRUPTION_BUDGET, "web")["status"]
    assert (status["currentHealthy"], status["disruptionsAllowed"]) == (3, 1)
    assert "disruptedPods" not in status
    assert "NotDeleted" in bench.reasons()


def test_pods_whose_controller_has_no_size_stop_every_disruption(bench: Stage) -> None:
    template = {"spec": {"containers": [container()], "restartPolicy": "Never"}}
    pods_of(bench, bench.create(JOB, "work", spec={"template": template}), 2, 2)
    status = budget(bench, maxUnavailable=1)
    assert status["disruptionsAllowed"] == 0
    assert condition_of({"status": status}, "DisruptionAllowed") == ("False", "SyncFailed")


def test_pods_without_a_controller_are_left_out_with_a_warning(bench: Stage) -> None:
    bench.run(bench.create(POD, "lone", **pod_body(LABELS)))
    status = budget(bench, maxUnavailable=1)
    assert (status["expectedPods"], status["disruptionsAllowed"]) == (0, 0)
    assert "UnmanagedPods" in bench.reasons()


def test_an_absolute_minimum_takes_pods_without_a_controller(bench: Stage) -> None:
    for name in ("one", "two"):
        bench.run(bench.create(POD, name, **pod_body(LABELS)))
    assert budget(bench, minAvailable=1)["disruptionsAllowed"] == 1
    assert "UnmanagedPods" not in bench.reasons()


def test_a_budget_that_selects_nothing_allows_nothing(bench: Stage) -> None:
    workload(bench, 3, 3)
    bench.create(DISRUPTION_BUDGET, "other", spec={"selector": {"matchLabels": {"app": "other"}}, "minAvailable": 0})
    bench.settle()
    assert bench.get(DISRUPTION_BUDGET, "other")["status"]["disruptionsAllowed"] == 0


def test_scaling_the_workload_moves_the_budget(bench: Stage) -> None:
    workload(bench, 3, 3)
    assert budget(bench, maxUnavailable="50%")["desiredHealthy"] == 1
    bench.change(DEPLOYMENT, "web", lambda draft: draft["spec"].update(replicas=6))
    bench.settle()
    assert bench.get(DISRUPTION_BUDGET, "web")["status"]["desiredHealthy"] == 3


@given(st.integers(0, 100), st.integers(0, 500))
def test_a_percentage_is_rounded_up(percent: int, of: int) -> None:
    found = share(f"{percent}%", of)
    assert 100 * found >= percent * of > 100 * (found - 1) or found == 0 == percent * of


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    replicas=st.integers(1, 8),
    unready=st.integers(0, 8),
    bound=st.integers(0, 10),
    percent=st.booleans(),
    least=st.booleans(),
)
def test_evicting_as_many_as_allowed_leaves_as_many_as_desired(
    authority: Authority, replicas: int, unready: int, bound: int, percent: bool, least: bool
) -> None:
    with staged(authority) as stage:
        stage.add(lambda cluster: DisruptionBudgets(cluster, stage.clock))
        workload(stage, replicas, replicas - min(unready, replicas))
        value = f"{bound * 10}%" if percent else bound
        status = budget(stage, **{"minAvailable" if least else "maxUnavailable": value})
        assert 0 <= status["disruptionsAllowed"] <= status["currentHealthy"]
        if status["disruptionsAllowed"]:
            assert status["currentHealthy"] - status["disruptionsAllowed"] == status["desiredHealthy"]
        else:
            assert status["currentHealthy"] <= status["desiredHealthy"]
