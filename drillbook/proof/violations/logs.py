"""How logs are broken: a file that grows past its limit, and lines that say what nobody wants to read."""

from __future__ import annotations

import asyncio
import re
import shlex
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import quote

from drillbook.clients.access import authority_of
from drillbook.clients.http import Request, open_http
from drillbook.clients.reach import http_endpoint
from drillbook.model.policy import Objective
from drillbook.proof.beyond import number_beyond
from drillbook.proof.stage import Stage
from drillbook.proof.violation import Planted, Unplantable, Violation

_FILE: Final = "drillbook-proof.log"
_SPECIAL: Final = re.compile(r"\\.|[.^$*+?()\[\]{}\\]")
_AT_ONCE: Final = 50


@asynccontextmanager
async def grown(stage: Stage, objective: Objective) -> AsyncIterator[Planted]:
    """A file in the folder of logs is as large as all of it may be."""
    component, parameters = stage.component(objective), stage.parameters(objective)
    container, size = parameters["container"] or "", int(number_beyond(objective)) + 4096
    file = f"{str(parameters['path']).rstrip('/')}/{_FILE}"
    # Zeros that are written, since what is only reserved takes no room on the disk.
    write = f"head -c {size} /dev/zero > {shlex.quote(file)}"
    try:
        await stage.shell(component, write, container=container, timeout=60)
        yield Planted(
            f"{file} in {component.workload}: {size} bytes", stage.asking("volume.used_ratio", "node.disk_ratio")
        )
    finally:
        await stage.shell(component, f"rm -f {shlex.quote(file)}", container=container)


@asynccontextmanager
async def told_too_often(stage: Stage, objective: Objective) -> AsyncIterator[Planted]:
    """The words stand in the log, more often than they may: the service logs the path of each request.

    They stay there until they are older than the window, so that a shorter window is proven sooner.
    """
    component, pattern = stage.component(objective), str(stage.parameters(objective)["pattern"])
    words = _SPECIAL.sub("", pattern.split("|")[0].strip("()^$"))
    if not words or re.search(pattern, words) is None:
        raise Unplantable(f"{objective.id}: no words are known that {pattern!r} finds")
    endpoint = await http_endpoint(stage.kube.itself, stage.environment, component)
    wanted = int(number_beyond(objective)) + 1
    async with open_http(endpoint, ca=authority_of(stage.environment, component.id)) as client:
        for begin in range(0, wanted, _AT_ONCE):
            request = Request("GET", f"/{quote(words)}")
            await asyncio.gather(*(client.send(request) for _ in range(min(_AT_ONCE, wanted - begin))))
    same = stage.asking("log.matches", component=component.id) | stage.asking("http.status_ratio", "http.throughput")
    yield Planted(f"{wanted} requests for /{words}, which {component.workload} logs", same)


VIOLATIONS: Final = (
    Violation("log.size", grown),
    Violation("log.matches", told_too_often, within=60.0),
)
