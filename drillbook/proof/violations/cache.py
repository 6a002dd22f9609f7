"""How a Redis is broken: out of reach, asked for what it hasn't got, crowded, filled, set otherwise."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from decimal import Decimal
from typing import Final

from drillbook.clients.reach import tcp_endpoint
from drillbook.clients.redis import open_redis
from drillbook.clients.secrets import read_secret
from drillbook.errors import Unreachable
from drillbook.model.limit import Limit
from drillbook.model.policy import Component, Objective
from drillbook.model.text_limit import TextLimit
from drillbook.proof.beyond import number_beyond
from drillbook.proof.doors import behind_port, port_astray
from drillbook.proof.stage import Stage
from drillbook.proof.violation import Planted, Unplantable, Violation

_FILL: Final = """
for number = 1, tonumber(ARGV[1]) do
  redis.call('SET', 'drillbook-proof:' .. number, string.rep('x', tonumber(ARGV[2])), 'EX', 600)
end
"""
_EMPTY: Final = """
for number = 1, tonumber(ARGV[1]) do redis.call('UNLINK', 'drillbook-proof:' .. number) end
"""
_MISS: Final = """
for number = 1, 1000 do redis.call('GET', 'drillbook-proof-nothing:' .. number) end
"""
_MEBIBYTE: Final = 1024 * 1024
_CLOSELY: Final = 128
"""Bytes of a value where the measure is close: a key's own weight is about as much."""


@asynccontextmanager
async def out_of_reach(stage: Stage, objective: Objective) -> AsyncIterator[Planted]:
    """The Service's port leads to where nobody listens."""
    component = stage.component(objective)
    async with port_astray(stage, component) as what:
        yield Planted(what, behind_port(stage, component))


@asynccontextmanager
async def misses(stage: Stage, objective: Objective) -> AsyncIterator[Planted]:
    """Somebody keeps asking for keys that aren't there."""
    component = stage.component(objective)

    async def ask_in_vain() -> None:
        while True:
            await _redis(stage, component, "EVAL", _MISS, "0")

    task = asyncio.create_task(ask_in_vain())
    try:
        yield Planted(f"keys that aren't there are asked of {component.workload}")
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def crowded(stage: Stage, objective: Objective) -> AsyncIterator[Planted]:
    """More clients are connected than the limit allows."""
    component = stage.component(objective)
    endpoint = await tcp_endpoint(stage.kube.itself, stage.environment, component)
    reach = stage.environment.components.get(component.id)
    password = await read_secret(reach.password, stage.kube.itself) if reach and reach.password else None
    count = int(number_beyond(objective))
    async with AsyncExitStack() as opened:
        for _ in range(count):
            client = await opened.enter_async_context(open_redis(endpoint, user=component.user, password=password))
            await client.ping()
        yield Planted(f"{count} more clients of {component.workload}", stage.asking("cache.clients"))


@asynccontextmanager
async def evicting(stage: Stage, objective: Objective) -> AsyncIterator[Planted]:
    """The memory is too small for what is written, so that keys are thrown away: those alone that would expire anyway.

    The server counts them since its start, so that the count is begun anew in the end.
    """
    component, wanted = stage.component(objective), int(number_beyond(objective))
    limit = await _number(stage, component, "used_memory") + 4 * _MEBIBYTE
    async with (
        _set(stage, component, "maxmemory-policy", "volatile-ttl"),
        _set(stage, component, "maxmemory", f"{limit}"),
    ):
        written = wanted + 8
        try:
            await _redis(stage, component, "EVAL", _FILL, "0", str(written), str(_MEBIBYTE))
            evicted = await _number(stage, component, "evicted_keys")
            if evicted < wanted:
                raise Unreachable(f"expected {wanted} keys of {component.workload} evicted, and {evicted} were")
            yield Planted(f"{evicted} keys of {component.workload} evicted", stage.asking("cache.memory_ratio"))
        finally:
            await _redis(stage, component, "EVAL", _EMPTY, "0", str(written))
            await _redis(stage, component, "CONFIG", "RESETSTAT")


@asynccontextmanager
async def filled(stage: Stage, objective: Objective) -> AsyncIterator[Planted]:
    """Keys fill the memory past the limit, and not past what the server may have."""
    component = stage.component(objective)
    whole, used = [await _number(stage, component, name) for name in ("maxmemory", "used_memory")]
    if not whole or not isinstance(objective.limit, Limit):
        raise Unplantable(f"{objective.id}: Redis in {component.workload} has no maxmemory that could be filled")
    aim = (objective.limit.quantity.value + 1) / 2
    if objective.limit.holds_at(aim) or not 0 < aim < 1:
        raise Unplantable(
            f"{objective.id}: {objective.limit} is no ceiling below 100 %, and memory is only filled here"
        )
    count = max(1, round((int(Decimal(whole) * aim) - used) / _MEBIBYTE))
    try:
        await _redis(stage, component, "EVAL", _FILL, "0", str(count), str(_MEBIBYTE - _CLOSELY))
        yield Planted(f"{count} MiB of keys in {component.workload}", _in_memory(stage, component))
    finally:
        await _redis(stage, component, "EVAL", _EMPTY, "0", str(count))


@asynccontextmanager
async def other_setting(stage: Stage, objective: Objective) -> AsyncIterator[Planted]:
    """CONFIG SET of a value that the limit refuses."""
    component, name = stage.component(objective), str(stage.parameters(objective)["name"])
    for value in _candidates(objective):
        async with _set(stage, component, name, value) as taken:
            if taken:
                same = [o.id for o in stage.objectives if o.parameters.get("name") == name]
                yield Planted(f"CONFIG SET {name} {value!r} in {component.workload}", frozenset(same))
                return
    raise Unplantable(f"{objective.id}: Redis in {component.workload} takes no value that breaks {objective.limit}")


def _candidates(objective: Objective) -> list[str]:
    """Values to be tried: what a setting may be, its server knows."""
    if not isinstance(objective.limit, TextLimit):
        return [f"{number_beyond(objective):f}"]
    tried = ("noeviction", "no", "yes", "", "1", "3600 1", "drillbook")
    return [text for text in tried if not objective.limit.holds_for(text)]


def _in_memory(stage: Stage, component: Component) -> frozenset[str]:
    return stage.asking("cache.memory_ratio") | stage.asking("pod.memory_ratio", component=component.id)


@asynccontextmanager
async def _set(stage: Stage, component: Component, name: str, value: str) -> AsyncIterator[bool]:
    """A setting for a while; gives whether the server took it."""
    before = (await _redis(stage, component, "CONFIG", "GET", name)).splitlines()
    old = before[1] if len(before) > 1 else ""
    said = await _redis(stage, component, "CONFIG", "SET", name, value)
    try:
        yield said == "OK"
    finally:
        if said == "OK":
            await _redis(stage, component, "CONFIG", "SET", name, old)


async def _number(stage: Stage, component: Component, name: str) -> int:
    """A number of INFO."""
    lines = (await _redis(stage, component, "INFO")).splitlines()
    return next(int(line.partition(":")[2]) for line in lines if line.startswith(f"{name}:"))


async def _redis(stage: Stage, component: Component, *words: str) -> str:
    """What redis-cli prints in the pod; the server's refusals are texts too. Raises Unreachable where it can't run."""
    answer = await stage.execute(component, "redis-cli", "--raw", *words, timeout=60.0)
    if answer.exit_code:
        raise Unreachable(f"redis-cli {words[0]} in {component.workload} failed: {answer.stderr.strip()[:200]}")
    return answer.stdout.strip()


VIOLATIONS: Final = (
    Violation("cache.ping", out_of_reach),
    Violation("cache.hit_ratio", misses),
    Violation("cache.clients", crowded),
    Violation("cache.evictions", evicting),
    Violation("cache.memory_ratio", filled),
    Violation("cache.setting", other_setting),
)
