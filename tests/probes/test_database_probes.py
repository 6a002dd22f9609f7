"""Connections of a real PostgreSQL: counted, hidden, exhausted, refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from decimal import Decimal

import psycopg
import pytest

from drillbook.model.observation import Observation
from tests.clients.servers import PostgresServer, closed_port
from tests.probes.scenes import component, environment, look, objective

CONNECTIONS, MAXIMUM = objective("database.connections", samples=3), objective("database.max_connections")


@contextmanager
def held(server: PostgresServer, app: int, other: int = 0) -> Iterator[None]:
    """So many open sessions of the roles ``app`` and ``other``, and no more."""
    server.settle()
    with ExitStack() as stack:
        for user in ["app"] * app + ["other"] * other:
            text = f"host=127.0.0.1 port={server.endpoint.port} dbname=postgres user={user}"
            stack.enter_context(psycopg.connect(text))
        yield


def address(server: PostgresServer) -> str:
    return f"127.0.0.1:{server.endpoint.port}"


def bounds(seen: Observation) -> list[Decimal | None]:
    """Low, value, high."""
    return [seen.low, seen.value, seen.high]


def test_client_backends_are_counted_the_probes_own_among_them(postgres: PostgresServer) -> None:
    with held(postgres, app=4):
        found = look(component(), environment(address(postgres)), CONNECTIONS, MAXIMUM)
    seen = found["database.connections"]
    assert bounds(seen) == [5, 5, 5]
    assert seen.samples == 3
    assert seen.evidence["includes"] == "the probe's own connection"
    assert seen.evidence["superuser_reserved_connections"] == 3
    assert found["database.max_connections"].value == 12


def test_sessions_of_other_roles_hide_what_they_are_so_they_widen_the_interval(postgres: PostgresServer) -> None:
    with held(postgres, app=2, other=3):
        seen = look(component(), environment(address(postgres)), CONNECTIONS)["database.connections"]
    assert bounds(seen) == [3, 6, 6]
    assert seen.remedy == "grant pg_monitor to app: 3 sessions of other roles hide what they are"


def test_pg_monitor_sees_every_session(postgres: PostgresServer) -> None:
    postgres.sql("CREATE ROLE watcher LOGIN; GRANT pg_monitor TO watcher")
    with held(postgres, app=2, other=3):
        one = component(user="watcher")
        seen = look(one, environment(address(postgres)), CONNECTIONS)["database.connections"]
    assert bounds(seen) == [6, 6, 6]
    assert seen.remedy == ""


def test_a_server_that_turns_the_probe_away_is_never_a_pass(postgres: PostgresServer) -> None:
    """Without a cluster nobody can say how many it has, so nothing is claimed; the refusal is told."""
    with held(postgres, app=9):
        seen = look(component(), environment(address(postgres)), CONNECTIONS)["database.connections"]
    assert seen.value is None
    assert "has no connection left" in seen.problem
    assert "pg_use_reserved_connections" in seen.remedy


@pytest.mark.parametrize("indicator", ["database.connections", "database.max_connections"])
def test_a_server_that_is_down_is_a_problem(indicator: str) -> None:
    seen = look(component(), environment(f"127.0.0.1:{closed_port()}"), objective(indicator))[indicator]
    assert seen.value is None
    assert "Connection refused" in seen.problem


def test_another_engine_has_no_such_connections() -> None:
    seen = look(component(engine="redis"), environment("127.0.0.1:1"), MAXIMUM)["database.max_connections"]
    assert "connections need postgres" in seen.problem
