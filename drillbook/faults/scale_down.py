"""A workload is scaled to zero, or to less than it needs, as by a slip of the hand or a wrong manifest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from drillbook.errors import Refused
from drillbook.faults.fault import Aim, Landing, PutBack
from drillbook.faults.settings import Setting
from drillbook.faults.templates import TemplateFault

if TYPE_CHECKING:
    from drillbook.clients.kube import Object


class ScaleDown(TemplateFault):
    """Sets the number of replicas."""

    name = "scale-down"
    about = "A workload is scaled to zero, or to fewer replicas."
    settings: ClassVar = {"replicas": Setting(0, "how many are left", low=0, high=1000)}
    kills = True

    def change(self, found: Object, aim: Aim) -> Object:
        now, wanted = int(found["spec"].get("replicas", 1)), int(aim.settings["replicas"])
        if wanted >= now:
            raise Refused(f"it has {now} replicas: scaling it down to {wanted} is none")
        return {"spec": {"replicas": wanted}}

    def seen(self, aim: Aim, pods: Sequence[Object], before: PutBack) -> Landing:
        names = [pod["metadata"]["name"] for pod in pods]
        return Landing(len(names) <= int(aim.settings["replicas"]), {"pods left": names})
