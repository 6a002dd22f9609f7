"""What an object takes from a namespace's quotas, by the names that a ResourceQuota gives to resources."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from drillbook.sandbox.api.quantities import canonical, parse
from drillbook.sandbox.kinds import (
    CLAIM,
    CONFIG_MAP,
    POD,
    REPLICATION_CONTROLLER,
    RESOURCE_QUOTA,
    SECRET,
    SERVICE,
    Kind,
    Object,
)

_PLAIN_COUNTS: Final = frozenset({CONFIG_MAP, SECRET, REPLICATION_CONTROLLER, RESOURCE_QUOTA})
_COMPUTE: Final = ("cpu", "memory", "ephemeral-storage")
_CLASS: Final = ".storageclass.storage.k8s.io/"


@dataclass(frozen=True, slots=True)
class Amount:
    """A quantity that remembers whether it was written in powers of 1024."""

    value: Decimal
    binary: bool = False

    @classmethod
    def read(cls, text: object) -> Amount:
        """ValueError when it is no quantity."""
        written = str(text)
        return cls(parse(written), written.endswith("i"))

    def __add__(self, other: Amount) -> Amount:
        return Amount(self.value + other.value, self.binary or other.binary)

    def __sub__(self, other: Amount) -> Amount:
        return Amount(self.value - other.value, self.binary or other.binary)

    def __str__(self) -> str:
        """Kubernetes' canonical form."""
        if self.binary:
            return canonical(f"{self.value / 1024:f}Ki")
        return canonical(f"{self.value:f}")


type Usage = Mapping[str, Amount]
"""By resource: ``pods``, ``requests.cpu``, ``count/deployments.apps``."""

ONE: Final = Amount(Decimal(1))
NOTHING: Final = Amount(Decimal(0))


def usage_of(kind: Kind, obj: Object) -> Usage:
    """What one object takes. Every kind is countable as ``count/<resource>``."""
    used: dict[str, Amount] = {f"count/{kind.resource}": ONE}
    if kind in _PLAIN_COUNTS:
        used[kind.plural] = ONE
    special = _SPECIAL.get(kind)
    return used | special(obj) if special else used


def total(usages: Iterable[Usage]) -> dict[str, Amount]:
    """The sum."""
    summed: dict[str, Amount] = {}
    for usage in usages:
        for name, amount in usage.items():
            summed[name] = summed[name] + amount if name in summed else amount
    return summed


def is_over(pod: Object) -> bool:
    """Whether the pod takes nothing any more: it has ended, or should be gone by now."""
    if (pod.get("status") or {}).get("phase") in {"Succeeded", "Failed"}:
        return True
    meta = pod["metadata"]
    if "deletionTimestamp" not in meta:
        return False
    # A pod's deletion time is when its grace ends; until then its processes may still use what they were given.
    grace = timedelta(seconds=int(meta.get("deletionGracePeriodSeconds") or 0))
    return datetime.now(UTC) > datetime.fromisoformat(meta["deletionTimestamp"]) + grace


def resources_of(pod: Object, which: str) -> dict[str, Amount]:
    """A pod's ``requests`` or ``limits``: the sum of its containers, or the largest step on the way there.

    Init containers run one after another, so only the largest counts; those that keep running (sidecars) add to
    everything that comes after them. Source: "Init containers, resource sharing within containers" in the Kubernetes
    documentation.
    """
    spec = pod["spec"]
    sidecars: dict[str, Amount] = {}
    steps: list[Usage] = []
    for container in spec.get("initContainers") or ():
        own = _resources(container, which)
        if container.get("restartPolicy") == "Always":
            sidecars = total([sidecars, own])
            steps.append(sidecars)
        else:
            steps.append(total([sidecars, own]))
    steps.append(total([sidecars, *(_resources(container, which) for container in spec["containers"])]))
    most: dict[str, Amount] = {}
    for step in steps:
        for name, amount in step.items():
            if name not in most or amount.value > most[name].value:
                most[name] = amount
    overhead = {name: Amount.read(text) for name, text in (spec.get("overhead") or {}).items()}
    return total([most, {name: amount for name, amount in overhead.items() if which == "requests" or name in most}])


def _resources(container: Object, which: str) -> dict[str, Amount]:
    found = ((container.get("resources") or {}).get(which)) or {}
    return {name: Amount.read(text) for name, text in found.items()}


def _pod(pod: Object) -> dict[str, Amount]:
    if is_over(pod):
        return {}
    used = {"pods": ONE}
    for name, amount in resources_of(pod, "requests").items():
        used[f"requests.{name}"] = amount
        if name in _COMPUTE:
            used[name] = amount
    for name, amount in resources_of(pod, "limits").items():
        if name in _COMPUTE:
            used[f"limits.{name}"] = amount
    return used


def _service(service: Object) -> dict[str, Amount]:
    spec = service.get("spec") or {}
    ports = Amount(Decimal(len(spec.get("ports") or ())))
    used = {"services": ONE}
    if spec.get("type") == "LoadBalancer":
        used["services.loadbalancers"] = ONE
        if spec.get("allocateLoadBalancerNodePorts") is not False:
            used["services.nodeports"] = ports
    elif spec.get("type") == "NodePort":
        used["services.nodeports"] = ports
    return used


def _claim(claim: Object) -> dict[str, Amount]:
    spec = claim.get("spec") or {}
    used = {"persistentvolumeclaims": ONE}
    asked = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    if asked is not None:
        used["requests.storage"] = Amount.read(asked)
    if spec.get("storageClassName"):
        used |= {f"{spec['storageClassName']}{_CLASS}{name}": amount for name, amount in used.items()}
    return used


_SPECIAL: Final[Mapping[Kind, Callable[[Object], dict[str, Amount]]]] = {POD: _pod, SERVICE: _service, CLAIM: _claim}
