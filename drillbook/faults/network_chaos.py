"""Faults of the network that Chaos Mesh makes: a delay, and a partition between two components.

They end by themselves after their duration, also when nobody is left to undo them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final

from drillbook.errors import Refused
from drillbook.faults.creating import NETWORK_CHAOS, CreatingFault, condition, served
from drillbook.faults.fault import Aim, Landing, Needs, PutBack, Target
from drillbook.faults.knocking import Door, find_door, knock, knock_permissions, knocks
from drillbook.faults.settings import Setting
from drillbook.faults.workloads import read_workload, workload_of

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube, Object

SECONDS: Final = Setting(300, "how long it lasts if nobody ends it", low=1, high=3600, unit="s")
SHARE: Final = 0.5
"""A delay counts as seen when at least this share of it was measured: exec itself takes some time, now and before."""


class NetworkChaosFault(CreatingFault):
    """What both have in common."""

    kind = NETWORK_CHAOS

    def needs(self, aim: Aim) -> Needs:
        needs = super().needs(aim)
        return Needs((*needs.to_break, *knock_permissions(aim.component.namespace)), needs.to_repair)

    def peers(self, aim: Aim) -> str:
        """The labels of the pods from which it is seen."""
        return ""

    async def how(self, kube: Kube, aim: Aim) -> str:
        if not await served(kube, NETWORK_CHAOS):
            raise Refused(f"{self.name} is made by Chaos Mesh, and this cluster has no NetworkChaos")
        door = await find_door(kube, aim, labels=self.peers(aim))
        return f"Chaos Mesh makes it: NetworkChaos {self.object_name(aim)}; it is looked for from {door.place}"

    async def put_back(self, kube: Kube, aim: Aim) -> PutBack:
        door = await find_door(kube, aim, labels=self.peers(aim))
        usual = min([(await knock(kube, door)).seconds for _ in range(3)])
        return {**await super().put_back(kube, aim), "door": door.document(), "usual_seconds": usual}

    async def _spec(self, kube: Kube, aim: Aim, action: str) -> Object:
        state = await read_workload(kube, workload_of(aim.component), aim.component.namespace)
        return {
            "action": action,
            "mode": "all",
            "selector": _selector(state.selector, aim.component.namespace),
            "duration": f"{aim.settings['seconds']}s",
        }

    async def _injected(self, kube: Kube, aim: Aim) -> bool:
        from drillbook.clients.kube import path_of

        path = path_of("networkchaos", aim.component.namespace, self.object_name(aim))
        return condition(await kube.find(path), "AllInjected")


class NetworkDelay(NetworkChaosFault):
    """Every packet of a component's pods is late."""

    name = "network-delay"
    about = "A component answers late: every packet of its pods is delayed."
    settings: ClassVar = {
        "milliseconds": Setting(500, "how late each packet is", low=50, high=60_000, unit="ms"),
        "jitter": Setting(0, "by how much the delay varies", low=0, high=60_000, unit="ms"),
        "seconds": SECONDS,
    }

    async def spec(self, kube: Kube, aim: Aim) -> Object:
        late, jitter = aim.settings["milliseconds"], aim.settings["jitter"]
        delay = {"latency": f"{late}ms", "jitter": f"{jitter}ms", "correlation": "0"}
        return {**await self._spec(kube, aim, "delay"), "delay": delay}

    async def landed(self, kube: Kube, aim: Aim, targets: Sequence[Target], before: PutBack) -> Landing:
        if not targets or not await self._injected(kube, aim):
            return Landing(False)
        seen, usual = await knock(kube, Door.read(before["door"])), float(before["usual_seconds"])
        late = seen.seconds - usual
        evidence = {"usual_seconds": round(usual, 3), "now_seconds": round(seen.seconds, 3), "answered": seen.answered}
        return Landing(late >= SHARE * aim.settings["milliseconds"] / 1000, evidence)


class Partition(NetworkChaosFault):
    """A component and its clients don't reach each other."""

    name = "partition"
    about = "Two components don't reach each other; both go on, and everybody else reaches both."
    settings: ClassVar = {
        "peer": Setting("", "the labels of the other side's pods, such as app=backend"),
        "seconds": SECONDS,
    }

    def peers(self, aim: Aim) -> str:
        labels = str(aim.settings["peer"])
        if not _equalities(labels):
            raise Refused("a partition has two sides: its setting peer would say the other's labels, as app=backend")
        return labels

    async def spec(self, kube: Kube, aim: Aim) -> Object:
        other = {"namespaces": [aim.component.namespace], "labelSelectors": _equalities(self.peers(aim))}
        target = {"mode": "all", "selector": other}
        return {**await self._spec(kube, aim, "partition"), "direction": "both", "target": target}

    async def landed(self, kube: Kube, aim: Aim, targets: Sequence[Target], before: PutBack) -> Landing:
        if not targets or not await self._injected(kube, aim):
            return Landing(False)
        said = await knocks(kube, [Door.read(before["door"])])
        return Landing(all(word == "silent" for word in said.values()), {"knocked": said})


def _selector(selector: Any, namespace: str) -> Object:
    """A workload's own selector as Chaos Mesh writes it."""
    found: Object = {"namespaces": [namespace], "labelSelectors": dict(selector.get("matchLabels") or {})}
    if selector.get("matchExpressions"):
        found["expressionSelectors"] = list(selector["matchExpressions"])
    return found


def _equalities(text: str) -> dict[str, str]:
    """``a=b,c=d`` as a mapping; empty where it says anything else."""
    pairs = [part.split("=") for part in text.split(",")]
    return {key.strip(): value.strip() for key, value in pairs} if all(len(pair) == 2 for pair in pairs) else {}
