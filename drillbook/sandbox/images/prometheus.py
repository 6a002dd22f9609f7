"""Prometheus and its Alertmanager: the real servers, where this machine has them (``scripts/prometheus`` gets them)."""

from __future__ import annotations

from functools import partial
from typing import Final

from drillbook.model.indicators.prometheus import TOOLS as NEEDED
from drillbook.places import program
from drillbook.sandbox.images.family import Family
from drillbook.sandbox.images.program import Program
from drillbook.sandbox.images.tools import common, module

SERVER: Final = "drillbook.sandbox.images.prometheus_server"
NAMES: Final = {server: names for server, (names, _) in NEEDED.items()}
"""What each server's program may be called; Debian has a name of its own."""
TOOLS: Final = {server: tool[0] for server, (_, tool) in NEEDED.items()}
"""The tool that each image carries beside its server."""


def _absent(server: str) -> str:
    if program(*NAMES[server]):
        return ""
    return f"this machine has no {server}, and no package brings one: get it with scripts/prometheus"


def _program(server: str) -> Program:
    tool = program(TOOLS[server])
    return Program(
        entrypoint=module(SERVER, server),
        env={"GOMAXPROCS": "2"},
        shims=common() | ({TOOLS[server]: (str(tool),)} if tool else {}),
        data_path=f"/{server}",
    )


def _family(server: str) -> Family:
    """Every tag starts the version that is installed."""
    return Family((f"prom/{server}", f"*/prometheus/{server}"), lambda _: _program(server), partial(_absent, server))


FAMILIES: Final = tuple(map(_family, NAMES))
