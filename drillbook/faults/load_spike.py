"""A load spike: more users than usual come to a component's front door, its Service, from a pod of their own.

The process that injects a fault ends with its drill, so the load is made by a pod: it ends by itself after its seconds
or its number of requests, the cluster ends it a moment later whatever it does (``activeDeadlineSeconds``), and the undo
deletes it. It only reads, on the route of the policy that users read most, and goes nowhere but to the address of the
component's own Service.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from drillbook.errors import Refused
from drillbook.faults import load_sender
from drillbook.faults.creating import POD, CreatingFault
from drillbook.faults.fault import Aim, Landing, Needs, PutBack, Target
from drillbook.faults.services import service_of
from drillbook.faults.settings import Setting

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube, Object

SLACK_SECONDS: Final = 30
"""How much longer than its load the pod may live: an image is pulled, and the last answers are waited for."""
RESOURCES: Final = {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"cpu": "1", "memory": "256Mi"}}
NOBODY: Final = 65_534
"""Any user but root, so that a namespace that admits no other pods takes it."""


class LoadSpike(CreatingFault):
    """Creates a pod that sends requests."""

    name = "load-spike"
    about = "Many more users than usual come to a component for a while."
    kind = POD
    settings: ClassVar = {
        "rate": Setting(50, "requests beside the usual ones", low=1, high=2000, unit="per second"),
        "seconds": Setting(300, "how long it lasts if nobody ends it", low=1, high=3600, unit="s"),
        "requests": Setting(100_000, "the most in all, after which it ends too", low=1, high=10_000_000),
        "path": Setting("", "what is asked for; empty means the route that users read most, else the health endpoint"),
        "image": Setting("python:3.13-alpine", "an image with Python 3.11 or later that this cluster can pull"),
    }

    def needs(self, aim: Aim) -> Needs:
        from drillbook.clients.kube import Permission

        needs, namespace = super().needs(aim), aim.component.namespace
        more = (Permission("get", "services", "", namespace), Permission("get", "pods/log", "", namespace))
        return Needs((*needs.to_break, *more), needs.to_repair)

    async def how(self, kube: Kube, aim: Aim) -> str:
        host, port = await _address(kube, aim)
        set_ = aim.settings
        most = min(set_["requests"], set_["rate"] * set_["seconds"])
        return (
            f"a pod {self.object_name(aim)} of {set_['image']} sends {set_['rate']} requests per second for "
            f"{set_['seconds']} s at most, {most:,} in all, to GET {_path(aim)} of Service {aim.component.service} "
            f"({host}:{port})"
        )

    async def spec(self, kube: Kube, aim: Aim) -> Object:
        host, port = await _address(kube, aim)
        set_ = aim.settings
        words = [host, str(port), _path(aim), str(set_["rate"]), str(set_["seconds"]), str(set_["requests"])]
        container = {
            "name": "users",
            "image": set_["image"],
            "command": ["python", "-c", _program(), *words],
            "resources": RESOURCES,
            "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        }
        return {
            "restartPolicy": "Never",
            "activeDeadlineSeconds": set_["seconds"] + SLACK_SECONDS,
            "terminationGracePeriodSeconds": 1,
            "automountServiceAccountToken": False,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": NOBODY,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [container],
        }

    async def landed(self, kube: Kube, aim: Aim, targets: Sequence[Target], before: PutBack) -> Landing:
        from drillbook.clients.kube import path_of

        name, namespace = self.object_name(aim), aim.component.namespace
        found = await kube.find(path_of("pods", namespace, name))
        if not targets or found is None:
            return Landing(False, {"pod": "is not there"})
        status: Any = found.get("status") or {}
        states = [one.get("state") or {} for one in status.get("containerStatuses") or ()]
        if not any("running" in state or "terminated" in state for state in states):
            waiting = next((s["waiting"].get("reason") for s in states if "waiting" in s), None)
            return Landing(False, {"pod": waiting or status.get("phase", "Unknown")})
        came = _told(await kube.logs(namespace, name, tail=1))
        # A whole second's worth: what was sent and never answered has reached nobody that one could tell.
        enough = sum(came.get("answered", {}).values()) >= min(aim.settings["rate"], aim.settings["requests"])
        return Landing(enough, {"pod": status.get("phase"), "came back": came})


def _program() -> str:
    """The sender's own source: an image with Python is all that the pod needs."""
    return Path(load_sender.__file__).read_text(encoding="utf-8")


async def _address(kube: Kube, aim: Aim) -> tuple[str, int]:
    """The address and port of the component's Service. Read-only; raises Refused where it has none."""
    service, component = await service_of(kube, aim), aim.component
    address, ports = service["spec"].get("clusterIP") or "None", [one["port"] for one in service["spec"]["ports"]]
    if address == "None":
        raise Refused(f"Service {component.service} has no address of its own, so it is no front door")
    if component.port not in ports:
        raise Refused(
            f"component {component.id!r}: expected its port to be one of those of Service {component.service}, "
            f"{', '.join(map(str, ports))}, found {component.port or 'none in its policy'}"
        )
    return str(address), int(component.port or 0)


def _path(aim: Aim) -> str:
    """What is asked for. Raises Refused where nobody says."""
    route = aim.component.read_route
    path = str(aim.settings["path"]) or (route.path if route else "") or aim.component.health or ""
    if not path.startswith("/") or not path.isascii() or any(c.isspace() for c in path):
        raise Refused(
            f"component {aim.component.id!r} has neither a route to read nor a health endpoint, so the experiment must "
            f"say a path that begins with /; found {path!r}"
        )
    return path


def _told(log: str) -> dict[str, Any]:
    """The last line that the pod has printed; empty where there is none yet, or it says something else."""
    try:
        told = json.loads(log.strip().splitlines()[-1])
    except (IndexError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}
