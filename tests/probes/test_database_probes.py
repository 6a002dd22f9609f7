"""Connections of a real PostgreSQL: counted, hidden, exhausted, refused."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from decimal import Decimal

import psycopg
import pytest

from drillbook.model.indicators import INDICATORS
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


def test_the_share_that_applications_can_have_is_full_before_the_whole_is(postgres: PostgresServer) -> None:
    """9 of 12 are to be had: an alert at 80 % of max_connections never comes."""
    postgres.sql("GRANT pg_monitor TO app")
    try:
        with held(postgres, app=8):
            whole, usable, idle = (
                look(component(), environment(address(postgres)), objective("database.connections_ratio", **said))
                for said in ({"of": "max"}, {"of": "usable"}, {"of": "max", "state": "idle"})
            )
        with held(postgres, app=9):
            full = look(component(), environment(address(postgres)), objective("database.connections_ratio"))
    finally:
        postgres.sql("REVOKE pg_monitor FROM app")
    name = "database.connections_ratio"
    assert whole[name].value == Decimal("0.75")
    assert usable[name].value == 1
    assert idle[name].value == round(Decimal(8) / 12, 6)
    assert full[name].value == 1
    assert "no connection left" in full[name].where


def test_a_role_with_a_limit_of_its_own_is_full_while_the_server_looks_idle(postgres: PostgresServer) -> None:
    postgres.sql("ALTER ROLE other CONNECTION LIMIT 2")
    try:
        with held(postgres, app=0, other=2):
            asked = objective("database.connections_ratio", of="usable", samples=1)
            seen = look(component(), environment(address(postgres)), asked)["database.connections_ratio"]
            up = objective("database.up")
            refused = look(component(user="other"), environment(address(postgres)), up)["database.up"]
    finally:
        postgres.sql("ALTER ROLE other CONNECTION LIMIT -1")
    assert seen.value == 1
    assert "role other" in seen.where
    assert refused.value == 0


def test_up_is_1_where_a_query_is_answered_0_where_nobody_is_and_nothing_where_one_is_turned_away(
    postgres: PostgresServer,
) -> None:
    up, here = objective("database.up"), environment(address(postgres))
    assert look(component(), here, up)["database.up"].value == 1
    assert look(component(), environment(f"127.0.0.1:{closed_port()}"), up)["database.up"].value == 0
    stranger = look(component(user="stranger"), here, up)["database.up"]
    assert stranger.nothing
    assert "credentials" in stranger.remedy


def test_a_role_without_any_grant_to_write_is_enough_and_one_connection_serves_all(postgres: PostgresServer) -> None:
    """Every indicator of a database, by a role that may connect and read; and the server counts its sessions."""
    postgres.sql(
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC; REVOKE TEMP ON DATABASE postgres FROM PUBLIC;"
        "CREATE ROLE reader LOGIN; CREATE TABLE orders (id int, created_at timestamptz); CREATE INDEX orders_key ON"
        " orders (id); INSERT INTO orders VALUES (1, now()); CREATE TABLE alembic_version (version_num text);"
        " INSERT INTO alembic_version VALUES ('1'); GRANT SELECT ON orders, alembic_version TO reader"
    )
    before = int(postgres.sql("SELECT sum(sessions) FROM pg_stat_database"))
    try:
        names = [name for name in INDICATORS if name.startswith("database.") and name != "database.pool_budget"]
        asked = [objective(name) for name in names]
        found = look(component(user="reader"), environment(address(postgres)), *asked)
        writable = "SELECT count(*) FROM information_schema.role_table_grants WHERE grantee = 'reader'"
        grants = postgres.sql(f"{writable} AND privilege_type <> 'SELECT'")
        time.sleep(1.1)  # a session's statistics are sent at most once a second
        after = int(postgres.sql("SELECT sum(sessions) FROM pg_stat_database"))
    finally:
        postgres.sql("DROP TABLE orders, alembic_version; DROP ROLE reader")
    told = {name: seen.problem for name, seen in found.items() if seen.nothing}
    assert set(told) <= {"database.slowest_mean"}, told
    assert grants == "0"
    own = 2  # the superuser's own looks at the counter and the grants
    assert after - before <= 1 + own
