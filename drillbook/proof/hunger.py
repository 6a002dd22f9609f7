"""Containers that use up what they may.

What a container may use is lowered in place first (the ``resize`` subresource) where it is more than a small machine
can give away: eating 3.4 of 4 GiB proves nothing that 220 of 256 MiB don't.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Final

from drillbook.clients.kube import ApiRefusal, Object, path_of
from drillbook.clients.kube_quantity import kube_quantity
from drillbook.model.policy import Component
from drillbook.proof.stage import Stage
from drillbook.proof.violation import Unplantable

MOST: Final = {"cpu": Decimal("0.1"), "memory": Decimal(256 * 1024 * 1024)}
"""The most that a container is left with before it is made to use it up."""
BURN: Final = """
import os, sys, time
share = float(sys.argv[1]) / 8
os.fork(), os.fork(), os.fork()
if os.getpid() != os.getpgrp():
    os.setsid()
begun, parent = time.monotonic(), os.getppid()
while time.monotonic() - begun < 600 and os.getppid() == parent:
    if time.process_time() < share * (time.monotonic() - begun):
        for _ in range(20000):
            pass
    else:
        time.sleep(0.005)
"""
"""Uses so many cores, in eight processes and sessions, because a busy machine gives each of them but a share."""
FILL: Final = """
import os, sys, time
with open("/proc/self/statm") as told:
    resident, shared = map(int, told.read().split()[1:3])
held = b"x" * max(0, int(sys.argv[1]) - (resident - shared) * os.sysconf("SC_PAGE_SIZE"))
time.sleep(600)
"""
"""Holds so many bytes, what the interpreter itself takes among them; pages that it shares with others aside."""


@asynccontextmanager
async def lowered(
    stage: Stage, component: Component, pod: Object, container: Object, resource: str, of: str, most: Decimal
) -> AsyncIterator[Decimal]:
    """The container's limit or request while it is ``most`` or less, low enough to be used up here."""
    resources = container.get("resources") or {}
    given = {kind: kube_quantity(found[resource]) for kind, found in resources.items() if resource in (found or {})}
    bound = given.get(f"{of}s", given.get("limits"))
    if bound is None:
        raise Unplantable(f"{component.workload} has no {resource} {of}, so there is no share of it")
    if bound <= most:
        yield bound
        return
    low = {kind: {resource: f"{min(value, most).normalize():f}"} for kind, value in given.items()}
    back = {kind: {resource: resources[kind][resource]} for kind in given}
    path = path_of("pods", component.namespace, pod["metadata"]["name"], "resize")
    try:
        await stage.kube.patch(path, _resized(container["name"], low), "strategic")
        yield most
    finally:
        try:
            await stage.kube.patch(path, _resized(container["name"], back), "strategic")
        except ApiRefusal as refused:
            if refused.code != 404:  # a pod that is gone has nothing to be put back
                raise


def _resized(container: str, resources: Object) -> Object:
    return {"spec": {"containers": [{"name": container, "resources": resources}]}}
