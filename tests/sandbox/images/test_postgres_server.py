"""What a postgres image starts behaves like the official image, and like a database that loses its power."""

from __future__ import annotations

import subprocess
from pathlib import Path

import psycopg
import pytest

from drillbook.sandbox.images.program import DATA
from tests.sandbox import databases
from tests.sandbox.containers import SECONDS, Container, Containers, address, kernel, until

SERVER_WITH_SCRIPTS = """
import pathlib, sys
from drillbook.sandbox.images import postgres_scripts, postgres_server
postgres_scripts.FOLDER = pathlib.Path(sys.argv[1])
postgres_server.main([])
"""
"""The entry point with another folder for the first scripts, so that nothing has to be mounted."""


@pytest.fixture(scope="module")
def mortal(lasting: Containers) -> Container:
    """A server that tests may kill, if they start it again."""
    return databases.start(lasting)


@pytest.fixture(scope="module")
def other(lasting: Containers, tmp_path_factory: pytest.TempPathFactory) -> Container:
    """A server with its password in a file, and with options of its own."""
    secret = tmp_path_factory.mktemp("secrets") / "password"
    secret.write_text("from a file\n")
    env = {"POD_IP": address(), "POSTGRES_USER": databases.USER, "POSTGRES_PASSWORD_FILE": str(secret)}
    database = lasting.start("postgres", env, args=["-c", "max_connections=42", "-c", "work_mem=7MB"])
    until(lambda: "ready to accept connections" in database.log(), "the server to be ready")
    return database


def test_the_named_database_is_there_and_its_user_is_let_in_with_the_password(database: Container) -> None:
    rows = databases.ask(database, "SELECT current_database(), current_user, usesuper FROM pg_user")
    assert rows == [(databases.NAME, databases.USER, True)]


def test_a_wrong_password_is_refused(database: Container) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        databases.ask(database, "SELECT 1", password="wrong")


def test_psql_in_the_container_needs_no_password(database: Container) -> None:
    done = database.exec("psql", "-U", databases.USER, "-d", databases.NAME, "-Atc", "SELECT 40 + 2")
    assert (done.stdout, done.returncode) == (b"42\n", 0)


def test_nobody_else_can_reach_the_socket_that_needs_no_password(database: Container) -> None:
    assert (database.folder / "run").stat().st_mode & 0o077 == 0


def test_the_clients_of_the_image_are_in_the_path(database: Container) -> None:
    login = ("-U", databases.USER)
    assert database.exec("pg_isready", *login).returncode == 0
    assert database.exec("createdb", *login, "scratch").returncode == 0
    dumped = database.exec("pg_dump", *login, "scratch")
    assert b"PostgreSQL database dump complete" in dumped.stdout
    assert database.exec("psql", *login, "-q", "scratch", given=dumped.stdout).returncode == 0
    assert database.exec("dropdb", *login, "scratch").returncode == 0


def test_a_database_as_documented_syncs_allows_100_connections_and_counts_statements(database: Container) -> None:
    settings = {name: databases.ask(database, f"SHOW {name}")[0][0] for name in ("fsync", "max_connections")}
    assert settings == {"fsync": "on", "max_connections": "100"}
    mine = "SELECT 'count me', count(*) FROM pg_class"
    databases.ask(database, mine)
    counted = (
        "SELECT sum(calls) FROM pg_stat_statements WHERE query LIKE '%count me%' OR query LIKE 'SELECT $1, count(*)%'"
    )
    assert databases.ask(database, counted)[0][0] >= 1
    assert databases.ask(database, "SELECT count(*) >= 0 FROM pg_stat_statements", name="postgres") == [(True,)]


def test_a_dump_has_the_extension_that_counts_statements_so_that_a_restore_brings_it_back(database: Container) -> None:
    """pg_dump leaves out what has a number of initdb's own objects."""
    numbers = databases.ask(database, "SELECT oid >= 16384 FROM pg_extension WHERE extname = 'pg_stat_statements'")
    assert numbers == [(True,)]


def test_statistics_begin_empty_and_not_with_the_making_of_the_cluster(other: Container) -> None:
    statements = databases.ask(
        other, "SELECT query FROM pg_stat_statements", name=databases.USER, password="from a file"
    )
    assert not [query for (query,) in statements if "CREATE" in query]


def test_committed_rows_survive_sigkill_with_everything_that_a_kill_leaves_lying_about(mortal: Container) -> None:
    database = mortal
    databases.ask(database, "CREATE TABLE kept (n int)")
    for number in range(50):
        databases.ask(database, f"INSERT INTO kept VALUES ({number})")
    data = Path(database.env.get(DATA, database.folder / "root/var/lib/postgresql/data")) / "pgdata"
    database.kill()
    assert (data / "postmaster.pid").exists()
    assert list((database.folder / "run").glob(".s.PGSQL.5432*"))
    # The number in the file may have become somebody else's: here it is this test's own.
    lines = (data / "postmaster.pid").read_text().splitlines()
    (data / "postmaster.pid").write_text("\n".join([str(1), *lines[1:]]))
    database.start()
    databases.wait(database)
    assert databases.ask(database, "SELECT count(*), sum(n) FROM kept") == [(50, sum(range(50)))]
    assert "automatic recovery in progress" in database.log()


def test_a_killed_server_leaves_shared_memory_only_where_the_kernel_allows_no_name_spaces(mortal: Container) -> None:
    assert databases.ask(mortal, "SHOW dynamic_shared_memory_type") == [("mmap",)]
    pid = mortal.process.pid
    mortal.kill()
    segments = [line.split() for line in Path("/proc/sysvipc/shm").read_text().splitlines()[1:]]
    assert (str(pid) in {segment[4] for segment in segments}) == (not kernel().namespaces)
    mortal.start()
    databases.wait(mortal)


def test_ending_it_as_the_image_asks_is_a_clean_shutdown_that_does_not_wait_for_clients(mortal: Container) -> None:
    database = mortal
    with databases.connect(database):
        assert database.stop() == 0
    assert "database system is shut down" in database.log()
    before = len(database.log())
    database.start()
    databases.wait(database)
    assert "recovery in progress" not in database.log()[before:]


def test_a_cluster_whose_making_was_interrupted_is_made_anew(containers: Containers) -> None:
    database = containers.start("postgres:18", {"POD_IP": address(), **databases.ENV})
    until(lambda: list(database.folder.rglob(".half-made")), "the cluster to be begun")
    database.kill()
    assert not list(database.folder.rglob("pgdata/PG_VERSION"))
    database.start()
    databases.wait(database)


def test_a_folder_with_something_else_in_it_is_left_alone(containers: Containers) -> None:
    database = containers.start("postgres:18", {"POD_IP": address(), **databases.ENV, "PGDATA": "/elsewhere"})
    assert database.process.wait(SECONDS) == 1
    assert "PGDATA: expected /var/lib/postgresql/data" in database.log()
    foreign = database.folder / "root/var/lib/postgresql/data/pgdata"
    foreign.mkdir(parents=True)
    (foreign / "thesis.txt").write_text("years of work")
    database.env["PGDATA"] = databases.ENV["PGDATA"]
    database.start()
    assert database.process.wait(SECONDS) == 1
    assert "holds files but no database cluster" in database.log()
    assert (foreign / "thesis.txt").read_text() == "years of work"


def test_without_a_password_it_says_what_to_set(containers: Containers) -> None:
    database = containers.start("postgres", {"POD_IP": address()})
    assert database.process.wait(SECONDS) == 1
    assert "set POSTGRES_PASSWORD" in database.log()
    assert "Traceback" not in database.log()


def test_the_password_may_come_from_a_file_and_stays_out_of_logs(other: Container) -> None:
    assert databases.ask(other, "SELECT 1", name=databases.USER, password="from a file") == [(1,)]
    assert "from a file" not in other.log()


def test_options_of_the_container_win_over_the_images_own(other: Container) -> None:
    query = "SELECT current_setting('max_connections'), current_setting('work_mem')"
    assert databases.ask(other, query, name=databases.USER, password="from a file") == [("42", "7MB")]


def test_another_program_of_the_image_runs_instead_of_the_server(containers: Containers) -> None:
    client = containers.start("postgres:15-alpine", {"POD_IP": address()}, args=["psql", "--version"])
    assert client.process.wait(SECONDS) == 0
    assert client.log().startswith("psql (PostgreSQL)")


def test_first_scripts_run_once_in_order_and_the_first_that_fails_stops_the_start(
    containers: Containers, tmp_path: Path
) -> None:
    (tmp_path / "10-table.sql").write_text("CREATE TABLE first (n int);")
    (tmp_path / "20-row.sh").write_text("psql -qc 'INSERT INTO first VALUES (7)'")
    (tmp_path / "notes.txt").write_text("not a script")
    args = ["python", "-I", "-c", SERVER_WITH_SCRIPTS, str(tmp_path)]
    database = containers.start("postgres:18", {"POD_IP": address(), **databases.ENV}, args=args)
    databases.wait(database)
    assert databases.ask(database, "SELECT n FROM first") == [(7,)]
    database.stop()
    database.start()
    databases.wait(database)
    assert databases.ask(database, "SELECT n FROM first") == [(7,)]
    (tmp_path / "30-wrong.sql").write_text("SELECT nonsense;")
    other = containers.start("postgres:18", {"POD_IP": address(), **databases.ENV}, args=args)
    assert other.process.wait(SECONDS) == 1
    assert 'column "nonsense" does not exist' in other.log()


def test_two_servers_never_open_one_folder(containers: Containers, mortal: Container) -> None:
    data = mortal.folder / "root/var/lib/postgresql/data"
    second = containers.start("postgres:18", {"POD_IP": address(), **databases.ENV, DATA: str(data)})
    with pytest.raises(subprocess.TimeoutExpired):
        second.process.wait(0.5)
    assert databases.answers(mortal)
    assert second.log() == ""
    # As soon as the first has gone, with all its processes, the second takes over.
    mortal.kill()
    databases.wait(second)
    assert second.stop() == 0
    mortal.start()
    databases.wait(mortal)
