"""Caches, certificates and backups of a live system: each way to be fooled, and not being fooled."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from drillbook.clients.kube import Kube, Object, path_of
from drillbook.clients.kube_exec import execute
from drillbook.clock import SetClock
from drillbook.model.environment import Environment, EnvironmentClass, Reach, SecretReference
from drillbook.model.observation import Observation
from drillbook.model.policy import Policy, Workload
from drillbook.probes import collect
from drillbook.probes.backups import is_whole
from tests.conftest import SandboxHandle
from tests.probes.scenes import component, look, objective

SOLAR = "solar-pv-llm-ai"
PASSWORD = SecretReference(secret=(SOLAR, "solar-secrets", "DATABASE_PASSWORD"))
COMPONENTS: dict[str, dict[str, Any]] = {
    "cache": {"engine": "redis", "user": None, "database": None, "workload": "redis", "port": 6379},
    "database": {"database": "solar_pv_db", "user": "solar_pv_user", "workload": "postgres", "port": 5432},
    "api": {"workload": "backend", "ingress": "solar", "engine": None},
}
END = "--\n-- PostgreSQL database dump complete\n--\n\n"


def ask(
    solar: SandboxHandle,
    which: str,
    indicator: str,
    *,
    via: str = "",
    clock: SetClock | None = None,
    as_: str = "",
    **parameters: Any,
) -> Observation:
    fields = dict(COMPONENTS[which])
    name = fields.pop("workload")
    one = component(namespace=SOLAR, service=name, workload=Workload("deployment", name), **fields)
    reaches = {"api": Reach(password=PASSWORD)} if which == "database" else {}
    where = Environment(
        "sandbox", EnvironmentClass.SANDBOX, Path("sandbox.yaml"), sandbox=solar.name, components=reaches
    )
    settings = {"clock": clock} if clock else {}
    return look(
        one, where, replace(objective(indicator, **parameters, **({"as": as_} if as_ else {})), via=via), **settings
    )[indicator]


def in_pod(solar: SandboxHandle, workload: str, script: str) -> str:
    """What a script says in the workload's pod."""

    async def run() -> str:
        async with Kube.connect(solar.kubeconfig, None) as kube:
            (pod,) = await kube.list(path_of("pods", SOLAR), labels=f"app={workload}")
            answer = await execute(kube, SOLAR, pod["metadata"]["name"], workload, ["sh", "-c", script])
            assert answer.exit_code == 0, answer.stderr
            return answer.stdout

    return asyncio.run(run())


# The cache ------------------------------------------------------------------------------------------------------------


def test_a_cache_answers_has_clients_and_settings(solar: SandboxHandle) -> None:
    assert ask(solar, "cache", "cache.ping").value == 1
    clients = ask(solar, "cache", "cache.clients", samples=2)
    assert clients.value is not None
    assert clients.value >= 1
    assert clients.samples == 2
    assert ask(solar, "cache", "cache.setting", name="appendonly").text == "yes"
    assert ask(solar, "cache", "cache.setting", name="maxmemory", as_="bytes").value == 0
    assert ask(solar, "cache", "cache.setting", name="repl-timeout", as_="duration").value == 60
    assert ask(solar, "cache", "cache.setting", name="slowlog-log-slower-than", as_="duration").value == Decimal("0.01")
    assert "no setting 'nonsense'" in ask(solar, "cache", "cache.setting", name="nonsense").problem


def test_hits_of_a_whole_life_say_nothing_of_now(solar: SandboxHandle) -> None:
    """The wrong way, the counters' own ratio, would call this cache good."""
    in_pod(solar, "redis", "redis-cli SET probe 1; for i in 1 2 3 4 5; do redis-cli GET probe; done")
    command = "for i in 1 2 3 4 5 6 7 8; do redis-cli GET missing-$i >/dev/null; sleep 0.2; done"

    async def both() -> Observation:
        missing = asyncio.to_thread(in_pod, solar, "redis", command)
        looking = asyncio.to_thread(ask, solar, "cache", "cache.hit_ratio", over="3s")
        _, seen = await asyncio.gather(missing, looking)
        return seen

    seen = asyncio.run(both())
    assert seen.high is not None
    assert seen.value is not None
    assert seen.value < Decimal("0.7")
    assert seen.low is not None
    assert seen.low <= seen.value < seen.high
    assert seen.evidence["lifetime"]["keyspace_hits"] >= 5


def test_a_cache_without_a_bound_is_not_called_empty(solar: SandboxHandle) -> None:
    seen = ask(solar, "cache", "cache.memory_ratio", samples=1)
    assert seen.nothing
    assert "set maxmemory" in seen.remedy
    in_pod(solar, "redis", "redis-cli CONFIG SET maxmemory 64mb")
    try:
        bounded = ask(solar, "cache", "cache.memory_ratio", samples=1)
    finally:
        in_pod(solar, "redis", "redis-cli CONFIG SET maxmemory 0")
    assert bounded.value is not None
    assert 0 < bounded.value < 1


def test_a_server_that_never_evicted_did_not_within_the_last_hour(solar: SandboxHandle) -> None:
    assert ask(solar, "cache", "cache.evictions", window="30d").value == 0


# Certificates ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("via", ["tls", "certmanager", "secret"])
def test_every_source_tells_the_same_certificates_time(solar: SandboxHandle, via: str) -> None:
    seen = ask(solar, "api", "certificate.time_left", via=via)
    assert seen.value is not None, seen.problem
    assert abs(seen.value - 90 * 86400) < 5 * 86400
    later = SetClock(datetime.now(UTC) + timedelta(days=80))
    aged = ask(solar, "api", "certificate.time_left", via=via, clock=later)
    assert aged.value is not None
    assert abs(seen.value - aged.value - 80 * 86400) < 120


@contextmanager
def secret(solar: SandboxHandle, name: str, certificate: bytes) -> Iterator[None]:
    import base64

    body: Object = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": SOLAR},
        "data": {"tls.crt": base64.b64encode(certificate).decode()},
    }

    async def run(make: bool) -> None:
        async with Kube.connect(solar.kubeconfig, None) as kube:
            if make:
                await kube.create(path_of("secrets", SOLAR), body)
            else:
                await kube.delete(path_of("secrets", SOLAR, name))

    asyncio.run(run(True))
    try:
        yield
    finally:
        asyncio.run(run(False))


def test_a_certificate_that_is_kept_and_not_served_is_no_renewal(solar: SandboxHandle) -> None:
    """The wrong way, looking at the Secret alone, would see years."""
    import trustme

    renewed = trustme.CA().issue_cert("api.solar.example").cert_chain_pems[0].bytes()
    with secret(solar, "renewed", renewed):
        seen = ask(solar, "api", "certificate.time_left", via="secret", name="renewed")
    assert seen.value is not None
    assert seen.value < 95 * 86400
    assert "reload the server" in seen.remedy


def test_a_certificate_that_is_not_there_is_no_certificate(solar: SandboxHandle) -> None:
    assert (
        "there is no Certificate nobody"
        in ask(solar, "api", "certificate.time_left", via="certmanager", name="nobody").problem
    )
    assert "is not there" in ask(solar, "api", "certificate.time_left", via="secret", name="nobody").problem


# Backups --------------------------------------------------------------------------------------------------------------


@contextmanager
def folder(solar: SandboxHandle, script: str) -> Iterator[str]:
    """A folder of backups in the database's pod; ``script`` fills it."""
    made = in_pod(solar, "postgres", "mktemp -d").strip()
    in_pod(solar, "postgres", f"cd {made}; {script}")
    try:
        yield made
    finally:
        in_pod(solar, "postgres", f"rm -r {made}")


def test_a_real_dump_is_whole_plain_and_packed_and_a_broken_one_is_not(solar: SandboxHandle) -> None:
    ask(solar, "api", "http.health")  # its first use of the database makes the tables
    dump = "pg_dump -U solar_pv_user solar_pv_db --schema-only"
    broken = f"{dump} | head -c 900 | gzip > c.sql.gz; gzip -t c.sql.gz; : | gzip > d.sql.gz; gzip -t d.sql.gz"
    with folder(solar, f"{dump} > a.sql; {dump} | gzip > b.sql.gz; {broken}") as made:
        found = {
            name: ask(solar, "database", "backup.incomplete", path=f"{made}/{name}").value
            for name in ("a.sql", "b.sql.gz", "c.sql.gz", "d.sql.gz")
        }
        in_pod(solar, "postgres", f"pg_dump -U solar_pv_user solar_pv_db --schema-only -Fc -f {made}/e.dump")
        custom = ask(solar, "database", "backup.incomplete", path=f"{made}/e.dump")
    assert found == {"a.sql": 0, "b.sql.gz": 0, "c.sql.gz": 1, "d.sql.gz": 1}
    assert custom.nothing


def test_backups_age_by_the_runs_clock_and_an_empty_file_is_none(solar: SandboxHandle) -> None:
    script = (
        "echo x > old.gz; touch -d 2026-01-01T00:00:00Z old.gz; echo xy > new.gz; touch -d 2026-01-09T00:00:00Z new.gz;"
        " : > empty.gz; touch -d 2026-01-10T00:00:00Z empty.gz"
    )
    clock = SetClock(datetime(2026, 1, 11, tzinfo=UTC))
    with folder(solar, script) as made:
        found = {
            name: ask(solar, "database", f"backup.{name}", clock=clock, path=f"{made}/*.gz").value
            for name in ("age", "span", "count", "size")
        }
        none = ask(solar, "database", "backup.age", clock=clock, path=f"{made}/*.sql")
    assert found == {"age": 2 * 86400, "span": 10 * 86400, "count": 2, "size": 0}
    assert none.value == Decimal("Infinity")


def test_a_folder_that_is_not_there_is_no_folder_without_backups(solar: SandboxHandle) -> None:
    assert "there is no folder" in ask(solar, "database", "backup.count", path="/no/such/*.gz").problem


@pytest.mark.parametrize("path", ["$(touch /tmp/drillbook-evil)/*", "/tmp/;touch /tmp/drillbook-evil", "`id`/*"])
def test_a_pattern_is_only_a_pattern(solar: SandboxHandle, path: str) -> None:
    ask(solar, "database", "backup.count", path=path)
    assert not Path("/tmp/drillbook-evil").exists()


@pytest.mark.parametrize(
    ("tail", "whole"),
    [
        (END, True),
        (END + "\\unrestrict abc\n\n", True),
        ("-- PostgreSQL database cluster dump complete\n--\n", True),
        (END + "COPY t FROM stdin;\n", False),
        ("", False),
        ("SELECT 1;\n", False),
        (END + "drillbook: it can't be unpacked\n", False),
    ],
)
def test_only_a_dump_that_came_to_its_end_is_whole(tail: str, whole: bool) -> None:
    assert is_whole(tail) is whole


# The database through its pod -----------------------------------------------------------------------------------------


def test_psql_in_the_pod_tells_what_a_connection_tells(solar: SandboxHandle) -> None:
    ask(solar, "api", "http.health")  # its first use of the database makes the tables
    for via in ("sql", "exec"):
        assert ask(solar, "database", "database.up", via=via).value == 1
        seen = ask(solar, "database", "database.connections", via=via, samples=2)
        assert seen.value is not None, seen.problem
        assert seen.samples == 2
        assert seen.evidence["max_connections"] == 100
    assert ask(solar, "database", "database.revision").text == "0001"
    assert ask(solar, "database", "database.index", name="orders_key").value == 1


def test_a_pool_counts_as_often_as_there_may_be_pods(solar: SandboxHandle) -> None:
    fields: dict[str, Any] = {"namespace": SOLAR, "workload": Workload("deployment", "backend"), "service": "backend"}
    api = component(id="shop", port=8000, engine=None, **fields)
    database = component(
        namespace=SOLAR, service="postgres", port=5432, database="solar_pv_db", user="solar_pv_user", id="api"
    )
    reaches = {"api": Reach(password=PASSWORD)}
    where = Environment(
        "sandbox", EnvironmentClass.SANDBOX, Path("sandbox.yaml"), sandbox=solar.name, components=reaches
    )
    asked = [
        objective(
            "database.pool_budget", "shop", pool="DATABASE_POOL_SIZE", overflow="solar-config/DATABASE_POOL_SIZE"
        ),
        objective("pool.used_ratio", "shop", samples=2),
    ]
    both = Policy("shop", "Shop", "runbook.txt", Path("policy.yaml"), {"shop": api, "api": database}, tuple(asked))
    found = collect(both, where, asked)
    budget, used = found["database-pool-budget"], found["pool-used-ratio"]
    assert budget.value is not None, budget.problem
    assert budget.evidence["usable_connections"] == 97
    assert budget.value == round(Decimal(4 * budget.evidence["replicas"]) / 97, 6)
    assert used.value is not None, used.problem
    assert 0 <= used.value <= 1
    # The autoscaler may start more than run now.
    assert budget.evidence["replicas_from"].startswith("HorizontalPodAutoscaler")
    assert budget.evidence["replicas"] > len(used.evidence["pods"]) > 0
