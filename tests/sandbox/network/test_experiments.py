"""A NetworkChaos object's life, as Chaos Mesh lives it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from drillbook.sandbox.api.validation.chaos import network_chaos, network_chaos_change
from drillbook.sandbox.certificates import Authority
from drillbook.sandbox.controllers.network_chaos import FINALIZER, PAUSE, NetworkChaosExperiments
from drillbook.sandbox.kinds import NETWORK_CHAOS, POD, Object
from drillbook.sandbox.network.guard import Guard
from tests.sandbox.controllers.stage import NAMESPACE, Stage, condition_of, staged

NAME = "fault"


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority("test")


@pytest.fixture
def stage(authority: Authority) -> Iterator[tuple[Stage, Guard]]:
    """A web pod and two database pods, and the controller of experiments."""
    with staged(authority) as made:
        guard = Guard(made.store, dict)
        made.add(lambda cluster: NetworkChaosExperiments(cluster, guard))
        for i, (name, app) in enumerate((("web", "web"), ("db-0", "db"), ("db-1", "db"))):
            made.store.create(
                POD,
                {
                    "metadata": {"name": name, "namespace": NAMESPACE, "labels": {"app": app}},
                    "spec": {"containers": [{"name": "main"}], "nodeName": "node-1"},
                    "status": {"podIP": f"127.99.1.{i + 2}", "phase": "Running"},
                },
            )
        yield made, guard


def spec(action: str = "partition", mode: str = "all", app: str = "db", **more: Any) -> Object:
    return {"action": action, "mode": mode, "selector": {"labelSelectors": {"app": app}}} | more


def start(stage: Stage, given: Object, **metadata: Any) -> Object:
    stage.create(NETWORK_CHAOS, NAME, spec=given, metadata=metadata)
    stage.settle()
    return stage.get(NETWORK_CHAOS, NAME)


def records(chaos: Object) -> list[tuple[str, str, str]]:
    found = chaos["status"]["experiment"]["containerRecords"]
    return [(one["id"].split("/")[1], one["selectorKey"], one["phase"]) for one in found]


def test_every_selected_pod_and_target_has_a_record_and_all_are_injected(stage: tuple[Stage, Guard]) -> None:
    target = {"mode": "all", "selector": {"labelSelectors": {"app": "web"}}}
    chaos = start(stage[0], spec(target=target))
    assert records(chaos) == [("db-0", ".", "Injected"), ("db-1", ".", "Injected"), ("web", ".Target", "Injected")]
    assert chaos["status"]["experiment"]["desiredPhase"] == "Run"
    assert condition_of(chaos, "Selected") == ("True", "")
    assert condition_of(chaos, "AllInjected") == ("True", "")
    assert condition_of(chaos, "AllRecovered") == ("False", "")
    assert condition_of(chaos, "Paused") == ("False", "")
    assert chaos["metadata"]["finalizers"] == [FINALIZER]
    web = stage[0].store.need(POD, NAMESPACE, "web")["metadata"]["uid"]
    forth, back = stage[1].ways(web, ("127.99.1.3", 5432))
    assert (forth.blocked, back.blocked) == (False, True)


def test_mode_one_takes_one(stage: tuple[Stage, Guard]) -> None:
    assert len(records(start(stage[0], spec(mode="one")))) == 1


def test_deletion_recovers_first_and_then_lets_the_object_go(stage: tuple[Stage, Guard]) -> None:
    start(stage[0], spec())
    assert stage[1].active
    stage[0].store.mark_deleted(NETWORK_CHAOS, NAMESPACE, NAME, 0)
    stage[0].settle()
    assert stage[0].store.get(NETWORK_CHAOS, NAMESPACE, NAME) is None
    assert not stage[1].active
    assert "Recovered" in stage[0].reasons()


def test_a_pause_recovers_and_its_end_injects_again(stage: tuple[Stage, Guard]) -> None:
    start(stage[0], spec())
    stage[0].change(NETWORK_CHAOS, NAME, lambda draft: draft["metadata"].update(annotations={PAUSE: "true"}))
    stage[0].settle()
    paused = stage[0].get(NETWORK_CHAOS, NAME)
    assert condition_of(paused, "Paused") == ("True", "")
    assert condition_of(paused, "AllRecovered") == ("True", "")
    assert not stage[1].active
    stage[0].change(NETWORK_CHAOS, NAME, lambda draft: draft["metadata"].pop("annotations"))
    stage[0].settle()
    again = stage[0].get(NETWORK_CHAOS, NAME)
    assert condition_of(again, "AllInjected") == ("True", "")
    assert [one["injectedCount"] for one in again["status"]["experiment"]["containerRecords"]] == [2, 2]


def test_nobody_selected_is_told_and_nothing_is_injected(stage: tuple[Stage, Guard]) -> None:
    chaos = start(stage[0], spec(app="nobody"))
    assert condition_of(chaos, "Selected") == ("False", "")
    assert condition_of(chaos, "AllInjected") == ("False", "")
    assert stage[0].said("Failed") == ["Failed to select targets: no target has been selected"]
    assert not stage[1].active


@pytest.mark.parametrize(
    "given",
    [
        spec("corrupt", corrupt={"corrupt": "10"}),
        spec("duplicate", duplicate={"duplicate": "10"}),
        spec(externalTargets=["1.1.1.1"]),
        spec(direction="from"),
    ],
)
def test_what_can_not_be_done_says_so_in_status_and_event_and_is_not_injected(
    stage: tuple[Stage, Guard], given: Object
) -> None:
    chaos = start(stage[0], given)
    assert condition_of(chaos, "AllInjected") == ("False", "Unsupported")
    record = chaos["status"]["experiment"]["containerRecords"][0]
    assert record["phase"] == "Not Injected"
    assert record["events"][-1]["type"] == "Failed"
    assert "does not support" in record["events"][-1]["message"]
    assert "does not support" in stage[0].said("Failed")[0]
    assert not stage[1].active


def test_a_pod_that_replaces_a_selected_one_is_not_the_selected_one(stage: tuple[Stage, Guard]) -> None:
    start(stage[0], spec())
    before = stage[1].ways("", ("127.99.1.3", 5432))[1].blocked
    old = stage[0].store.remove(POD, NAMESPACE, "db-0")
    new = {"metadata": {k: old["metadata"][k] for k in ("name", "namespace", "labels")}}
    stage[0].store.create(POD, new | {"spec": old["spec"], "status": old["status"]})
    assert before
    assert not stage[1].ways("", ("127.99.1.3", 5432))[1].blocked


@pytest.mark.parametrize(
    ("given", "field"),
    [
        (spec("explode"), "spec.action"),
        (spec(mode="some"), "spec.mode"),
        (spec(mode="fixed"), "spec.value"),
        (spec(mode="fixed-percent", value="101"), "spec.value"),
        (spec("delay"), "spec.delay"),
        (spec("delay", delay={"latency": "fast"}), "spec.delay.latency"),
        (spec("loss", loss={"loss": "120"}), "spec.loss.loss"),
        (spec("bandwidth", bandwidth={"rate": "1mbit", "limit": 1, "buffer": 1}), "spec.bandwidth.rate"),
        (spec(duration="soon"), "spec.duration"),
        (spec(direction="up"), "spec.direction"),
        (spec(target={"mode": "fixed", "value": "x", "selector": {}}), "spec.target.value"),
    ],
)
def test_mistakes_are_refused_by_field(given: Object, field: str) -> None:
    assert [cause[2] for cause in network_chaos({"spec": given})] == [field]


def test_a_running_experiment_can_not_become_another_one() -> None:
    assert network_chaos_change({"spec": spec()}, {"spec": spec()}) == []
    assert network_chaos_change({"spec": spec()}, {"spec": spec(mode="one")})[0][2] == "spec"
