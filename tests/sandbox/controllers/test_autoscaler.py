"""HorizontalPodAutoscalers: what they read and how they reckon; the tests play metrics.k8s.io and the workload."""

from __future__ import annotations

import pytest

from drillbook.sandbox.controllers.labels import labels_of
from drillbook.sandbox.kinds import POD
from tests.sandbox.controllers.scaling import CPU_80, LABELS, Meter, grow, replicas, scale_with, scaler, workload
from tests.sandbox.controllers.stage import Stage, condition_of, pod_body


def test_usage_above_target_grows_by_the_formula(autoscaled: Stage, meter: Meter) -> None:
    workload(autoscaled, 3)
    meter.all(0.120)
    scale_with(autoscaled)
    assert replicas(autoscaled) == 5  # ceil(3 * 120 / 80)
    status = scaler(autoscaled)["status"]
    assert (status["currentReplicas"], status["desiredReplicas"]) == (3, 5)
    assert status["currentMetrics"][0]["resource"]["current"] == {"averageUtilization": 120, "averageValue": "120m"}
    assert condition_of(scaler(autoscaled), "AbleToScale") == ("True", "SucceededRescale")
    assert condition_of(scaler(autoscaled), "ScalingActive") == ("True", "ValidMetricFound")
    assert condition_of(scaler(autoscaled), "ScalingLimited") == ("False", "DesiredWithinRange")
    assert autoscaled.said("SuccessfulRescale") == [
        "New size: 5; reason: cpu resource utilization (percentage of request) above target"
    ]


@pytest.mark.parametrize("cores", [0.073, 0.080, 0.088])
def test_within_ten_percent_of_the_target_nothing_happens(autoscaled: Stage, meter: Meter, cores: float) -> None:
    workload(autoscaled, 4)
    meter.all(cores)
    scale_with(autoscaled)
    assert replicas(autoscaled) == 4
    assert condition_of(scaler(autoscaled), "AbleToScale") == ("True", "ReadyForNewScale")


def test_of_several_metrics_the_one_that_asks_for_most_wins(autoscaled: Stage, meter: Meter) -> None:
    workload(autoscaled, 3)
    meter.all(0.010, 160 * 1024 * 1024)
    memory = {"name": "memory", "target": {"type": "Utilization", "averageUtilization": 80}}
    scale_with(autoscaled, metrics=[*CPU_80, {"type": "Resource", "resource": memory}])
    assert replicas(autoscaled) == 6
    assert "memory resource utilization" in autoscaled.said("SuccessfulRescale")[0]


def test_an_average_value_needs_no_requests(autoscaled: Stage, meter: Meter) -> None:
    workload(autoscaled, 2, requests={})
    meter.all(0.150)
    target = {"type": "AverageValue", "averageValue": "100m"}
    scale_with(autoscaled, metrics=[{"type": "Resource", "resource": {"name": "cpu", "target": target}}])
    assert replicas(autoscaled) == 3
    assert scaler(autoscaled)["status"]["currentMetrics"][0]["resource"]["current"] == {"averageValue": "150m"}


def test_a_container_without_a_request_stops_scaling_by_utilization(autoscaled: Stage, meter: Meter) -> None:
    workload(autoscaled, 2, requests={})
    meter.all(0.5)
    scale_with(autoscaled)
    assert replicas(autoscaled) == 2
    found = next(c for c in scaler(autoscaled)["status"]["conditions"] if c["type"] == "ScalingActive")
    assert (found["status"], found["reason"]) == ("False", "FailedGetResourceMetric")
    assert "missing request for cpu in container main of Pod web-0" in found["message"]


def test_without_metrics_nothing_moves_and_it_says_so(autoscaled: Stage, meter: Meter) -> None:
    workload(autoscaled, 2)
    scale_with(autoscaled)
    assert replicas(autoscaled) == 2
    assert condition_of(scaler(autoscaled), "ScalingActive") == ("False", "FailedGetResourceMetric")
    assert "no metrics returned from resource metrics API" in autoscaled.said("FailedGetResourceMetric")[0]
    assert "FailedComputeMetricsReplicas" in autoscaled.reasons()


def test_one_unreadable_metric_does_not_stop_growing_but_stops_shrinking(autoscaled: Stage, meter: Meter) -> None:
    workload(autoscaled, 3)
    external = {
        "type": "External",
        "external": {"metric": {"name": "queue"}, "target": {"type": "Value", "value": "1"}},
    }
    meter.all(0.160)
    scale_with(autoscaled, metrics=[external, *CPU_80])
    assert replicas(autoscaled) == 6
    grow(autoscaled, 6)
    meter.all(0.001)
    autoscaled.advance(600)
    assert replicas(autoscaled) == 6
    assert condition_of(scaler(autoscaled), "ScalingActive") == ("False", "FailedGetExternalMetric")


def test_pods_without_a_reading_count_as_idle_when_it_would_grow(autoscaled: Stage, meter: Meter) -> None:
    workload(autoscaled, 4)
    meter.all(0.120)
    del meter.readings["web-3"]
    scale_with(autoscaled)
    # Three pods at 120 % of their request alone would ask for ceil(1.5 * 4); with the idle one it is 90 / 80.
    assert replicas(autoscaled) == 5


def test_pods_without_a_reading_count_as_busy_when_it_would_shrink(autoscaled: Stage, meter: Meter) -> None:
    workload(autoscaled, 4)
    meter.all(0.010)
    del meter.readings["web-3"], meter.readings["web-2"]
    scale_with(autoscaled)
    autoscaled.advance(600)
    # (10 + 10 + 100 + 100) / 400 of the request is 55 %: 55 / 80 of four pods.
    assert replicas(autoscaled) == 3


def test_a_pod_that_is_just_starting_does_not_drive_growth(autoscaled: Stage, meter: Meter) -> None:
    workload(autoscaled, 2)
    autoscaled.run(autoscaled.create(POD, "web-9", **pod_body(LABELS, requests={"cpu": "100m"})), ready=False)
    meter.all(0.080)
    meter.readings["web-9"] = (5.0, 0)
    scale_with(autoscaled)
    assert replicas(autoscaled) == 2


def test_a_target_that_is_not_there_is_said(autoscaled: Stage) -> None:
    scale_with(autoscaled)
    assert condition_of(scaler(autoscaled), "AbleToScale") == ("False", "FailedGetScale")
    assert autoscaled.said("FailedGetScale") == ['deployments.apps "web" not found']
    assert scaler(autoscaled)["status"]["desiredReplicas"] == 0


def test_its_own_status_does_not_make_it_look_again(autoscaled: Stage, meter: Meter) -> None:
    workload(autoscaled, 3)
    meter.all(0.080)
    scale_with(autoscaled)
    looks = len(scaler(autoscaled)["status"]["conditions"])
    version = scaler(autoscaled)["metadata"]["resourceVersion"]
    autoscaled.settle()
    assert looks == 3
    assert scaler(autoscaled)["metadata"]["resourceVersion"] == version


def test_the_pods_that_count_are_those_of_the_targets_selector(autoscaled: Stage, meter: Meter) -> None:
    workload(autoscaled, 2)
    autoscaled.run(autoscaled.create(POD, "other", **pod_body({"app": "other"}, requests={"cpu": "100m"})))
    meter.all(0.080)
    meter.readings["other"] = (9.0, 0)
    scale_with(autoscaled)
    assert labels_of(autoscaled.get(POD, "other")) == {"app": "other"}
    assert replicas(autoscaled) == 2
