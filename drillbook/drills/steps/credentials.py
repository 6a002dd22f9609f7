"""Steps on what proves identity: a certificate issued anew, a Secret with new values. No value is shown or kept."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from drillbook.clock import iso
from drillbook.drills.residue import ANY
from drillbook.drills.steps.ground import Changes, Ground, Way, component_of
from drillbook.drills.steps.objects import permission
from drillbook.errors import ConfigError, DrillAborted
from drillbook.model.policy import Policy
from drillbook.model.procedures import Entry

if TYPE_CHECKING:
    from drillbook.clients.kube import Object, Permission

FORCE_RENEW: Final = "cert-manager.io/force-renew"
RANDOM_BYTES: Final = 32


async def renew(ground: Ground, step: Entry) -> str:
    """Ask for a new certificate; that one is issued, and served, is another thing."""
    from drillbook.clients.kube import path_of

    namespace, name = ground.component(step).namespace, step.values["certificate"]
    path = path_of("certificates", namespace, name)
    found = await ground.kube.find(path)
    if found is None:
        raise DrillAborted(f"expected Certificate {namespace}/{name} to renew, found none")
    match step.values["how"]:
        case "mark":
            await _mark(ground, path, found)
            return f"Certificate {name} is marked for issuing"
        case "annotate":
            await ground.kube.patch(path, {"metadata": {"annotations": {FORCE_RENEW: iso(ground.clock.now())}}})
            return f"Certificate {name} has a new annotation {FORCE_RENEW}"
        case "delete_certificate":
            await ground.kube.delete(path, uid=found["metadata"]["uid"])
            return f"Certificate {name} is deleted"
        case _:
            secret = str(found["spec"]["secretName"])
            await _delete_secret(ground, namespace, secret)
            return f"Secret {secret} of Certificate {name} is deleted"


async def _mark(ground: Ground, path: str, found: Object) -> None:
    """What cert-manager's own command line does: the condition Issuing, which its controller acts on."""
    issuing = {
        "type": "Issuing",
        "status": "True",
        "reason": "ManuallyTriggered",
        "message": "Certificate re-issuance manually triggered",
        "lastTransitionTime": iso(ground.clock.now()),
        "observedGeneration": found["metadata"].get("generation", 1),
    }
    conditions = [c for c in (found.get("status") or {}).get("conditions") or () if c["type"] != "Issuing"]
    await ground.kube.patch(f"{path}/status", {"status": {"conditions": [*conditions, issuing]}})


async def _delete_secret(ground: Ground, namespace: str, secret: str) -> None:
    from drillbook.clients.kube import path_of

    path = path_of("secrets", namespace, secret)
    found = await ground.kube.find(path)
    if found is None:
        raise DrillAborted(f"expected Secret {namespace}/{secret} to delete, found none")
    await ground.kube.delete(path, uid=found["metadata"]["uid"])


async def rotate(ground: Ground, step: Entry) -> str:
    """New random values for keys of a Secret; with ``drops_others`` nothing else is left in it."""
    from drillbook.clients.kube import path_of

    namespace, name, keys = ground.component(step).namespace, step.values["secret"], step.values["keys"]
    path = path_of("secrets", namespace, name)
    found = await ground.kube.find(path)
    if found is None:
        raise DrillAborted(f"expected Secret {namespace}/{name} to rotate, found none")
    there = sorted(found.get("data") or {})
    if missing := sorted(set(keys) - set(there)):
        raise ConfigError(f"expected Secret {namespace}/{name} to have {', '.join(missing)}, found {', '.join(there)}")
    data: dict[str, str | None] = {key: _random() for key in keys}
    dropped = sorted(set(there) - set(keys)) if step.values["drops_others"] else []
    await ground.kube.patch(path, {"data": data | dict.fromkeys(dropped)})
    gone = f", and {', '.join(dropped)} dropped" if dropped else ""
    return f"Secret {name} has new values of {', '.join(keys)}{gone}"


def _random() -> str:
    """A value of 32 random bytes as text, and that as a Secret keeps it."""
    return base64.b64encode(base64.b64encode(secrets.token_bytes(RANDOM_BYTES))).decode()


def _renew_needs(policy: Policy, step: Entry) -> tuple[Permission, ...]:
    from drillbook.clients.kube import Permission

    namespace = component_of(policy, step).namespace
    ways = {
        "mark": (Permission("patch", "certificates/status", "cert-manager.io", namespace),),
        "annotate": (permission("patch", "Certificate", namespace),),
        "delete_certificate": (permission("delete", "Certificate", namespace),),
        "delete_secret": (permission("get", "Secret", namespace), permission("delete", "Secret", namespace)),
    }
    return (permission("get", "Certificate", namespace), *ways[step.values["how"]])


def _renew_changes(policy: Policy, step: Entry) -> Changes:
    """The new certificate is in a Secret, whose name the policy doesn't say: cert-manager's usual one is the same."""
    namespace, name = component_of(policy, step).namespace, step.values["certificate"]
    own = {"annotate": ("metadata.annotations",), "delete_certificate": (ANY,)}.get(step.values["how"], ())
    return {("Certificate", namespace, name): own, ("Secret", namespace, name): (ANY,)}


def _rotate_needs(policy: Policy, step: Entry) -> tuple[Permission, ...]:
    namespace = component_of(policy, step).namespace
    return permission("get", "Secret", namespace), permission("patch", "Secret", namespace)


def _rotate_changes(policy: Policy, step: Entry) -> Changes:
    fields = ("data",) if step.values["drops_others"] else tuple(f"data.{key}" for key in step.values["keys"])
    return {("Secret", component_of(policy, step).namespace, step.values["secret"]): fields}


WAYS: Final[Mapping[str, Way]] = {
    "renew_certificate": Way(renew, _renew_needs, lambda step: str(step.values["certificate"]), _renew_changes),
    "rotate_secret": Way(rotate, _rotate_needs, lambda step: str(step.values["secret"]), _rotate_changes),
}
