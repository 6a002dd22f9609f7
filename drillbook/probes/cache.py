"""What a Redis-compatible server says of itself: that it answers, how well it serves, how full it is."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from drillbook.clients.reach import tcp_endpoint
from drillbook.clients.redis import Cache, CacheNotServing, CacheRefusal, open_redis
from drillbook.clients.secrets import read_secret
from drillbook.errors import ConfigError
from drillbook.model.observation import Observation
from drillbook.model.policy import Component
from drillbook.model.quantity import Dimension
from drillbook.model.statistics import wilson
from drillbook.probes.scene import Scene, needed
from drillbook.probes.stated import stated
from drillbook.probes.windows import look_length, seconds_of

_OVER_SECONDS: Final = 1.0
"""The samples of a gauge are spread over this time: one look misses a burst."""
_LONGEST_WATCH: Final = 5.0
"""Seconds of watching a counter whose window is longer than that; its total bounds the rest."""
_UNITS: Final[Mapping[str, str]] = {
    "slowlog-log-slower-than": "us",
    "latency-monitor-threshold": "ms",
    "lua-time-limit": "ms",
    "busy-reply-threshold": "ms",
    "repl-diskless-sync-period": "ms",
}
"""Settings that are durations and are not in seconds."""


async def ping(scene: Scene, component: Component | None, _parameters: Mapping[str, Any]) -> Observation:
    """1 where the server says PONG, 0 where it doesn't; nothing is claimed where it refuses this client's credentials.

    A server that still loads its data set answers with an error: 0.
    """
    asked = needed(component, "cache.ping")
    cache = await _session(scene, asked)
    where = f"PING of Redis at {cache.endpoint}"
    try:
        return scene.seen(Dimension.COUNT, where, int(await cache.ping()))
    except CacheRefusal as refusal:
        remedy = f"give the environment credentials that component {asked.id} accepts"
        return scene.unseen(Dimension.COUNT, where, str(refusal), remedy=remedy)
    except CacheNotServing as refusal:
        return scene.seen(Dimension.COUNT, f"{where}: {refusal}", 0, evidence={"refusal": str(refusal)})


async def hit_ratio(scene: Scene, component: Component | None, parameters: Mapping[str, Any]) -> Observation:
    """Hits over look-ups *while it was watched*, bounded by Wilson's interval at 95 %.

    The counters' own ratio is of the server's whole life: after a year of hits, an hour without any doesn't show.
    """
    cache = await _session(scene, needed(component, "cache.hit_ratio"))
    where = f"INFO of Redis at {cache.endpoint}"
    seconds = look_length(parameters)
    before, after = await _twice(scene, cache, seconds)
    hits, misses = (_grown(before, after, name) for name in ("keyspace_hits", "keyspace_misses"))
    lifetime = {name: after.get(name) for name in ("keyspace_hits", "keyspace_misses", "uptime_in_seconds")}
    evidence = {"watched_seconds": seconds, "hits": hits, "misses": misses, "lifetime": lifetime}
    if hits is None or misses is None:
        problem = "its counters went back while it was watched: it was restarted, or its statistics were reset"
        return scene.unseen(Dimension.RATIO, where, problem, remedy="look again", evidence=evidence)
    if hits + misses == 0:
        problem = f"nobody looked anything up in {seconds:g} s"
        remedy = "look while there is traffic, or longer (parameter over)"
        return scene.unseen(Dimension.RATIO, where, problem, remedy=remedy, evidence=evidence)
    value, low, high = (round(bound, 6) for bound in wilson(hits, hits + misses))
    remedy = f"watch longer than {seconds:g} s (parameter over)"
    return scene.seen(
        Dimension.RATIO, where, value, low=low, high=high, samples=hits + misses, remedy=remedy, evidence=evidence
    )


async def evictions(scene: Scene, component: Component | None, parameters: Mapping[str, Any]) -> Observation:
    """Keys evicted for want of memory within the last ``window``; expired keys are none of them.

    The server has a total since its start only. It is the answer where the server is younger than the window, or where
    it is 0; otherwise it bounds the answer above, and what is evicted while one watches bounds it below.
    """
    cache = await _session(scene, needed(component, "cache.evictions"))
    where = f"evicted_keys of Redis at {cache.endpoint}"
    window = seconds_of(parameters, "window")
    first = await _info(scene, cache)
    total, uptime = int(first["evicted_keys"]), float(first["uptime_in_seconds"])
    evidence = {"window_seconds": window, "uptime_seconds": uptime, "total": total}
    if total == 0 or uptime <= window:
        return scene.seen(Dimension.COUNT, where, total, evidence=evidence)
    watched = min(window, _LONGEST_WATCH)
    before, after = await _twice(scene, cache, watched)
    seen = _grown(before, after, "evicted_keys") or 0
    evidence |= {"watched_seconds": watched, "evicted_meanwhile": seen}
    if watched == window:
        return scene.seen(Dimension.COUNT, where, seen, samples=2, evidence=evidence)
    return scene.seen(
        Dimension.COUNT,
        where,
        seen,
        low=seen,
        high=total,
        samples=2,
        remedy=f"let Prometheus remember the counter: {watched:g} s of {window:g} s were watched",
        evidence=evidence,
    )


async def clients(scene: Scene, component: Component | None, parameters: Mapping[str, Any]) -> Observation:
    """The most client connections among so many samples over about a second, the probe's own among them."""
    cache = await _session(scene, needed(component, "cache.clients"))
    taken = await _samples(scene, cache, parameters["samples"])
    counts = [int(info["connected_clients"]) for info in taken]
    evidence = {
        "samples": counts,
        "includes": "the probe's own connection",
        "maxclients": taken[-1].get("maxclients"),
        "blocked_clients": taken[-1].get("blocked_clients"),
        "rejected_connections": taken[-1].get("rejected_connections"),
    }
    where = f"connected_clients of Redis at {cache.endpoint}"
    return scene.seen(Dimension.COUNT, where, max(counts), samples=len(counts), evidence=evidence)


async def memory_ratio(scene: Scene, component: Component | None, parameters: Mapping[str, Any]) -> Observation:
    """used_memory over maxmemory, the most of several samples; without maxmemory there is no whole to be a part of."""
    cache = await _session(scene, needed(component, "cache.memory_ratio"))
    taken = await _samples(scene, cache, parameters["samples"])
    where = f"memory of Redis at {cache.endpoint}"
    last = taken[-1]
    kept = ("used_memory", "used_memory_rss", "maxmemory", "maxmemory_policy", "mem_not_counted_for_evict")
    evidence = {name: last.get(name) for name in kept}
    if not all(int(info.get("maxmemory", 0)) for info in taken):
        problem = "it has no maxmemory, so it grows until its container is killed"
        remedy = "set maxmemory below the container's limit, or observe pod.memory_ratio"
        return scene.unseen(Dimension.RATIO, where, problem, remedy=remedy, evidence=evidence)
    ratios = [Decimal(int(info["used_memory"])) / int(info["maxmemory"]) for info in taken]
    value = round(max(ratios), 6)
    return scene.seen(Dimension.RATIO, where, value, samples=len(ratios), evidence=evidence)


async def setting(scene: Scene, component: Component | None, parameters: Mapping[str, Any]) -> Observation:
    """The value in force of one setting (CONFIG GET), as text or as the quantity that ``as`` names.

    Managed servers refuse CONFIG; what INFO tells too (maxmemory, its policy, maxclients) is read there then.
    """
    cache = await _session(scene, needed(component, "cache.setting"))
    dimension, name = Dimension(parameters["as"]), parameters["name"]
    where = f"setting {name} of Redis at {cache.endpoint}"
    evidence = {"from": "CONFIG GET"}
    try:
        text = await cache.config(name)
    except CacheRefusal as refusal:
        told = (await _info(scene, cache)).get(name.replace("-", "_"))
        if told is None:
            remedy = "allow CONFIG GET (ACL: +config|get), or attest the setting"
            return scene.unseen(dimension, where, str(refusal), remedy=remedy)
        text, evidence = str(told), {"from": "INFO", "refusal": str(refusal)}
    if text is None:
        problem = f"the server has no setting {name!r}"
        return scene.unseen(dimension, where, problem, remedy="correct the parameter name")
    unit = {Dimension.DURATION: _UNITS.get(name.lower(), "s"), Dimension.BYTES: "B"}.get(dimension, "")
    return stated(scene, where, text, dimension, unit=unit, evidence=evidence)


async def _session(scene: Scene, component: Component) -> Cache:
    """The one connection of this run. Raises ConfigError where the component is no Redis, and Unreachable."""
    if component.engine != "redis":
        raise ConfigError(f"component {component.id!r} has engine {component.engine!r}; a cache needs redis")
    endpoint = await tcp_endpoint(scene.kube, scene.environment, component)
    reach = scene.environment.components.get(component.id)

    async def enter() -> Cache:
        password = await read_secret(reach.password, scene.kube) if reach and reach.password else None
        return await scene.keep(open_redis(endpoint, user=component.user, password=password))

    return await scene.once(("redis", component.id), enter)


async def _info(scene: Scene, cache: Cache) -> Mapping[str, Any]:
    return await scene.once(("redis info", cache.endpoint), cache.info)


async def _samples(scene: Scene, cache: Cache, count: int) -> list[Mapping[str, Any]]:
    async def look() -> list[Mapping[str, Any]]:
        taken = []
        for number in range(count):
            if number:
                await asyncio.sleep(_OVER_SECONDS / count)
            taken.append(await cache.info())
        return taken

    return await scene.once(("redis samples", cache.endpoint, count), look)


async def _twice(scene: Scene, cache: Cache, seconds: float) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """The same counters before and after so many seconds."""

    async def look() -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        before = await cache.info()
        await asyncio.sleep(seconds)
        return before, await cache.info()

    return await scene.once(("redis twice", cache.endpoint, seconds), look)


def _grown(before: Mapping[str, Any], after: Mapping[str, Any], name: str) -> int | None:
    """How much a counter grew; None where it began anew in between."""
    grown = int(after[name]) - int(before[name])
    restarted = before.get("run_id") != after.get("run_id")
    return None if grown < 0 or restarted else grown
