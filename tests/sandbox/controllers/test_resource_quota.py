"""ResourceQuotas: what counts, what is refused, and in which words."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drillbook.sandbox.api.quantities import parse
from drillbook.sandbox.certificates import Authority
from drillbook.sandbox.controllers.replica_set import ReplicaSets
from drillbook.sandbox.controllers.resource_quota import ResourceQuotas
from drillbook.sandbox.kinds import (
    CLAIM,
    CONFIG_MAP,
    DEPLOYMENT,
    POD,
    PRIORITY_CLASS,
    REPLICA_SET,
    RESOURCE_QUOTA,
    SERVICE,
    Object,
)
from drillbook.sandbox.quota import check_quota
from drillbook.sandbox.status import ApiError
from drillbook.sandbox.usage import Amount, resources_of
from tests.sandbox.controllers.stage import NAMESPACE, Stage, container, named_pod, pod_body, staged


@pytest.fixture
def bench(stage: Stage) -> Stage:
    stage.add(ResourceQuotas)
    return stage


def quota(stage: Stage, hard: dict[str, str], **spec: Any) -> None:
    stage.create(RESOURCE_QUOTA, "team", spec={"hard": hard, **spec})
    stage.settle()


def used(stage: Stage) -> dict[str, str]:
    stage.settle()
    return dict(stage.get(RESOURCE_QUOTA, "team")["status"]["used"])


def refusal(stage: Stage, obj: Object, kind: Any = POD, old: Object | None = None) -> ApiError:
    with pytest.raises(ApiError) as caught:
        check_quota(stage.store, kind, obj, old)
    return caught.value


def test_used_follows_what_comes_and_goes(bench: Stage) -> None:
    quota(bench, {"pods": "5", "requests.cpu": "1", "limits.memory": "1Gi", "count/configmaps": "10"})
    assert used(bench) == {"pods": "0", "requests.cpu": "0", "limits.memory": "0", "count/configmaps": "0"}
    for name in ("one", "two"):
        bench.create(POD, name, **pod_body({}, requests={"cpu": "150m"}, limits={"memory": "128Mi"}))
    bench.create(CONFIG_MAP, "settings")
    assert used(bench) == {"pods": "2", "requests.cpu": "300m", "limits.memory": "256Mi", "count/configmaps": "1"}
    bench.kill(bench.get(POD, "one"))
    assert used(bench)["pods"] == "1"
    assert bench.get(RESOURCE_QUOTA, "team")["status"]["hard"]["limits.memory"] == "1Gi"


def test_a_pod_that_has_ended_takes_nothing_but_is_still_an_object(bench: Stage) -> None:
    quota(bench, {"pods": "5", "cpu": "1", "count/pods": "5"})
    bench.end(bench.create(POD, "done", **pod_body({}, requests={"cpu": "100m"})))
    assert used(bench) == {"pods": "0", "cpu": "0", "count/pods": "1"}


def test_a_pod_too_many_is_refused_in_kubernetes_words(bench: Stage) -> None:
    quota(bench, {"pods": "1", "requests.cpu": "1"})
    bench.create(POD, "one", **pod_body({}, requests={"cpu": "700m"}))
    error = refusal(bench, named_pod(requests={"cpu": "500m"}))
    assert (error.code, error.reason) == (403, "Forbidden")
    assert error.message == (
        'pods "new" is forbidden: exceeded quota: team, requested: pods=1,requests.cpu=500m, '
        "used: pods=1,requests.cpu=700m, limited: pods=1,requests.cpu=1"
    )


def test_only_what_is_exceeded_is_named(bench: Stage) -> None:
    quota(bench, {"pods": "5", "requests.memory": "100Mi"})
    message = refusal(bench, named_pod(requests={"memory": "128Mi"})).message
    assert "requested: requests.memory=128Mi, used: requests.memory=0, limited: requests.memory=100Mi" in message
    assert "pods=" not in message


def test_what_just_fits_is_let_in(bench: Stage) -> None:
    quota(bench, {"requests.cpu": "1"})
    bench.create(POD, "one", **pod_body({}, requests={"cpu": "600m"}))
    check_quota(bench.store, POD, named_pod(requests={"cpu": "0.4"}))


def test_a_container_that_does_not_say_what_a_quota_limits_is_refused(bench: Stage) -> None:
    quota(bench, {"limits.cpu": "1", "requests.memory": "1Gi"})
    body = named_pod(requests={"memory": "1Mi"})
    body["spec"]["containers"].append(container("side"))
    message = refusal(bench, body).message
    assert message == (
        'pods "new" is forbidden: failed quota: team: must specify limits.cpu for: main,side; requests.memory for: side'
    )


def test_other_namespaces_have_room_of_their_own(bench: Stage) -> None:
    quota(bench, {"pods": "0"})
    body = named_pod()
    body["metadata"]["namespace"] = "elsewhere"
    check_quota(bench.store, POD, body)
    refusal(bench, named_pod())


def test_any_kind_can_be_counted(bench: Stage) -> None:
    quota(bench, {"count/deployments.apps": "1"})
    template = {"spec": {"containers": [container()]}}
    spec = {"selector": {"matchLabels": {"app": "web"}}, "template": template}
    bench.create(DEPLOYMENT, "web", spec=spec)
    body = {"metadata": {"name": "second", "namespace": NAMESPACE}, "spec": spec}
    message = refusal(bench, body, DEPLOYMENT).message
    assert 'deployments.apps "second" is forbidden: exceeded quota: team' in message
    assert used(bench) == {"count/deployments.apps": "1"}


def test_services_of_every_sort_are_counted(bench: Stage) -> None:
    quota(bench, {"services": "5", "services.nodeports": "2", "services.loadbalancers": "0"})
    ports = [{"port": 80}, {"port": 443}]
    bench.create(SERVICE, "open", spec={"type": "NodePort", "ports": ports})
    bench.create(SERVICE, "inner", spec={"ports": ports})
    assert used(bench) == {"services": "2", "services.nodeports": "2", "services.loadbalancers": "0"}
    body = {"metadata": {"name": "lb", "namespace": NAMESPACE}, "spec": {"type": "LoadBalancer", "ports": ports[:1]}}
    assert "services.loadbalancers=1,services.nodeports=1" in refusal(bench, body, SERVICE).message


def test_a_change_counts_only_what_it_adds(bench: Stage) -> None:
    quota(bench, {"services": "1", "services.nodeports": "1"})
    old = bench.create(SERVICE, "web", spec={"type": "ClusterIP", "ports": [{"port": 80}]})
    new = old | {"spec": old["spec"] | {"type": "NodePort"}}
    check_quota(bench.store, SERVICE, new, old)
    wider = new | {"spec": new["spec"] | {"ports": [{"port": 80}, {"port": 81}]}}
    assert "services.nodeports=2" in refusal(bench, wider, SERVICE, old).message


def test_storage_is_counted_in_all_and_by_class(bench: Stage) -> None:
    quota(
        bench,
        {
            "requests.storage": "10Gi",
            "persistentvolumeclaims": "5",
            "fast.storageclass.storage.k8s.io/requests.storage": "2Gi",
        },
    )
    for name, class_, size in (("a", "fast", "1Gi"), ("b", "slow", "3Gi")):
        spec = {"storageClassName": class_, "resources": {"requests": {"storage": size}}}
        bench.create(CLAIM, name, spec=spec)
    assert used(bench) == {
        "requests.storage": "4Gi",
        "persistentvolumeclaims": "2",
        "fast.storageclass.storage.k8s.io/requests.storage": "1Gi",
    }


@pytest.mark.parametrize(
    ("scope", "counts"), [("BestEffort", "1"), ("NotBestEffort", "1"), ("Terminating", "0"), ("NotTerminating", "2")]
)
def test_a_scope_narrows_what_counts(bench: Stage, scope: str, counts: str) -> None:
    bench.create(POD, "plain", **pod_body())
    bench.create(POD, "sized", **pod_body({}, requests={"cpu": "1"}))
    quota(bench, {"pods": "5"}, scopes=[scope])
    assert used(bench) == {"pods": counts}


def test_a_priority_class_scope_counts_its_pods(bench: Stage) -> None:
    bench.create(PRIORITY_CLASS, "high", value=10)
    body = pod_body()
    body["spec"]["priorityClassName"] = "high"
    bench.create(POD, "important", **body)
    bench.create(POD, "plain", **pod_body())
    selector = {"matchExpressions": [{"scopeName": "PriorityClass", "operator": "In", "values": ["high"]}]}
    quota(bench, {"pods": "1"}, scopeSelector=selector)
    assert used(bench) == {"pods": "1"}
    check_quota(bench.store, POD, named_pod())


def test_init_containers_count_by_their_largest_step_and_sidecars_throughout() -> None:
    spec = {
        "initContainers": [
            container("early", requests={"cpu": "900m"}),
            container("side", requests={"cpu": "100m"}) | {"restartPolicy": "Always"},
            container("late", requests={"cpu": "300m"}),
        ],
        "containers": [container(requests={"cpu": "200m"}), container("b", requests={"cpu": "250m"})],
    }
    assert str(resources_of({"spec": spec}, "requests")["cpu"]) == "900m"
    spec["initContainers"][0] = container("early", requests={"cpu": "500m"})
    assert str(resources_of({"spec": spec}, "requests")["cpu"]) == "550m"


SIZES = st.builds(
    lambda number, unit: f"{number}{unit}", st.integers(0, 5000), st.sampled_from(["", "m", "k", "Ki", "Mi"])
)


@given(st.lists(SIZES, min_size=1, max_size=8))
def test_a_sum_of_quantities_is_written_without_losing_anything(texts: list[str]) -> None:
    amount = Amount(Decimal(0))
    for text in texts:
        amount += Amount.read(text)
    # Powers of 1024 have no fractions: a sum with thousandths is rounded up to a whole byte, as Kubernetes does.
    exact = sum((parse(text) for text in texts), Decimal(0))
    assert 0 <= parse(str(amount)) - exact < 1


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(limit=st.integers(0, 2000), asks=st.lists(st.integers(1, 900), max_size=12))
def test_whoever_asks_never_gets_more_than_the_quota(authority: Authority, limit: int, asks: list[int]) -> None:
    with staged(authority) as stage:
        stage.add(ResourceQuotas)
        quota(stage, {"requests.cpu": f"{limit}m"})
        given_out = 0
        for number, ask in enumerate(asks):
            body = named_pod(f"p{number}", requests={"cpu": f"{ask}m"})
            try:
                check_quota(stage.store, POD, body)
            except ApiError:
                assert given_out + ask > limit
                continue
            given_out += ask
            stage.create(POD, f"p{number}", **pod_body({}, requests={"cpu": f"{ask}m"}))
        assert given_out <= limit
        assert parse(used(stage)["requests.cpu"]) * 1000 == given_out


def test_a_replica_set_that_hits_a_quota_says_so_and_goes_on_when_there_is_room(stage: Stage) -> None:
    stage.add(ReplicaSets)
    quota(stage, {"pods": "2"})
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container()]}}
    spec = {"replicas": 3, "selector": {"matchLabels": {"app": "web"}}, "template": template}
    stage.create(REPLICA_SET, "web", spec=spec)
    stage.settle()
    assert len(stage.pods()) == 2
    assert "exceeded quota: team, requested: pods=1, used: pods=2, limited: pods=2" in stage.said("FailedCreate")[0]
    assert stage.get(REPLICA_SET, "web")["status"]["replicas"] == 2
    stage.change(RESOURCE_QUOTA, "team", lambda draft: draft["spec"].update(hard={"pods": "3"}))
    stage.advance(31)
    assert len(stage.pods()) == 3
