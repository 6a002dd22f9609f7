"""What a real PostgreSQL is set to, how large and how clean it is: each way to be fooled, and not being fooled."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from drillbook.clock import SetClock
from drillbook.model.observation import Observation
from drillbook.model.quantity import Dimension
from drillbook.probes.database_settings import quantity_of
from drillbook.probes.database_upkeep import statements_query
from tests.clients.servers import PostgresServer
from tests.probes.scenes import component, environment, look, objective

INFINITE = Decimal("Infinity")


def ask(
    server: PostgresServer, indicator: str, *, clock: SetClock | None = None, as_: str = "", **parameters: Any
) -> Observation:
    where = environment(f"127.0.0.1:{server.endpoint.port}")
    settings = {"clock": clock} if clock else {}
    return look(component(), where, objective(indicator, **parameters, **({"as": as_} if as_ else {})), **settings)[
        indicator
    ]


@contextmanager
def table(server: PostgresServer, *statements: str) -> Iterator[None]:
    """A table ``t`` that ``app`` may read, for as long as the test needs it."""
    server.sql("CREATE TABLE t (id int, at timestamptz, local timestamp); GRANT SELECT ON t TO app")
    try:
        for statement in statements:
            server.sql(statement)
        yield
    finally:
        server.sql("DROP TABLE t")


@pytest.mark.parametrize(
    ("name", "dimension", "value"),
    [
        ("work_mem", "bytes", 4 * 1024**2),
        ("wal_segment_size", "bytes", 16 * 1024**2),
        ("deadlock_timeout", "duration", 1),
        ("checkpoint_timeout", "duration", 300),
        ("max_connections", "count", 12),
        ("checkpoint_completion_target", "ratio", Decimal("0.9")),
    ],
)
def test_a_setting_is_compared_in_one_unit(
    postgres: PostgresServer, name: str, dimension: str, value: Decimal | int
) -> None:
    seen = ask(postgres, "database.setting", name=name, as_=dimension)
    assert seen.value == value


def test_a_setting_as_text_is_what_show_tells(postgres: PostgresServer) -> None:
    assert ask(postgres, "database.setting", name="Work_Mem").text == "4MB"


def test_a_setting_asked_in_a_wrong_dimension_is_no_number_at_all(postgres: PostgresServer) -> None:
    seen = ask(postgres, "database.setting", name="work_mem", as_="duration")
    assert seen.nothing
    assert "'4MB'" in seen.problem


def test_a_setting_that_nobody_knows_says_how_to_go_on(postgres: PostgresServer) -> None:
    seen = ask(postgres, "database.setting", name="no_such_setting")
    assert seen.nothing
    assert "pg_read_all_settings" in seen.remedy


def test_the_probes_own_time_out_is_not_told_as_the_servers(postgres: PostgresServer) -> None:
    seen = ask(postgres, "database.setting", name="statement_timeout", as_="duration")
    assert seen.nothing
    assert "own session" in seen.problem


@pytest.mark.parametrize(
    ("name", "number", "unit", "value"),
    [
        # -1 ms is below every limit, and means that nothing is ever logged.
        ("log_min_duration_statement", "-1", "ms", INFINITE),
        ("log_min_duration_statement", "1000", "ms", Decimal(1)),
        ("lock_timeout", "0", "ms", INFINITE),
        ("log_rotation_age", "1440", "min", Decimal(86400)),
        ("vacuum_cost_delay", "-1", "ms", None),
        ("work_mem", "4096", "kB", None),
    ],
)
def test_a_number_that_switches_a_limit_off_is_no_small_limit(
    name: str, number: str, unit: str, value: Decimal | None
) -> None:
    assert quantity_of(name, number, unit, Dimension.DURATION) == value


def test_a_value_that_waits_for_a_restart_is_not_in_force(postgres: PostgresServer) -> None:
    # The command line of this server outdoes its files for max_connections, so another setting waits here.
    postgres.sql("ALTER SYSTEM SET max_locks_per_transaction = 128")
    postgres.sql("SELECT pg_reload_conf(), pg_sleep(0.5)")
    try:
        seen = ask(postgres, "database.setting", name="max_locks_per_transaction", as_="count")
    finally:
        postgres.sql("ALTER SYSTEM RESET max_locks_per_transaction")
        postgres.sql("SELECT pg_reload_conf()")
    assert seen.value == 64
    assert "not in force" in seen.remedy


def test_the_size_is_the_databases_own(postgres: PostgresServer) -> None:
    assert ask(postgres, "database.size").value == int(postgres.sql("SELECT pg_database_size('postgres')"))


def test_without_the_extension_no_statement_is_slow_and_none_is_fast(postgres: PostgresServer) -> None:
    seen = ask(postgres, "database.slowest_mean")
    assert seen.nothing
    assert "CREATE EXTENSION pg_stat_statements" in seen.remedy


@pytest.mark.parametrize(
    ("version", "column"), [("1.7", "mean_time"), ("1.8", "mean_exec_time"), ("1.11", "mean_exec")]
)
def test_the_column_of_the_mean_follows_the_extensions_version(version: str, column: str) -> None:
    assert f"{column}" in statements_query(version, "public")
    assert ("exec_time" in statements_query(version, "public")) == (version != "1.7")


def test_an_empty_table_needs_no_vacuum_and_one_never_cleaned_is_no_pass(postgres: PostgresServer) -> None:
    with table(postgres):
        assert ask(postgres, "database.vacuum_age", table="t").nothing
    with table(postgres, "INSERT INTO t SELECT 1", "SELECT pg_sleep(1.2)"):
        seen = ask(postgres, "database.vacuum_age", table="t")
    assert seen.low == 0
    assert seen.high == INFINITE
    assert "VACUUM (ANALYZE) public.t" in seen.remedy


def test_a_vacuum_ages_by_the_runs_clock(postgres: PostgresServer) -> None:
    with table(postgres, "INSERT INTO t SELECT 1", "VACUUM t", "ANALYZE t", "SELECT pg_sleep(1.2)"):
        later = SetClock(datetime.now(UTC) + timedelta(days=40))
        seen = ask(postgres, "database.vacuum_age", clock=later, table="t")
    assert seen.value is not None
    assert abs(seen.value - 40 * 86400) < 60
    assert seen.low == seen.high


def test_an_index_that_is_listed_and_not_valid_does_not_serve(postgres: PostgresServer) -> None:
    with table(postgres, "CREATE INDEX t_at ON t (at DESC)"):
        good = ask(postgres, "database.index", name="t_at", definition=r"ON public\.t .*at DESC")
        other = ask(postgres, "database.index", name="t_at", definition="WHERE")
        postgres.sql("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 't_at'::regclass")
        invalid = ask(postgres, "database.index", name="t_at")
        listed = postgres.sql("SELECT count(*) FROM pg_indexes WHERE indexname = 't_at'")
    gone = ask(postgres, "database.index", name="t_at")
    assert [seen.value for seen in (good, other, invalid, gone)] == [1, 0, 0, 0]
    assert listed == "1"
    assert invalid.where.endswith("it is not valid")


def test_rows_are_counted_and_what_row_security_hides_is_not_called_none(postgres: PostgresServer) -> None:
    with table(postgres, "INSERT INTO t SELECT generate_series(1, 7)"):
        assert ask(postgres, "database.rows", table="t").value == 7
        postgres.sql("ALTER TABLE t ENABLE ROW LEVEL SECURITY")
        hidden = ask(postgres, "database.rows", table="t")
        postgres.sql("ALTER TABLE t DISABLE ROW LEVEL SECURITY; REVOKE SELECT ON t FROM app")
        refused = ask(postgres, "database.rows", table="t")
    missing = ask(postgres, "database.rows", table="t")
    assert [hidden.value, hidden.high] == [0, INFINITE]
    assert refused.remedy == "GRANT SELECT ON t TO app"
    assert missing.problem == "there is no table t"


@pytest.mark.parametrize("name", ["t; DROP TABLE t", 't"', "pg_sleep(10)"])
def test_a_table_of_a_strange_name_is_only_a_name(postgres: PostgresServer, name: str) -> None:
    with table(postgres):
        assert ask(postgres, "database.rows", table=name).nothing
        assert ask(postgres, "database.rows", table="t").value == 0


def test_the_oldest_row_ages_by_the_runs_clock_and_a_time_without_zone_leaves_a_doubt(
    postgres: PostgresServer,
) -> None:
    row = "INSERT INTO t VALUES (1, '2026-01-01 00:00Z', '2026-01-01 00:00'), (2, now(), now())"
    clock = SetClock(datetime(2026, 2, 1, tzinfo=UTC))
    with table(postgres, row):
        exact = ask(postgres, "database.oldest_row_age", clock=clock, table="t", column="at")
        doubtful = ask(postgres, "database.oldest_row_age", clock=clock, table="t", column="local")
        wrong = ask(postgres, "database.oldest_row_age", clock=clock, table="t", column="id")
        postgres.sql("TRUNCATE t")
        empty = ask(postgres, "database.oldest_row_age", clock=clock, table="t", column="at")
    assert exact.low == exact.high == 31 * 86400
    assert [doubtful.low, doubtful.high] == [31 * 86400 - 14 * 3600, 31 * 86400 + 14 * 3600]
    assert "integer" in wrong.problem
    assert empty.value == 0


def test_every_head_of_the_migrations_is_told(postgres: PostgresServer) -> None:
    with table(postgres, "INSERT INTO t VALUES (2), (1)"):
        assert ask(postgres, "database.revision", table="t", column="id").text == "1, 2"
        assert ask(postgres, "database.revision", table="t", column="none").nothing
    assert ask(postgres, "database.revision").problem == "there is no table alembic_version"
