"""HorizontalPodAutoscalers, as Kubernetes moves replicas; the tests play metrics.k8s.io and the workload."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from drillbook.sandbox.agent import PodUsage
from drillbook.sandbox.controllers.autoscaler import Autoscalers
from drillbook.sandbox.controllers.labels import labels_of
from drillbook.sandbox.kinds import AUTOSCALER, DEPLOYMENT, POD, Object
from tests.sandbox.controllers.stage import NAMESPACE, Stage, condition_of, container, pod_body

LABELS = {"app": "web"}
CPU_80 = [
    {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}
]
TEN_MINUTES = 600.0


@dataclass
class Meter:
    """What the pods use, set by tests: cores and bytes by pod name."""

    stage: Stage
    readings: dict[str, tuple[float, int]] = field(default_factory=dict)

    def __call__(self) -> list[PodUsage]:
        now = self.stage.clock.now()
        return [
            PodUsage(NAMESPACE, name, LABELS, now, 15.0, {"main": (cores, size)})
            for name, (cores, size) in self.readings.items()
        ]

    def all(self, cores: float, size: int = 0) -> None:
        """Every pod uses as much."""
        self.readings = {pod["metadata"]["name"]: (cores, size) for pod in self.stage.pods()}


@pytest.fixture
def meter(stage: Stage) -> Meter:
    return Meter(stage)


@pytest.fixture
def bench(stage: Stage, meter: Meter) -> Stage:
    stage.add(lambda cluster: Autoscalers(cluster, meter, stage.clock))
    return stage


def workload(stage: Stage, replicas: int, *, requests: dict[str, str] | None = None) -> None:
    """A Deployment whose pods have been running for ten minutes."""
    asked = {"cpu": "100m", "memory": "100Mi"} if requests is None else requests
    template = {"metadata": {"labels": LABELS}, "spec": {"containers": [container(requests=asked)]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": LABELS}, "template": template}
    stage.create(DEPLOYMENT, "web", spec=spec)
    grow(stage, replicas, requests=asked)


def grow(stage: Stage, to: int, *, requests: dict[str, str] | None = None) -> None:
    """As many pods as ``to``, all of them old and ready."""
    asked = {"cpu": "100m", "memory": "100Mi"} if requests is None else requests
    pods = stage.pods()
    for number in range(len(pods), to):
        stage.run(stage.create(POD, f"web-{number}", **pod_body(LABELS, requests=asked)))
        age(stage, f"web-{number}", TEN_MINUTES)
    for pod in pods[to:]:
        stage.kill(pod)


def age(stage: Stage, name: str, seconds: float) -> None:
    at = (stage.clock.now() - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")

    def change(draft: Object) -> None:
        draft["status"]["startTime"] = at
        draft["status"]["conditions"][0]["lastTransitionTime"] = at

    stage.change(POD, name, change)


def scale_with(stage: Stage, name: str = "web", *, target: str = "web", **spec: Any) -> None:
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": target}
    body = {"scaleTargetRef": reference, "minReplicas": 1, "maxReplicas": 10, "metrics": CPU_80} | spec
    stage.create(AUTOSCALER, name, spec=body)
    stage.settle()


def replicas(stage: Stage) -> int:
    return int(stage.get(DEPLOYMENT, "web")["spec"]["replicas"])


def scaler(stage: Stage, name: str = "web") -> Object:
    return stage.get(AUTOSCALER, name)


def test_usage_above_target_grows_by_the_formula(bench: Stage, meter: Meter) -> None:
    workload(bench, 3)
    meter.all(0.120)
    scale_with(bench)
    assert replicas(bench) == 5  # ceil(3 * 120 / 80)
    status = scaler(bench)["status"]
    assert (status["currentReplicas"], status["desiredReplicas"]) == (3, 5)
    assert status["currentMetrics"][0]["resource"]["current"] == {"averageUtilization": 120, "averageValue": "120m"}
    assert condition_of(scaler(bench), "AbleToScale") == ("True", "SucceededRescale")
    assert condition_of(scaler(bench), "ScalingActive") == ("True", "ValidMetricFound")
    assert condition_of(scaler(bench), "ScalingLimited") == ("False", "DesiredWithinRange")
    assert bench.said("SuccessfulRescale") == [
        "New size: 5; reason: cpu resource utilization (percentage of request) above target"
    ]


@pytest.mark.parametrize("cores", [0.073, 0.080, 0.088])
def test_within_ten_percent_of_the_target_nothing_happens(bench: Stage, meter: Meter, cores: float) -> None:
    workload(bench, 4)
    meter.all(cores)
    scale_with(bench)
    assert replicas(bench) == 4
    assert condition_of(scaler(bench), "AbleToScale") == ("True", "ReadyForNewScale")


def test_usage_below_target_shrinks_only_after_five_minutes(bench: Stage, meter: Meter) -> None:
    workload(bench, 4)
    meter.all(0.020)
    scale_with(bench)
    bench.advance(285)
    assert replicas(bench) == 4
    assert condition_of(scaler(bench), "AbleToScale") == ("True", "ScaleDownStabilized")
    bench.advance(30)
    assert replicas(bench) == 1
    assert "New size: 1; reason: All metrics below target" in bench.said("SuccessfulRescale")


def test_one_peak_in_the_window_keeps_the_size(bench: Stage, meter: Meter) -> None:
    workload(bench, 4)
    meter.all(0.020)
    scale_with(bench)
    bench.advance(200)
    meter.all(0.080)
    bench.advance(20)
    meter.all(0.020)
    bench.advance(200)
    assert replicas(bench) == 4


def test_replicas_stay_within_the_bounds(bench: Stage, meter: Meter) -> None:
    workload(bench, 3)
    meter.all(0.500)
    scale_with(bench, maxReplicas=5, minReplicas=2)
    assert replicas(bench) == 5
    assert condition_of(scaler(bench), "ScalingLimited") == ("True", "TooManyReplicas")
    grow(bench, 5)
    meter.all(0.0)
    bench.advance(400)
    assert replicas(bench) == 2
    assert condition_of(scaler(bench), "ScalingLimited") == ("True", "TooFewReplicas")


def test_a_target_outside_the_bounds_is_brought_back_whatever_it_uses(bench: Stage, meter: Meter) -> None:
    workload(bench, 8)
    scale_with(bench, maxReplicas=5)
    assert replicas(bench) == 5
    assert bench.said("SuccessfulRescale") == ["New size: 5; reason: Current number of replicas above Spec.MaxReplicas"]
    bench.change(AUTOSCALER, "web", lambda draft: draft["spec"].update(minReplicas=6, maxReplicas=9))
    bench.settle()
    assert replicas(bench) == 6


def test_without_a_behavior_it_grows_to_twice_the_size_or_four_pods_at_once(bench: Stage, meter: Meter) -> None:
    workload(bench, 1)
    meter.all(5.0)
    scale_with(bench, maxReplicas=50)
    assert replicas(bench) == 4
    assert condition_of(scaler(bench), "ScalingLimited") == ("True", "ScaleUpLimit")
    grow(bench, 4)
    meter.all(5.0)
    bench.advance(15)
    assert replicas(bench) == 8


def test_policies_limit_growth_over_their_period(bench: Stage, meter: Meter) -> None:
    workload(bench, 2)
    meter.all(5.0)
    policy = {"type": "Pods", "value": 1, "periodSeconds": 60}
    scale_with(bench, behavior={"scaleUp": {"policies": [policy]}})
    assert replicas(bench) == 3
    grow(bench, 3)
    meter.all(5.0)
    bench.advance(45)
    assert replicas(bench) == 3
    bench.advance(15)
    assert replicas(bench) == 4


def test_a_shorter_window_shrinks_sooner_and_no_faster_than_its_policy(bench: Stage, meter: Meter) -> None:
    workload(bench, 6)
    meter.all(0.001)
    rules = {"stabilizationWindowSeconds": 0, "policies": [{"type": "Percent", "value": 50, "periodSeconds": 60}]}
    scale_with(bench, behavior={"scaleDown": rules})
    assert replicas(bench) == 3
    assert condition_of(scaler(bench), "ScalingLimited") == ("True", "ScaleDownLimit")


def test_scaling_down_can_be_disabled(bench: Stage, meter: Meter) -> None:
    workload(bench, 6)
    meter.all(0.001)
    rules = {"stabilizationWindowSeconds": 0, "selectPolicy": "Disabled"}
    scale_with(bench, behavior={"scaleDown": rules})
    bench.advance(600)
    assert replicas(bench) == 6


def test_of_several_metrics_the_one_that_asks_for_most_wins(bench: Stage, meter: Meter) -> None:
    workload(bench, 3)
    meter.all(0.010, 160 * 1024 * 1024)
    memory = {"name": "memory", "target": {"type": "Utilization", "averageUtilization": 80}}
    scale_with(bench, metrics=[*CPU_80, {"type": "Resource", "resource": memory}])
    assert replicas(bench) == 6
    assert "memory resource utilization" in bench.said("SuccessfulRescale")[0]


def test_an_average_value_needs_no_requests(bench: Stage, meter: Meter) -> None:
    workload(bench, 2, requests={})
    meter.all(0.150)
    target = {"type": "AverageValue", "averageValue": "100m"}
    scale_with(bench, metrics=[{"type": "Resource", "resource": {"name": "cpu", "target": target}}])
    assert replicas(bench) == 3
    assert scaler(bench)["status"]["currentMetrics"][0]["resource"]["current"] == {"averageValue": "150m"}


def test_a_container_without_a_request_stops_scaling_by_utilization(bench: Stage, meter: Meter) -> None:
    workload(bench, 2, requests={})
    meter.all(0.5)
    scale_with(bench)
    assert replicas(bench) == 2
    found = next(c for c in scaler(bench)["status"]["conditions"] if c["type"] == "ScalingActive")
    assert (found["status"], found["reason"]) == ("False", "FailedGetResourceMetric")
    assert "missing request for cpu in container main of Pod web-0" in found["message"]


def test_without_metrics_nothing_moves_and_it_says_so(bench: Stage, meter: Meter) -> None:
    workload(bench, 2)
    scale_with(bench)
    assert replicas(bench) == 2
    assert condition_of(scaler(bench), "ScalingActive") == ("False", "FailedGetResourceMetric")
    assert "no metrics returned from resource metrics API" in bench.said("FailedGetResourceMetric")[0]
    assert "FailedComputeMetricsReplicas" in bench.reasons()


def test_one_unreadable_metric_does_not_stop_growing_but_stops_shrinking(bench: Stage, meter: Meter) -> None:
    workload(bench, 3)
    external = {
        "type": "External",
        "external": {"metric": {"name": "queue"}, "target": {"type": "Value", "value": "1"}},
    }
    meter.all(0.160)
    scale_with(bench, metrics=[external, *CPU_80])
    assert replicas(bench) == 6
    grow(bench, 6)
    meter.all(0.001)
    bench.advance(600)
    assert replicas(bench) == 6
    assert condition_of(scaler(bench), "ScalingActive") == ("False", "FailedGetExternalMetric")


def test_pods_without_a_reading_count_as_idle_when_it_would_grow(bench: Stage, meter: Meter) -> None:
    workload(bench, 4)
    meter.all(0.120)
    del meter.readings["web-3"]
    scale_with(bench)
    # Three pods at 120 % of their request alone would ask for ceil(1.5 * 4); with the idle one it is 90 / 80.
    assert replicas(bench) == 5


def test_pods_without_a_reading_count_as_busy_when_it_would_shrink(bench: Stage, meter: Meter) -> None:
    workload(bench, 4)
    meter.all(0.010)
    del meter.readings["web-3"], meter.readings["web-2"]
    scale_with(bench)
    bench.advance(600)
    # (10 + 10 + 100 + 100) / 400 of the request is 55 %: 55 / 80 of four pods.
    assert replicas(bench) == 3


def test_a_pod_that_is_just_starting_does_not_drive_growth(bench: Stage, meter: Meter) -> None:
    workload(bench, 2)
    bench.run(bench.create(POD, "web-9", **pod_body(LABELS, requests={"cpu": "100m"})), ready=False)
    meter.all(0.080)
    meter.readings["web-9"] = (5.0, 0)
    scale_with(bench)
    assert replicas(bench) == 2


def test_two_autoscalers_on_one_target_stop_each_other(bench: Stage, meter: Meter) -> None:
    workload(bench, 3)
    meter.all(0.5)
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    for name in ("by-cpu", "by-memory"):
        spec = {"scaleTargetRef": reference, "minReplicas": 1, "maxReplicas": 10, "metrics": CPU_80}
        bench.create(AUTOSCALER, name, spec=spec)
    bench.advance(60)
    assert replicas(bench) == 3
    for name in ("by-cpu", "by-memory"):
        assert condition_of(scaler(bench, name), "ScalingActive") == ("False", "AmbiguousSelector")
    assert "pods by selector app=web are controlled by multiple HPAs: [shop/by-cpu shop/by-memory]" in bench.said(
        "AmbiguousSelector"
    )


def test_when_the_second_autoscaler_goes_the_first_works_again(bench: Stage, meter: Meter) -> None:
    workload(bench, 3)
    meter.all(0.160)
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    for name in ("web", "second"):
        spec = {"scaleTargetRef": reference, "minReplicas": 1, "maxReplicas": 10, "metrics": CPU_80}
        bench.create(AUTOSCALER, name, spec=spec)
    bench.settle()
    bench.store.remove(AUTOSCALER, NAMESPACE, "second")
    bench.advance(15)
    assert replicas(bench) == 6


def test_scaling_by_hand_against_an_autoscaler_lasts_until_its_next_look(bench: Stage, meter: Meter) -> None:
    # The size that a person sets is no recommendation: the window that slows shrinking doesn't protect it.
    workload(bench, 3)
    meter.all(0.080)
    scale_with(bench)
    bench.change(DEPLOYMENT, "web", lambda draft: draft["spec"].update(replicas=9))
    grow(bench, 9)
    meter.all(0.027)  # the same work on three times as many pods
    bench.advance(14)
    assert replicas(bench) == 9
    bench.advance(2)
    assert replicas(bench) == 4  # ceil(9 * 27 / 80)


def test_a_target_at_zero_is_left_alone(bench: Stage, meter: Meter) -> None:
    workload(bench, 0)
    scale_with(bench, minReplicas=2)
    bench.advance(60)
    assert replicas(bench) == 0
    assert condition_of(scaler(bench), "ScalingActive") == ("False", "ScalingDisabled")
    bench.change(DEPLOYMENT, "web", lambda draft: draft["spec"].update(replicas=1))
    bench.advance(15)
    assert replicas(bench) == 2


def test_a_target_that_is_not_there_is_said(bench: Stage) -> None:
    scale_with(bench)
    assert condition_of(scaler(bench), "AbleToScale") == ("False", "FailedGetScale")
    assert bench.said("FailedGetScale") == ['deployments.apps "web" not found']
    assert scaler(bench)["status"]["desiredReplicas"] == 0


def test_its_own_status_does_not_make_it_look_again(bench: Stage, meter: Meter) -> None:
    workload(bench, 3)
    meter.all(0.080)
    scale_with(bench)
    looks = len(scaler(bench)["status"]["conditions"])
    version = scaler(bench)["metadata"]["resourceVersion"]
    bench.settle()
    assert looks == 3
    assert scaler(bench)["metadata"]["resourceVersion"] == version


def test_the_pods_that_count_are_those_of_the_targets_selector(bench: Stage, meter: Meter) -> None:
    workload(bench, 2)
    bench.run(bench.create(POD, "other", **pod_body({"app": "other"}, requests={"cpu": "100m"})))
    meter.all(0.080)
    meter.readings["other"] = (9.0, 0)
    scale_with(bench)
    assert labels_of(bench.get(POD, "other")) == {"app": "other"}
    assert replicas(bench) == 2
