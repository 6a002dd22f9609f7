"""What may be said of a Secret: how old its value is and how long. The value itself never leaves this file."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from drillbook.clients.kube import Object, path_of
from drillbook.errors import Unreachable
from drillbook.model.observation import Observation
from drillbook.model.policy import Component
from drillbook.model.quantity import Dimension
from drillbook.probes.scene import Scene, needed


async def age(scene: Scene, component: Component | None, parameters: Mapping[str, Any]) -> Observation:
    """Seconds since the Secret's data was last written, as the API server's field management recorded it.

    The creation says nothing of a Secret that is rotated in place. Without a record the age lies between nothing and
    the time since the creation.
    """
    found, where = await _secret(scene, needed(component, "secret.age"), parameters)
    created = datetime.fromisoformat(found["metadata"]["creationTimestamp"])
    since_creation = max(0.0, (scene.clock.now() - created).total_seconds())
    written = [
        moment for entry in found["metadata"].get("managedFields") or () if (moment := _wrote(entry, parameters))
    ]
    evidence = {"created": found["metadata"]["creationTimestamp"], "written": sorted(written)}
    if written:
        last = datetime.fromisoformat(max(written))
        seconds = max(0.0, (scene.clock.now() - last).total_seconds())
        return scene.seen(Dimension.DURATION, where, round(seconds), samples=len(written), evidence=evidence)
    return scene.seen(
        Dimension.DURATION,
        where,
        round(since_creation),
        low=0,
        high=round(since_creation),
        remedy="ask an API server that records managedFields: this one doesn't say when the data was last written",
        evidence=evidence,
    )


def _wrote(entry: Object, parameters: Mapping[str, Any]) -> str:
    """When a manager wrote the data (or the one key of it), empty where it wrote something else."""
    fields = entry.get("fieldsV1") or {}
    data = {**(fields.get("f:data") or {}), **(fields.get("f:stringData") or {})}
    wanted = parameters["key"]
    return str(entry.get("time", "")) if (f"f:{wanted}" in data if wanted else data) else ""


async def length(scene: Scene, component: Component | None, parameters: Mapping[str, Any]) -> Observation:
    """Bytes of one value of a Secret: as it is stored, or of what it encodes in base64.

    The API writes every value in base64, whose length is a third more and nothing that anybody chose. A line break at
    the end, which ``echo`` leaves, is no part of the value and is told.
    """
    found, where = await _secret(scene, needed(component, "secret.length"), parameters)
    key = str(parameters["key"])
    if key not in (found.get("data") or {}):
        problem = f"Secret {found['metadata']['name']} has no key {key!r}"
        return scene.unseen(Dimension.COUNT, where, problem, evidence={"keys": sorted(found.get("data") or {})})
    stored = base64.b64decode(found["data"][key])
    value = stored.rstrip(b"\r\n")
    evidence = {"encoding": parameters["encoding"], "line_break_at_end": value != stored}
    if parameters["encoding"] == "base64":
        try:
            value = base64.b64decode(value, validate=True)
        except binascii.Error:
            # Without the cause: its message may quote the value.
            return scene.unseen(Dimension.COUNT, where, f"key {key!r} holds no base64", evidence=evidence)
    return scene.seen(Dimension.COUNT, where, len(value), evidence=evidence)


async def _secret(scene: Scene, component: Component, parameters: Mapping[str, Any]) -> tuple[Object, str]:
    name = str(parameters["secret"])
    kube = await scene.kube()
    found = await kube.find(path_of("secrets", component.namespace, name))
    if found is None:
        raise Unreachable(f"Secret {component.namespace}/{name} of component {component.id!r} isn't there")
    return found, f"Secret {component.namespace}/{name}" + (f" key {parameters['key']}" if parameters["key"] else "")
