"""What holds an autoscaler back: bounds, windows, policies, a second one, and people."""

from __future__ import annotations

from drillbook.sandbox.kinds import AUTOSCALER, DEPLOYMENT
from tests.sandbox.controllers.scaling import CPU_80, Meter, grow, replicas, scale_with, scaler, workload
from tests.sandbox.controllers.stage import NAMESPACE, Stage, condition_of


def test_usage_below_target_shrinks_only_after_five_minutes(autoscaled: Stage, meter: Meter) -> None:
    workload(autoscaled, 4)
    meter.all(0.020)
    scale_with(autoscaled)
    autoscaled.advance(285)
    assert replicas(autoscaled) == 4
    assert condition_of(scaler(autoscaled), "AbleToScale") == ("True", "ScaleDownStabilized")
    autoscaled.advance(30)
    assert replicas(autoscaled) == 1
    assert "New size: 1; reason: All metrics below target" in autoscaled.said("SuccessfulRescale")


def test_one_peak_in_the_window_keeps_the_size(autoscaled: Stage, meter: Meter) -> None:
    workload(autoscaled, 4)
    meter.all(0.020)
    scale_with(autoscaled)
    autoscaled.advance(200)
    meter.all(0.080)
    autoscaled.advance(20)
    meter.all(0.020)
    autoscaled.advance(200)
    assert replicas(autoscaled) == 4


def test_replicas_stay_within_the_bounds(autoscaled: Stage, meter: Meter) -> None:
    workload(autoscaled, 3)
    meter.all(0.500)
    scale_with(autoscaled, maxReplicas=5, minReplicas=2)
    assert replicas(autoscaled) == 5
    assert condition_of(scaler(autoscaled), "ScalingLimited") == ("True", "TooManyReplicas")
    grow(autoscaled, 5)
    meter.all(0.0)
    autoscaled.advance(400)
    assert replicas(autoscaled) == 2
    assert condition_of(scaler(autoscaled), "ScalingLimited") == ("True", "TooFewReplicas")


def test_a_target_outside_the_bounds_is_brought_back_whatever_it_uses(autoscaled: Stage, meter: Meter) -> None:
    workload(autoscaled, 8)
    scale_with(autoscaled, maxReplicas=5)
    assert replicas(autoscaled) == 5
    assert autoscaled.said("SuccessfulRescale") == [
        "New size: 5; reason: Current number of replicas above Spec.MaxReplicas"
    ]
    autoscaled.change(AUTOSCALER, "web", lambda draft: draft["spec"].update(minReplicas=6, maxReplicas=9))
    autoscaled.settle()
    assert replicas(autoscaled) == 6


def test_without_a_behavior_it_grows_to_twice_the_size_or_four_pods_at_once(autoscaled: Stage, meter: Meter) -> None:
    workload(autoscaled, 1)
    meter.all(5.0)
    scale_with(autoscaled, maxReplicas=50)
    assert replicas(autoscaled) == 4
    assert condition_of(scaler(autoscaled), "ScalingLimited") == ("True", "ScaleUpLimit")
    grow(autoscaled, 4)
    meter.all(5.0)
    autoscaled.advance(15)
    assert replicas(autoscaled) == 8


def test_policies_limit_growth_over_their_period(autoscaled: Stage, meter: Meter) -> None:
    workload(autoscaled, 2)
    meter.all(5.0)
    policy = {"type": "Pods", "value": 1, "periodSeconds": 60}
    scale_with(autoscaled, behavior={"scaleUp": {"policies": [policy]}})
    assert replicas(autoscaled) == 3
    grow(autoscaled, 3)
    meter.all(5.0)
    autoscaled.advance(45)
    assert replicas(autoscaled) == 3
    autoscaled.advance(15)
    assert replicas(autoscaled) == 4


def test_a_shorter_window_shrinks_sooner_and_no_faster_than_its_policy(autoscaled: Stage, meter: Meter) -> None:
    workload(autoscaled, 6)
    meter.all(0.001)
    rules = {"stabilizationWindowSeconds": 0, "policies": [{"type": "Percent", "value": 50, "periodSeconds": 60}]}
    scale_with(autoscaled, behavior={"scaleDown": rules})
    assert replicas(autoscaled) == 3
    assert condition_of(scaler(autoscaled), "ScalingLimited") == ("True", "ScaleDownLimit")


def test_scaling_down_can_be_disabled(autoscaled: Stage, meter: Meter) -> None:
    workload(autoscaled, 6)
    meter.all(0.001)
    rules = {"stabilizationWindowSeconds": 0, "selectPolicy": "Disabled"}
    scale_with(autoscaled, behavior={"scaleDown": rules})
    autoscaled.advance(600)
    assert replicas(autoscaled) == 6


def test_two_autoscalers_on_one_target_stop_each_other(autoscaled: Stage, meter: Meter) -> None:
    workload(autoscaled, 3)
    meter.all(0.5)
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    for name in ("by-cpu", "by-memory"):
        spec = {"scaleTargetRef": reference, "minReplicas": 1, "maxReplicas": 10, "metrics": CPU_80}
        autoscaled.create(AUTOSCALER, name, spec=spec)
    autoscaled.advance(60)
    assert replicas(autoscaled) == 3
    for name in ("by-cpu", "by-memory"):
        assert condition_of(scaler(autoscaled, name), "ScalingActive") == ("False", "AmbiguousSelector")
    assert "pods by selector app=web are controlled by multiple HPAs: [shop/by-cpu shop/by-memory]" in autoscaled.said(
        "AmbiguousSelector"
    )


def test_when_the_second_autoscaler_goes_the_first_works_again(autoscaled: Stage, meter: Meter) -> None:
    workload(autoscaled, 3)
    meter.all(0.160)
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    for name in ("web", "second"):
        spec = {"scaleTargetRef": reference, "minReplicas": 1, "maxReplicas": 10, "metrics": CPU_80}
        autoscaled.create(AUTOSCALER, name, spec=spec)
    autoscaled.settle()
    autoscaled.store.remove(AUTOSCALER, NAMESPACE, "second")
    autoscaled.advance(15)
    assert replicas(autoscaled) == 6


def test_scaling_by_hand_against_an_autoscaler_lasts_until_its_next_look(autoscaled: Stage, meter: Meter) -> None:
    # The size that a person sets is no recommendation: the window that slows shrinking doesn't protect it.
    workload(autoscaled, 3)
    meter.all(0.080)
    scale_with(autoscaled)
    autoscaled.change(DEPLOYMENT, "web", lambda draft: draft["spec"].update(replicas=9))
    grow(autoscaled, 9)
    meter.all(0.027)  # the same work on three times as many pods
    autoscaled.advance(14)
    assert replicas(autoscaled) == 9
    autoscaled.advance(2)
    assert replicas(autoscaled) == 4  # ceil(9 * 27 / 80)


def test_a_target_at_zero_is_left_alone(autoscaled: Stage, meter: Meter) -> None:
    workload(autoscaled, 0)
    scale_with(autoscaled, minReplicas=2)
    autoscaled.advance(60)
    assert replicas(autoscaled) == 0
    assert condition_of(scaler(autoscaled), "ScalingActive") == ("False", "ScalingDisabled")
    autoscaled.change(DEPLOYMENT, "web", lambda draft: draft["spec"].update(replicas=1))
    autoscaled.advance(15)
    assert replicas(autoscaled) == 2
