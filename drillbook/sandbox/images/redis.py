"""Redis and Valkey: both names, with any tag, start the Valkey that is installed; it speaks the same protocol."""

from __future__ import annotations

from functools import cache

from drillbook.sandbox.images.family import Family
from drillbook.sandbox.images.program import Program
from drillbook.sandbox.images.tools import common, module

SERVER = module("drillbook.sandbox.images.redis_server")
CLIENT = module("drillbook.sandbox.images.redis_cli")


@cache
def _program() -> Program:
    return Program(
        entrypoint=SERVER,
        arguments=("redis-server",),
        shims=common()
        | {name: (*SERVER, name) for name in ("redis-server", "valkey-server")}
        | dict.fromkeys(("redis-cli", "valkey-cli"), CLIENT),
        data_path="/data",
    )


FAMILY = Family(("redis", "valkey"), lambda _: _program())
