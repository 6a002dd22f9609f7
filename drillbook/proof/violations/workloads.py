"""How workloads are broken: too few replicas, other resources than documented, another image, an unfinished rollout."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Final

from drillbook.clients.kube import Object, path_of
from drillbook.model.policy import Component, Objective
from drillbook.model.quantity import Dimension
from drillbook.probes.images import Reference
from drillbook.proof.beyond import number_beyond, text_limit
from drillbook.proof.pods_away import held_back, straggler
from drillbook.proof.stage import Stage
from drillbook.proof.templates import container_of, held_template
from drillbook.proof.violation import Planted, Unplantable, Violation


@asynccontextmanager
async def other_number_ready(stage: Stage, objective: Objective) -> AsyncIterator[Planted]:
    """Fewer pods are Ready than the floor, or more than the ceiling."""
    component = stage.component(objective)
    wanted = int(number_beyond(objective, -1))
    if wanted >= len(await stage.pods(component)):
        async with other_replicas(stage, objective) as planted:
            yield planted
        return
    async with held_back(stage, component, wanted) as what:
        yield Planted(what, _with_pods(stage, component, wanted))


@asynccontextmanager
async def other_replicas(stage: Stage, objective: Objective) -> AsyncIterator[Planted]:
    """The specification asks for another number of replicas."""
    component = stage.component(objective)
    wanted = int(number_beyond(objective))
    async with stage.changed(stage.workload_path(component), {"spec": {"replicas": wanted}}) as found:
        await stage.until("the new number to be seen", lambda: _observed(stage, component, found))
        implied = stage.asking("workload.desired_replicas", "workload.ready_replicas", component=component.id)
        yield Planted(
            f"spec.replicas of {component.workload}: {wanted}", implied | _with_pods(stage, component, wanted)
        )


@asynccontextmanager
async def other_resources(stage: Stage, objective: Objective) -> AsyncIterator[Planted]:
    """The pod template has a bit more or less than documented; the rollout is paused, so no pod is replaced for it."""
    component, parameters = stage.component(objective), stage.parameters(objective)
    resource = objective.indicator.rpartition(".")[2]
    cores = objective.limit.dimension is Dimension.CORES
    step = Decimal("0.001") if cores else Decimal(1)
    # A request can't exceed its limit, so that one goes down.
    value = number_beyond(objective, -step if parameters["bound"] == "request" else step)
    written = f"{value * 1000:.0f}m" if cores else f"{value:.0f}"
    index, container = await container_of(stage, component, parameters.get("container"))
    field = f"{parameters['bound']}s"
    change = {"op": "add", "path": f"/resources/{field}/{resource}", "value": written}
    async with held_template(stage, component, index, change):
        yield Planted(
            f"{component.workload} container {container['name']}: resources.{field}.{resource} {written}, held",
            stage.asking("rollout.incomplete", "rollout.took"),
        )


@asynccontextmanager
async def other_image(stage: Stage, objective: Objective) -> AsyncIterator[Planted]:
    """One pod of the workload runs another image than the others."""
    component, parameters = stage.component(objective), stage.parameters(objective)
    _, container = await container_of(stage, component, parameters.get("container"))
    image = _refused(objective, str(container["image"]), str(parameters["part"]))
    async with straggler(stage, component, image, container["name"]) as what:
        # It never runs, so it has no metrics; and it counts as one more pod wherever pods are found by their labels.
        yield Planted(what, stage.asking("pod.*", "workload.image", component=component.id))


@asynccontextmanager
async def unfinished_rollout(stage: Stage, objective: Objective) -> AsyncIterator[Planted]:
    """A specification that the workload's pods don't run: its rollout was paused before it began."""
    component = _any_deployment(stage, objective)
    change = {"op": "add", "path": "/env/-", "value": {"name": "DRILLBOOK_PROOF", "value": "unfinished"}}
    async with held_template(stage, component, 0, change):
        implied = stage.asking("rollout.incomplete", "rollout.took")
        yield Planted(f"{component.workload}: a new specification, rollout paused", implied)


@asynccontextmanager
async def nobody_behind(stage: Stage, objective: Objective) -> AsyncIterator[Planted]:
    """A Service whose selector fits no pod: the component's own, or one more where none is named."""
    nobody = {"app": "drillbook-proof-nobody"}
    if objective.component is not None:
        component = stage.component(objective)
        path = path_of("services", component.namespace, component.service)
        async with stage.changed(path, {"spec": {"selector": nobody}}):
            yield Planted(f"Service {component.service} selects nobody", stage.asking("*", component=component.id))
        return
    namespace = stage.policy.namespaces[0]
    body: Object = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "drillbook-proof"},
        "spec": {"selector": nobody, "ports": [{"port": 80}]},
    }
    async with stage.present(path_of("services", namespace), body):
        yield Planted(f"Service {namespace}/drillbook-proof, whose selector fits no pod")


def _with_pods(stage: Stage, component: Component, ready: int) -> frozenset[str]:
    """Ids of what looks at a workload's pods: all of it and of its Service where none is left."""
    implied = stage.asking("rollout.incomplete") | stage.asking("workload.ready_replicas", component=component.id)
    if ready > 0:
        return implied
    of_it = stage.asking("services.least_endpoints") | stage.asking("*", component=component.id)
    return implied | of_it | (stage.asking("http.*", "pool.*") if component.engine else frozenset())


async def _observed(stage: Stage, component: Component, found: Object) -> bool:
    status = (await stage.workload(component)).get("status") or {}
    return int(status.get("observedGeneration", 0)) >= int(found["metadata"]["generation"])


def _any_deployment(stage: Stage, objective: Objective) -> Component:
    if objective.component is not None:
        return stage.component(objective)
    found = [c for c in stage.policy.components.values() if c.workload and c.workload.kind == "deployment"]
    if not found:
        raise Unplantable(f"{objective.id}: no component has a Deployment whose rollout could be held up")
    return found[0]


def _refused(objective: Objective, image: str, part: str) -> str:
    """An image as near to the present one as can be that the objective's limit refuses."""
    named = Reference.parse(image)
    for tried in (f"{named.repository}:drillbook-proof", "drillbook.invalid/proof:proof"):
        told = tried if part == "image" else str(getattr(Reference.parse(tried), part))
        if not text_limit(objective).holds_for(told):
            return tried
    raise Unplantable(f"{objective.id}: {objective.limit} refuses none of the images tried")


VIOLATIONS: Final = (
    Violation("workload.ready_replicas", other_number_ready),
    Violation("workload.desired_replicas", other_replicas),
    Violation("workload.cpu", other_resources),
    Violation("workload.memory", other_resources),
    Violation("workload.image", other_image),
    Violation("rollout.incomplete", unfinished_rollout),
    Violation("services.least_endpoints", nobody_behind),
)
