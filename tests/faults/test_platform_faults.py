"""Faults of the platform: a node drained, a second autoscaler, a certificate about to expire or gone."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from drillbook.clients.kube import Kube, path_of
from drillbook.clock import SYSTEM_CLOCK
from drillbook.drills.guard import choose_now
from drillbook.drills.plan import brief
from drillbook.errors import DrillAborted, Refused
from drillbook.faults import fault_named
from tests.drills.conftest import NAMESPACE, Solar, experiment, system
from tests.faults.live import aimed, lived_through

__all__ = ["experiment", "system"]


def test_a_drained_node_takes_new_pods_again(system: Solar) -> None:
    said, landing, told = lived_through(system, "node-drain", aimed(system, "node-drain", "frontend", pods=1))
    assert "pods of other namespaces stay" in said
    ((name, seen),) = landing.evidence.items()
    assert seen == {"cordoned": True, "old pods left": 0}
    assert told == f"{name} takes new pods again, deployment/frontend has its 2 ready replicas"


def test_no_node_is_drained_by_an_experiment_that_does_not_say_so(system: Solar, experiment: Any) -> None:
    order = system.order("pod-kill", experiment=experiment(fault="node-drain", most_pods=9, most_percent=100))
    with pytest.raises(Refused, match="belongs to no namespace, and the blast radius allows 0 such objects"):
        system.on_kube(lambda kube: choose_now(kube, brief(order).intent))


def test_a_budget_that_never_has_room_ends_the_drain_and_the_node_is_opened_again(system: Solar) -> None:
    aim = aimed(system, "node-drain", "frontend", pods=1, seconds=1)
    spec = {"maxUnavailable": 0, "selector": {"matchLabels": {"app": "frontend"}}}

    async def scene(kube: Kube) -> str:
        fault = fault_named("node-drain")
        body = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "full"}, "spec": spec}
        await kube.create(path_of("poddisruptionbudgets", NAMESPACE), body)
        await asyncio.sleep(1)
        target = (await fault.candidates(kube, aim))[0].target
        put_back = await fault.put_back(kube, aim)
        try:
            with pytest.raises(DrillAborted, match=r"could not be evicted within 1 s: .*disruption budget"):
                await fault.inject(kube, aim, [target])
        finally:
            await kube.delete(path_of("poddisruptionbudgets", NAMESPACE, "full"))
            told = await fault.undo(kube, put_back, 60)
        return told

    assert "takes new pods again" in system.on_kube(scene)


@pytest.mark.slow
def test_a_second_autoscaler_is_seen_by_its_controller_and_gone_afterwards(system: Solar) -> None:
    said, landing, _ = lived_through(system, "two-autoscalers", aimed(system, "two-autoscalers", "api"), seconds=40)
    assert said.startswith("a HorizontalPodAutoscaler drillbook-two-autoscalers-api is created beside ")
    assert len(landing.evidence["autoscalers"]) == 2


def test_a_first_autoscaler_is_no_second_one(system: Solar) -> None:
    with pytest.raises(Refused, match="has no autoscaler, so a second one would be its first"):
        system.on_kube(
            lambda kube: fault_named("two-autoscalers").how(kube, aimed(system, "two-autoscalers", "flower"))
        )


def test_a_certificate_about_to_expire_is_renewed_by_who_looks_after_it(system: Solar) -> None:
    _, landing, told = lived_through(system, "certificate-expiry", aimed(system, "certificate-expiry", "api", hours=5))
    seen = landing.evidence
    assert seen["serial before"] != seen["now"]
    assert datetime.fromisoformat(seen["until"]) < SYSTEM_CLOCK.now() + timedelta(days=365)
    assert told == "Secret solar-tls holds a new certificate, issued by cert-manager"


def test_a_certificate_that_is_gone_is_issued_again(system: Solar) -> None:
    aim = aimed(system, "certificate-lost", "api")
    _, landing, told = lived_through(system, "certificate-lost", aim)
    assert landing.evidence["secrets"]["solar-tls"] in {"gone", "another of its name"}
    assert told == "Secret solar-tls holds a new certificate, issued by cert-manager"


def test_a_component_without_a_certificate_cannot_lose_it(system: Solar) -> None:
    for name in ("certificate-expiry", "certificate-lost"):
        with pytest.raises(Refused, match="has no ingress, and the experiment names no secret"):
            system.on_kube(lambda kube, n=name: fault_named(n).how(kube, aimed(system, n, "cache")))  # type: ignore[misc]
        with pytest.raises(Refused, match="holds no certificate with its key"):
            system.on_kube(
                lambda kube, n=name: fault_named(n).how(kube, aimed(system, n, "cache", secret="solar-secrets"))  # type: ignore[misc]
            )
