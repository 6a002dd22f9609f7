"""Faults that take a whole namespace away: lock and journal are then kept in another, and more is asked before it.

The other namespace is the environment's ``journal``, else the first of the system's other namespaces.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from drillbook.errors import Refused
from drillbook.model.environment import Environment, EnvironmentClass
from drillbook.model.policy import Policy

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube
    from drillbook.drills.guard import Intent


def other_namespace(policy: Policy, environment: Environment | None, namespace: str) -> str:
    """Where lock and journal are while ``namespace`` is away; empty where there is no other."""
    others = [environment.journal if environment else None, *policy.namespaces]
    return next((one for one in others if one and one != namespace), "")


async def lock_outlasts(kube: Kube, intent: Intent) -> str:
    """Lock, journal and the rights to undo are still there when the namespace is away. Raises Refused."""
    from drillbook.clients.kube import Permission, path_of

    namespace, home, path = intent.aim.component.namespace, intent.home, intent.environment.path
    if not intent.fault.takes_namespace:
        return f"lock and journal are in namespace {home}"
    taken = f"{intent.fault.name} takes namespace {namespace} away"
    if not home:
        raise Refused(
            f"{taken}, and with it lock and journal: expected another namespace for them, found none; say `journal: "
            f"NAMESPACE` in {path}"
        )
    if await kube.find(path_of("namespaces", name=home)) is None:
        raise Refused(f"{taken}, and lock and journal would be in namespace {home}, which is not there: create it")
    if not await kube.allowed(Permission("*", "*", "*")):
        raise Refused(
            f"{taken}, and with it every right that is given in it, so nobody could make it again: expected the rights "
            "of an administrator of the cluster, found rights in single namespaces"
        )
    if intent.environment.environment_class is not EnvironmentClass.SANDBOX:
        await _may_be_lost(kube, intent, taken)
    return f"{taken}; lock and journal are in namespace {home}"


async def _may_be_lost(kube: Kube, intent: Intent, taken: str) -> None:
    from drillbook.clients.kube import path_of

    if not intent.production:
        raise Refused(f"{taken}, which is asked for as if it were production everywhere: --production was not said")
    claims = await kube.list(path_of("persistentvolumeclaims", intent.aim.component.namespace))
    if claims and intent.aim.settings.get("data") != "elsewhere":
        names = ", ".join(sorted(claim["metadata"]["name"] for claim in claims))
        raise Refused(
            f"{taken}, and the data of its claims ({names}) for good: expected `settings: {{data: elsewhere}}` in the "
            "drill, where it is kept in another place or the procedure restores it, found none"
        )
