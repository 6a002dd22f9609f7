"""States of a cluster in which the usual way of looking is wrong, and this one is not."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.probes.recorded import BORN, DEPLOYMENT, PODS, deployment, pod, seen

METRICS = "/apis/metrics.k8s.io/v1beta1/namespaces/shop/pods"
NODES = "/api/v1/nodes"
SCALERS = "/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers"
SETS = "/apis/apps/v1/namespaces/shop/replicasets"
EVENTS = "/api/v1/namespaces/shop/events"
SECRET = "/api/v1/namespaces/shop/secrets/keys"


def ago(seconds: float) -> str:
    return (datetime.now(UTC) - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def used(cpu: str, name: str = "web-1", age: float = 10) -> dict[str, Any]:
    containers = [{"name": "web", "usage": {"cpu": cpu, "memory": "64Mi"}}]
    return {"metadata": {"name": name}, "timestamp": ago(age), "containers": containers}


LIMITED = {"resources": {"limits": {"cpu": "1"}, "requests": {"cpu": "200m"}}}


def test_an_average_over_pods_hides_the_one_at_its_limit_and_the_worst_is_the_usual_answer() -> None:
    answers = {
        PODS: [pod("web-1", container=LIMITED), pod("web-2", container=LIMITED)],
        METRICS: [used("990m", "web-1"), used("10m", "web-2")],
    }
    assert seen(answers, "pod.cpu_ratio").value == Decimal("0.99")
    assert seen(answers, "pod.cpu_ratio", statistic="average").value == Decimal("0.5")
    assert seen(answers, "pod.cpu_ratio", of="request").value == Decimal("4.95")
    assert seen(answers, "pod.cpu").value == Decimal("0.99")


def test_metrics_that_stopped_an_hour_ago_say_nothing_of_now() -> None:
    answers = {PODS: [pod(container=LIMITED)], METRICS: [used("10m", age=3600)]}
    found = seen(answers, "pod.cpu_ratio")
    assert found.value is None
    assert found.problem.startswith("no metrics for web-1/web")


def test_restarts_of_last_year_are_none_of_this_quarter_of_an_hour() -> None:
    old = {"restartCount": 40, "lastState": {"terminated": {"finishedAt": BORN, "reason": "Error"}}}
    assert seen({PODS: [pod(status=old)]}, "pod.restarts").high == 0


def test_a_restart_in_the_window_is_at_least_one_and_at_most_all_there_ever_were() -> None:
    recent = {"restartCount": 4, "lastState": {"terminated": {"finishedAt": ago(60), "reason": "Error"}}}
    found = seen({PODS: [pod(status=recent)]}, "pod.restarts")
    assert (found.low, found.high) == (Decimal(1), Decimal(4))
    assert found.remedy
    young = seen({PODS: [pod(status=recent, born=ago(300))]}, "pod.restarts")
    assert (young.low, young.high) == (Decimal(4), Decimal(4))


def test_a_crash_loop_that_backs_off_for_longer_than_the_window_still_counts() -> None:
    looping = {
        "restartCount": 9,
        "state": {"waiting": {"reason": "CrashLoopBackOff"}},
        "lastState": {"terminated": {"finishedAt": ago(240), "reason": "Error"}},
    }
    assert seen({PODS: [pod(status=looping)]}, "pod.restarts", window="1m").low == 1


def test_a_kill_for_memory_is_seen_in_the_present_state_and_in_the_last_one() -> None:
    killed = {"finishedAt": ago(30), "reason": "OOMKilled"}
    now = {"state": {"terminated": killed}}
    before = {"restartCount": 1, "lastState": {"terminated": killed}}
    assert seen({PODS: [pod("web-1", now), pod("web-2", before)]}, "pod.oom_kills").value == 2
    error = {"restartCount": 1, "lastState": {"terminated": killed | {"reason": "Error"}}}
    assert seen({PODS: [pod(status=error)]}, "pod.oom_kills").high == 0


def test_a_node_that_went_silent_is_not_ready_and_a_cordoned_one_is() -> None:
    def node(name: str, ready: str, **spec: Any) -> dict[str, Any]:
        conditions = [{"type": "MemoryPressure", "status": "False"}, {"type": "Ready", "status": ready}]
        return {"metadata": {"name": name}, "spec": spec, "status": {"conditions": conditions}}

    answers = {NODES: [node("a", "True"), node("b", "Unknown"), node("c", "True", unschedulable=True)]}
    found = seen(answers, "nodes.not_ready", whom=None)
    assert found.value == 1
    assert found.where.endswith(": b")
    assert seen({NODES: []}, "nodes.not_ready", whom=None).value is None


def test_the_reserve_of_root_is_no_room_and_a_silent_node_could_be_full() -> None:
    disk = {"capacityBytes": 100, "availableBytes": 10, "usedBytes": 85}
    answers = {
        NODES: [{"metadata": {"name": "a"}}, {"metadata": {"name": "b"}}],
        f"{NODES}/a/proxy/stats/summary": {"node": {"fs": disk}},
    }
    found = seen(answers, "node.disk_ratio", whom=None)
    assert (found.value, found.high) == (Decimal("0.9"), Decimal(1))
    assert found.remedy == "look at the kubelets of b"


def test_an_ingress_without_an_address_has_none_however_good_its_rules_are() -> None:
    path = "/apis/networking.k8s.io/v1/namespaces/shop/ingresses/web"
    bare = {"metadata": {"name": "web"}, "spec": {"rules": [{"host": "shop.example"}]}}
    assert seen({path: bare}, "ingress.addresses").value == 0
    named = bare | {"status": {"loadBalancer": {"ingress": [{"hostname": "lb.example"}]}}}
    assert seen({path: named}, "ingress.addresses").value == 1


def test_the_image_is_what_the_pods_run_and_not_what_the_template_says_now() -> None:
    answers = {PODS: [pod("web-1"), pod("web-2", image="registry:5000/shop/web:v1")]}
    differing = seen(answers, "workload.image", part="tag")
    assert (differing.text, differing.texts) == ("v1, v2", ("v1", "v2"))
    assert seen({PODS: []}, "workload.image", part="repository").text == "registry:5000/shop/web"
    pulled = {"imageID": "docker-pullable://registry:5000/shop/web@sha256:abc"}
    assert seen({PODS: [pod(status=pulled)]}, "workload.image", part="digest").text == "sha256:abc"
    assert seen({PODS: [pod(image="localhost:5000/web")]}, "workload.image", part="tag").text == "latest"


def scaler(name: str, scaled: str = "web", most: int = 10) -> dict[str, Any]:
    metric = {
        "type": "Resource",
        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}},
    }
    reference = {"kind": "Deployment", "name": scaled}
    spec = {"scaleTargetRef": reference, "minReplicas": 2, "maxReplicas": most, "metrics": [metric]}
    return {"metadata": {"name": name}, "spec": spec}


def test_two_autoscalers_that_contradict_each_other_have_no_bound() -> None:
    one, other = scaler("a"), scaler("b", most=20)
    answers = {SCALERS: [one, other, scaler("c", scaled="worker")]}
    assert seen(answers, "autoscaler.count").value == 2
    assert seen(answers, "autoscaler.min_replicas").value == 2
    found = seen(answers, "autoscaler.max_replicas")
    assert (found.value, found.remedy) == (None, "leave one of them")
    assert seen({SCALERS: [one]}, "autoscaler.cpu_target").value == Decimal("0.7")
    assert seen({SCALERS: [one]}, "autoscaler.memory_target").value is None


@pytest.mark.parametrize(
    "status",
    [{"observedGeneration": 1}, {"updatedReplicas": 1}, {"replicas": 3}, {"availableReplicas": 1}],
    ids=["not seen yet", "half way", "old ones left", "not available"],
)
def test_a_rollout_is_incomplete_while_anything_is_missing_though_enough_pods_are_ready(status: dict[str, int]) -> None:
    stuck = deployment(readyReplicas=2, **status)
    assert seen({DEPLOYMENT: stuck}, "rollout.incomplete").value == 1
    assert seen({}, "rollout.incomplete").value == 0


def replica_set(created: str, revision: int, **annotations: str) -> dict[str, Any]:
    noted = {"deployment.kubernetes.io/revision": str(revision)} | annotations
    owner = [{"uid": "d1", "kind": "Deployment"}]
    return {
        "metadata": {
            "name": f"web-{revision}",
            "creationTimestamp": created,
            "annotations": noted,
            "ownerReferences": owner,
        }
    }


def progressing(reason: str, at: str, since: str = BORN) -> dict[str, Any]:
    """Of a Deployment whose condition last became True at ``since``."""
    times = {"lastUpdateTime": at, "lastTransitionTime": since}
    return deployment(conditions=[{"type": "Progressing", "status": "True", "reason": reason} | times])


def test_a_rollout_took_from_its_own_replica_set_to_its_end_and_not_since_the_deployments_birth() -> None:
    done = progressing("NewReplicaSetAvailable", "2026-01-01T00:02:00Z")
    answers = {DEPLOYMENT: done, SETS: [replica_set(BORN, 1), replica_set("2026-01-01T00:00:00Z", 2)]}
    assert seen(answers, "rollout.took").value == 120


def test_a_rollout_that_was_paused_for_a_while_took_at_most_until_it_went_on() -> None:
    resumed = progressing("NewReplicaSetAvailable", "2026-01-01T01:00:00Z", since="2026-01-01T01:00:00Z")
    found = seen({DEPLOYMENT: resumed, SETS: [replica_set("2026-01-01T00:00:00Z", 1)]}, "rollout.took")
    assert found.low == 0
    assert found.high == 3600
    assert "interrupted" in found.remedy


def test_a_rollout_under_way_has_taken_at_least_so_long() -> None:
    answers = {DEPLOYMENT: progressing("ReplicaSetUpdated", ago(60)), SETS: [replica_set(ago(300), 1)]}
    found = seen(answers, "rollout.took")
    assert found.low is not None
    assert 290 < found.low < 360
    assert found.high == Decimal("Infinity")


@pytest.mark.parametrize("words", ["from 0 to 1", "to 1 from 0"])
def test_a_rollback_began_when_its_old_replica_set_was_given_a_pod_again(words: str) -> None:
    again = replica_set(BORN, 3, **{"deployment.kubernetes.io/revision-history": "1"})
    said = {"message": f"Scaled up replica set web-3 {words}", "lastTimestamp": "2026-01-01T00:00:00Z"}
    others = [
        {"message": "Scaled up replica set web-3 from 1 to 2", "lastTimestamp": "2026-01-01T00:01:00Z"},
        {"message": "Scaled up replica set web-2 from 0 to 1", "lastTimestamp": "2026-01-01T00:01:00Z"},
    ]
    answers: dict[str, Any] = {
        DEPLOYMENT: progressing("NewReplicaSetAvailable", "2026-01-01T00:02:00Z"),
        SETS: [again],
        EVENTS: [said, *others],
    }
    assert seen(answers, "rollout.took").value == 120


def test_without_an_event_nobody_knows_when_a_rollback_began() -> None:
    again = replica_set(BORN, 3, **{"deployment.kubernetes.io/revision-history": "1"})
    answers: dict[str, Any] = {DEPLOYMENT: progressing("NewReplicaSetAvailable", ago(5)), SETS: [again], EVENTS: []}
    assert "rollback" in seen(answers, "rollout.took").problem


def test_tests_of_an_earlier_release_say_nothing_of_this_one() -> None:
    def test_pod(name: str, created: str, phase: str) -> dict[str, Any]:
        noted = {"name": name, "creationTimestamp": created, "annotations": {"helm.sh/hook": "test"}}
        return {"metadata": noted, "status": {"phase": phase}}

    answers: dict[str, Any] = {"/apis/batch/v1/namespaces/shop/jobs": [], SETS: [replica_set(ago(600), 1)]}
    old = answers | {PODS: [test_pod("old", BORN, "Succeeded")]}
    assert seen(old, "release.failed_tests").problem == "no test has run since the newest release"
    failed = answers | {PODS: [test_pod("a", ago(60), "Failed"), test_pod("b", ago(60), "Running")]}
    found = seen(failed, "release.failed_tests")
    assert (found.value, found.high) == (Decimal(1), Decimal(2))


def test_a_quota_is_as_full_as_its_fullest_resource_in_kubernetes_own_units() -> None:
    hard, taken = {"requests.cpu": "2", "requests.memory": "1Gi"}, {"requests.cpu": "1900m", "requests.memory": "1G"}
    quota = {"metadata": {"name": "q", "namespace": "shop"}, "spec": {"hard": hard}, "status": {"used": taken}}
    path = "/api/v1/namespaces/shop/resourcequotas"
    assert seen({path: [quota]}, "quota.used_ratio").value == Decimal("0.95")
    assert seen({path: [quota | {"status": {}}]}, "quota.used_ratio").value is None
    assert seen({path: []}, "quota.used_ratio").remedy == "create a ResourceQuota"


def test_claims_without_a_volume_are_counted_and_named() -> None:
    def claim(name: str, phase: str) -> dict[str, Any]:
        return {"metadata": {"name": name, "namespace": "shop"}, "status": {"phase": phase}}

    path = "/api/v1/namespaces/shop/persistentvolumeclaims"
    found = seen({path: [claim("a", "Bound"), claim("b", "Lost"), claim("c", "Pending")]}, "claims.unbound")
    assert found.value == 2
    assert found.where.endswith("shop/b, shop/c")


def test_a_secret_rotated_in_place_is_as_old_as_its_data_and_not_as_itself() -> None:
    written = {"time": ago(3600), "fieldsV1": {"f:data": {"f:jwt": {}}}}
    labelled = {"time": ago(60), "fieldsV1": {"f:metadata": {"f:labels": {}}}}
    secret = {"metadata": {"name": "keys", "creationTimestamp": BORN, "managedFields": [written, labelled]}}
    age = seen({SECRET: secret}, "secret.age", secret="keys").value
    assert age is not None
    assert 3590 < age < 3660
    bare = seen({SECRET: {"metadata": {"name": "keys", "creationTimestamp": BORN}}}, "secret.age", secret="keys")
    assert bare.low == 0
    assert bare.high == bare.value


def test_the_length_of_a_secret_is_that_of_its_value_and_the_value_is_never_told() -> None:
    value = base64.b64encode(b"hunter2-hunter2-hunter2-hunter2!")  # 32 bytes, as `openssl rand -base64 32` writes them
    stored = base64.b64encode(value + b"\n").decode()
    secret = {"metadata": {"name": "keys", "creationTimestamp": BORN}, "data": {"jwt": stored}}
    found = seen({SECRET: secret}, "secret.length", secret="keys", key="jwt", encoding="base64")
    assert found.value == 32
    assert found.evidence["line_break_at_end"] is True
    assert seen({SECRET: secret}, "secret.length", secret="keys", key="jwt").value == 44
    for text in ("hunter2", value.decode(), stored):
        assert text not in repr(found)


def test_a_log_of_the_life_before_the_restart_is_read_too() -> None:
    restarted = {"restartCount": 1, "lastState": {"terminated": {"finishedAt": ago(30), "reason": "Error"}}}
    answers = {PODS: [pod(status=restarted)], f"{PODS}/web-1/log": "fine\nConnection pool exhausted\n"}
    found = seen(answers, "log.matches", pattern="pool exhausted")
    assert (found.value, found.samples) == (Decimal(2), 2)
    assert "no regular expression" in seen(answers, "log.matches", pattern="(").problem
    assert "duration above zero" in seen(answers, "log.matches", pattern="a", window="0s").problem
