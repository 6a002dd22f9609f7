"""Post-conditions of workloads, caches and words in a running Solar: each was seen to hold, and to be broken."""

from __future__ import annotations

import pytest

from drillbook.clients.kube import Kube
from drillbook.faults.workloads import set_replicas
from drillbook.model.policy import Workload
from drillbook.model.verdict import Status
from tests.drills.conftest import NAMESPACE, Solar
from tests.drills.witnessing import witness

PASS, FAIL, UNSEEN = Status.PASS, Status.FAIL, Status.INCONCLUSIVE
RESTART = ("{type: rollout_restart, component: frontend}", "{type: rollout_status, component: frontend, within: 60 s}")
FLUSH = "{type: redis, component: cache, command: [FLUSHALL], writes: true}"
CLEAR = '{type: redis_delete, component: cache, pattern: "cache:*"}'


async def frontend_away(kube: Kube) -> None:
    await set_replicas(kube, Workload("deployment", "frontend"), NAMESPACE, 0)


@pytest.mark.slow
def test_pods_that_a_restart_replaced_are_replaced_and_those_that_nobody_touched_are_not(system: Solar) -> None:
    assert witness(system, "{type: pods_replaced, component: frontend}", *RESTART).status is PASS
    left = witness(system, "{type: pods_replaced, component: frontend}")
    assert (left.status, "to be younger than the procedure" in left.reason) == (FAIL, True)


@pytest.mark.slow
def test_replicas_that_the_procedure_did_not_bring_back_are_missed(system: Solar) -> None:
    then = "{type: replicas_restored, component: frontend}"
    try:
        missed = witness(system, then, fault=frontend_away)
        assert (missed.status, "as before the fault, found 0 asked for" in missed.reason) == (FAIL, True)
    finally:
        back = ("{type: scale, component: frontend, replicas: 3}",
                "{type: wait_ready, component: frontend, within: 60 s}")  # fmt: skip
        restored = witness(system, "{type: replicas_restored, component: frontend, replicas: 3}", *back)
    assert (restored.status, restored.text) == (PASS, "replicas_restored frontend to 3")


@pytest.mark.slow
def test_the_live_version_is_what_every_pod_runs(system: Solar) -> None:
    assert witness(system, "{type: live_version, component: frontend}").status is PASS
    other = witness(system, '{type: live_version, component: frontend, image: "ghcr.io/org/other:v9"}')
    assert (other.status, "to run ghcr.io/org/other:v9" in other.reason) == (FAIL, True)


def test_capacity_fits_while_every_pod_has_a_node(system: Solar) -> None:
    found = witness(system, "{type: capacity_fit}")
    assert (found.status, found.reason) == (PASS, "every pod has a node")


def test_nothing_drifts_where_nobody_changes_anything_and_a_patch_is_seen(system: Solar) -> None:
    async def relabel(kube: Kube) -> None:
        await kube.patch(
            f"/api/v1/namespaces/{NAMESPACE}/services/frontend", {"metadata": {"labels": {"planted": "x"}}}
        )

    async def back(kube: Kube) -> None:
        await kube.patch(
            f"/api/v1/namespaces/{NAMESPACE}/services/frontend", {"metadata": {"labels": {"planted": None}}}
        )

    assert witness(system, "{type: no_drift}").status is PASS
    try:
        changed = witness(system, "{type: no_drift}", fault=relabel)
    finally:
        system.on_kube(back)
    assert (changed.status, "Service solar-pv-llm-ai/frontend is changed" in changed.reason) == (FAIL, True)


@pytest.mark.slow
def test_a_flush_of_a_pattern_leaves_the_rest_and_a_flush_of_all_does_not(system: Solar) -> None:
    then = '{type: keys_gone, component: cache, pattern: "cache:*"}'
    assert witness(system, then, CLEAR).status is PASS
    flushed = witness(system, then, FLUSH)
    assert (flushed.status, "that was there before" in flushed.reason) == (FAIL, True)
    untouched = witness(system, then)
    assert (untouched.status, "still there" in untouched.reason) == (FAIL, True)


@pytest.mark.slow
def test_a_queue_is_intact_while_every_task_is_executed_once(system: Solar) -> None:
    found = witness(system, "{type: queue_intact, component: cache}", CLEAR, *RESTART)
    assert (found.status, "that were enqueued meanwhile were executed once" in found.reason) == (PASS, True)


def test_a_queue_that_takes_no_tasks_is_not_seen(system: Solar) -> None:
    found = witness(system, "{type: queue_intact, component: cache, path: /nowhere}", CLEAR)
    assert (found.status, "took no task at the front door" in found.reason) == (UNSEEN, True)


def test_a_documented_command_with_a_placeholder_or_a_terminal_cannot_be_followed(system: Solar) -> None:
    good = '{type: exec, component: api, command: ["true"]}'
    assert witness(system, "{type: procedure_lint}", good).status is PASS
    bad = '{type: exec, component: api, command: [sh, -c, "true", "<pod>"]}'
    placeholder = witness(system, "{type: procedure_lint}", bad)
    assert (placeholder.status, "the placeholder <pod>" in placeholder.reason) == (FAIL, True)


def test_what_a_cloud_would_have_to_say_is_never_a_pass(system: Solar) -> None:
    assert witness(system, "{type: recovered_instance_equivalent}").status is UNSEEN
