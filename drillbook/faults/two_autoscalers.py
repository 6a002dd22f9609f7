"""A second autoscaler for one workload: two controllers that pull in different directions, or both stand still."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Final

from drillbook.errors import Refused
from drillbook.faults.creating import AUTOSCALER, CreatingFault
from drillbook.faults.fault import Aim, Landing, Needs, Target
from drillbook.faults.settings import Setting
from drillbook.faults.templates import KINDS
from drillbook.faults.workloads import workload_of

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube, Object, Objects
    from drillbook.faults.fault import PutBack

_PLURAL: Final = "horizontalpodautoscalers"


class TwoAutoscalers(CreatingFault):
    """Creates a HorizontalPodAutoscaler beside the one that is there."""

    name = "two-autoscalers"
    about = "A workload has two autoscalers that disagree."
    kind = AUTOSCALER
    settings: ClassVar = {
        "least": Setting(1, "minReplicas of the second one", low=1, high=1000),
        "most": Setting(2, "maxReplicas of the second one", low=1, high=1000),
        "cpu": Setting(50, "its target of CPU", low=1, high=100, unit="% of the request"),
    }

    def needs(self, aim: Aim) -> Needs:
        from drillbook.clients.kube import Permission

        needs = super().needs(aim)
        look = Permission("list", _PLURAL, "autoscaling", aim.component.namespace)
        return Needs((*needs.to_break, look), needs.to_repair)

    async def how(self, kube: Kube, aim: Aim) -> str:
        names = [one["metadata"]["name"] for one in await _autoscalers(kube, aim)]
        if not names:
            raise Refused(f"component {aim.component.id!r} has no autoscaler, so a second one would be its first")
        if aim.settings["least"] > aim.settings["most"]:
            raise Refused("the second autoscaler's least must not be above its most")
        return f"a HorizontalPodAutoscaler {self.object_name(aim)} is created beside {', '.join(names)}"

    async def spec(self, kube: Kube, aim: Aim) -> Object:
        workload = workload_of(aim.component)
        target = {"type": "Utilization", "averageUtilization": aim.settings["cpu"]}
        return {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": KINDS[workload.kind], "name": workload.name},
            "minReplicas": aim.settings["least"],
            "maxReplicas": aim.settings["most"],
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
        }

    async def landed(self, kube: Kube, aim: Aim, targets: Sequence[Target], before: PutBack) -> Landing:
        if not targets:
            return Landing(False)
        said = {
            one["metadata"]["name"]: [
                f"{c['type']} {c['status']} {c.get('reason', '')}".strip()
                for c in (one.get("status") or {}).get("conditions") or ()
            ]
            for one in await _autoscalers(kube, aim)
        }
        # Its own controller has looked at it: until then it is a file that nobody has read.
        return Landing(len(said) > 1 and bool(said.get(self.object_name(aim))), {"autoscalers": said})


async def _autoscalers(kube: Kube, aim: Aim) -> Objects:
    from drillbook.clients.kube import path_of

    workload = workload_of(aim.component)
    wanted = (KINDS[workload.kind], workload.name)
    found = await kube.list(path_of(_PLURAL, aim.component.namespace))
    return [o for o in found if (o["spec"]["scaleTargetRef"]["kind"], o["spec"]["scaleTargetRef"]["name"]) == wanted]
