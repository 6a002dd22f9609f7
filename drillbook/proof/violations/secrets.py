"""How Secrets are broken: a value that is too short, or one that nobody has changed for too long."""

from __future__ import annotations

import base64
import copy
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

from drillbook.clients.kube import path_of
from drillbook.model.policy import Objective
from drillbook.proof.beyond import number_beyond
from drillbook.proof.stage import Stage
from drillbook.proof.violation import Planted, Unplantable, Violation


@asynccontextmanager
async def other_length(stage: Stage, objective: Objective) -> AsyncIterator[Planted]:
    """The value has fewer bytes than the limit wants, or more than it allows; who runs has read the former one."""
    component, parameters = stage.component(objective), stage.parameters(objective)
    name, key = str(parameters["secret"]), str(parameters["key"])
    value = b"x" * max(0, int(number_beyond(objective, -1)))
    if parameters["encoding"] == "base64":
        value = base64.b64encode(value)
    path = path_of("secrets", component.namespace, name)
    async with stage.changed(path, {"data": {key: base64.b64encode(value).decode()}}):
        yield Planted(f"Secret {name} key {key}: {len(value)} bytes", _same_secret(stage, name))


@asynccontextmanager
async def too_old(stage: Stage, objective: Objective) -> AsyncIterator[Planted]:
    """The record of who wrote the data, and when, is of a time before the limit: an API server keeps what it is told.

    Raises Unplantable for one that doesn't.
    """
    component, parameters = stage.component(objective), stage.parameters(objective)
    name = str(parameters["secret"])
    path = path_of("secrets", component.namespace, name)
    before = await stage.kube.get(path)
    seconds = int(number_beyond(objective)) + 3600
    written = f"{datetime.now(UTC) - timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%SZ}"
    aged = copy.deepcopy(before)
    for entry in aged["metadata"].get("managedFields") or ():
        entry["time"] = written
    async with stage.changed(path, {}):
        kept = (await stage.kube.replace(path, aged))["metadata"].get("managedFields") or ()
        if not kept or any(entry.get("time") != written for entry in kept):
            raise Unplantable(f"{objective.id}: this API server keeps its own record of when a Secret was written")
        yield Planted(f"Secret {name}: written {seconds} s ago by its record", _same_secret(stage, name))


def _same_secret(stage: Stage, name: str) -> frozenset[str]:
    asked = stage.asking("secret.age", "secret.length")
    return frozenset(o.id for o in stage.objectives if o.id in asked and o.parameters.get("secret") == name)


VIOLATIONS: Final = (
    Violation("secret.length", other_length),
    Violation("secret.age", too_old),
)
