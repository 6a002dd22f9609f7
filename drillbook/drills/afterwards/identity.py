"""Post-conditions of what proves identity: a new certificate that is served and managed, credentials that are cut over.

Values of Secrets are held in memory for the comparison, inside of ``Secret``; no sentence has them.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from drillbook.drills.afterwards.occasion import AfterWay, Kept, Occasion, until_settled
from drillbook.drills.afterwards.workloads import staying_pods
from drillbook.drills.identity import lets_in, served_serial
from drillbook.drills.steps.ground import component_of
from drillbook.drills.steps.workloads import may
from drillbook.errors import DrillAborted
from drillbook.faults.certificates import leaf_of
from drillbook.faults.secrets import read_secret_object
from drillbook.judge import afterwards_security as judged
from drillbook.judge.outcome import Outcome
from drillbook.model.policy import Policy
from drillbook.model.procedures import Entry

if TYPE_CHECKING:
    from drillbook.clients.kube import Permission
    from drillbook.clients.secrets import Secret

ISSUED_BY: Final = "cert-manager.io/certificate-name"
"""The annotation by which cert-manager says whose Secret it is."""


async def _served(occasion: Occasion, entry: Entry) -> str:
    ground = occasion.ground
    return await served_serial(ground.kube, ground.environment, occasion.component(entry))


async def _certificate(occasion: Occasion, entry: Entry) -> Mapping[str, Any] | None:
    from drillbook.clients.kube import path_of

    namespace = occasion.component(entry).namespace
    return await occasion.ground.kube.find(path_of("certificates", namespace, entry.values["certificate"]))


async def _know_the_serial(occasion: Occasion, entry: Entry, kept: Kept) -> None:
    found = await _certificate(occasion, entry)
    if found is None:
        raise DrillAborted(f"there is no Certificate {entry.values['certificate']} before the fault")
    kept["secret"], kept["serial"] = str(found["spec"]["secretName"]), await _served(occasion, entry)


async def _serial_changed(occasion: Occasion, entry: Entry, kept: Kept) -> Outcome:
    namespace = occasion.component(entry).namespace

    async def look() -> Outcome:
        secret = await read_secret_object(occasion.ground.kube, namespace, kept["secret"])
        return judged.serial(kept["serial"], leaf_of(secret).serial, await _served(occasion, entry))

    return await until_settled(look, occasion.settle_seconds)


async def _managed(occasion: Occasion, entry: Entry, _kept: Kept) -> Outcome:
    async def look() -> Outcome:
        return judged.managed(entry.values["certificate"], await _sight(occasion, entry))

    return await until_settled(look, occasion.settle_seconds)


async def _sight(occasion: Occasion, entry: Entry) -> judged.Managed:
    from drillbook.clients.kube import path_of

    found = await _certificate(occasion, entry)
    if found is None:
        return judged.Managed(there=False)
    conditions = (found.get("status") or {}).get("conditions") or ()
    ready: Mapping[str, Any] = next((one for one in conditions if one["type"] == "Ready"), {})
    name = str(found["spec"]["secretName"])
    secret = await occasion.ground.kube.find(path_of("secrets", occasion.component(entry).namespace, name)) or {}
    annotations = (secret.get("metadata") or {}).get("annotations") or {}
    is_ready = ready.get("status") == "True"
    return judged.Managed(True, is_ready, str(ready.get("message", "")), name, str(annotations.get(ISSUED_BY, "")))


async def _values(occasion: Occasion, entry: Entry) -> Mapping[str, Secret]:
    from drillbook.clients.secrets import Secret

    found = await read_secret_object(occasion.ground.kube, occasion.component(entry).namespace, entry.values["secret"])
    data = found.get("data") or {}
    return {key: Secret(base64.b64decode(value).decode(errors="replace")) for key, value in data.items()}


async def _know_the_values(occasion: Occasion, entry: Entry, kept: Kept) -> None:
    kept["values"], kept["pods"] = await _values(occasion, entry), await _pods(occasion, entry)


async def _pods(occasion: Occasion, entry: Entry) -> Mapping[str, str]:
    return {} if occasion.component(entry).workload is None else await staying_pods(occasion, entry)


async def _cut_over(occasion: Occasion, entry: Entry, kept: Kept) -> Outcome:
    async def look() -> Outcome:
        old, new, pods = kept["values"], await _values(occasion, entry), await _pods(occasion, entry)
        keys = entry.values["keys"]
        same = [key for key in keys if key in new and old[key].reveal() == new[key].reveal()]
        works = [await _opens(occasion, entry, values[keys[0]]) if keys[0] in values else None for values in (old, new)]
        staying = sorted(name for uid, name in kept["pods"].items() if uid in pods)
        return judged.cut_over(
            entry.values["secret"], judged.Rotation(sorted(set(old) - set(new)), same, staying, *works)
        )

    return await until_settled(look, occasion.settle_seconds)


async def _opens(occasion: Occasion, entry: Entry, password: Secret) -> bool | None:
    """Whether the component lets in whoever has that; None where it isn't a database."""
    ground, component = occasion.ground, occasion.component(entry)
    if component.engine != "postgres":
        return None
    return await lets_in(ground.kube, ground.environment, component, password)


def _certificate_needs(policy: Policy, entry: Entry) -> tuple[Permission, ...]:
    from drillbook.clients.kube import Permission

    namespace = component_of(policy, entry).namespace
    return (
        Permission("get", "certificates", "cert-manager.io", namespace),
        Permission("get", "secrets", "", namespace),
    )


def _rotation_needs(policy: Policy, entry: Entry) -> tuple[Permission, ...]:
    from drillbook.clients.kube import Permission

    component = component_of(policy, entry)
    pods: tuple[Permission, ...] = may()(policy, entry) if component.workload else ()
    return (Permission("get", "secrets", "", component.namespace), *pods)


def _named(entry: Entry) -> str:
    return str(entry.values["certificate"])


WAYS: Final[Mapping[str, AfterWay]] = {
    "cert_serial_changed": AfterWay(_serial_changed, prepare=_know_the_serial, more=_named, needs=_certificate_needs),
    "cert_object_still_managed": AfterWay(_managed, more=_named, needs=_certificate_needs),
    "credentials_cut_over": AfterWay(
        _cut_over,
        prepare=_know_the_values,
        more=lambda entry: f"Secret {entry.values['secret']}",
        needs=_rotation_needs,
    ),
}
