"""The monitoring can't scrape a component any more: its namespace, and nobody else, is kept from the pods.

Users notice nothing. What is tested is whether anybody notices that nobody is watching.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from drillbook.errors import Refused
from drillbook.faults.fault import Aim
from drillbook.faults.network_cut import NetworkCut
from drillbook.faults.settings import Setting
from drillbook.faults.workloads import read_workload, workload_of

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube, Object

NAME: Any = "kubernetes.io/metadata.name"


class ScrapeLost(NetworkCut):
    """Creates a NetworkPolicy that admits every namespace but the monitoring's."""

    name = "scrape-lost"
    about = "Prometheus can't scrape a component any more, and users notice nothing."
    settings: ClassVar = {
        "namespace": Setting("monitoring", "where the monitoring runs"),
        "labels": Setting("", "labels of its pods, such as app=prometheus; empty means any pod there"),
    }

    def watched_from(self, aim: Aim) -> tuple[str, str]:
        if aim.settings["namespace"] == aim.component.namespace:
            raise Refused("the monitoring runs in the component's own namespace, and is kept out by namespace only")
        return aim.settings["namespace"], aim.settings["labels"]

    async def spec(self, kube: Kube, aim: Aim) -> Object:
        state = await read_workload(kube, workload_of(aim.component), aim.component.namespace)
        others = {"matchExpressions": [{"key": NAME, "operator": "NotIn", "values": [aim.settings["namespace"]]}]}
        return {
            "podSelector": dict(state.selector),
            "policyTypes": ["Ingress"],
            "ingress": [{"from": [{"namespaceSelector": others}]}],
        }
