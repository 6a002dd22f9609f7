"""The databases of the systems begin as their manifests say, and take the statements that their runbooks send."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.sandbox.containers import SECONDS, Container, Containers, address, until
from tests.systems.manifests import Manifests, Object, containers, load, namespace_of, template

DATABASES = {
    "smartcloudops": ("smartcloudops", "postgresql"),
    "rag7": ("rag7", "postgres"),
    "aic": ("data-services", "postgresql"),
}


@pytest.fixture(scope="module")
def databases() -> Iterator[dict[str, Container]]:
    """The database of each system, started from its StatefulSet."""
    with tempfile.TemporaryDirectory(prefix="db-") as folder:
        made = Containers(Path(folder))
        try:
            started = {system: _start(made, system) for system in DATABASES}
            for system, container in started.items():
                until(partial(_answers, container), f"{system}'s database to answer; its log:\n{container.log()}")
                _fill(container, system)
            yield started
        finally:
            made.end()


def test_the_documented_tables_and_indexes_of_smartcloudops_are_there(databases: dict[str, Container]) -> None:
    database = databases["smartcloudops"]
    valid = (
        "SELECT indexrelid::regclass FROM pg_index WHERE indisvalid AND indexrelid::regclass::text ~ '^idx_' ORDER BY 1"
    )
    assert psql(database, "-U", "postgres", "smartcloudops", "-c", valid) == [
        "idx_anomalies_timestamp",
        "idx_users_active",
    ]
    assert psql(database, "-U", "postgres", "smartcloudops", "-c", "SELECT count(*) FROM users") == ["3"]


@pytest.mark.parametrize(
    ("system", "setting", "value"),
    [
        ("smartcloudops", "log_min_duration_statement", "1s"),
        ("smartcloudops", "max_connections", "100"),
        ("rag7", "max_connections", "100"),
        ("aic", "shared_buffers", "256MB"),
        ("aic", "effective_cache_size", "1GB"),
        ("aic", "random_page_cost", "1.1"),
    ],
)
def test_a_documented_setting_is_in_effect(
    databases: dict[str, Container], system: str, setting: str, value: str
) -> None:
    user = "langgraph" if system == "rag7" else "postgres"
    assert psql(databases[system], "-U", user, "-c", f"SHOW {setting}") == [value]


def test_psql_without_a_database_speaks_to_the_checkpoints_of_rag7_until_they_are_dropped(
    databases: dict[str, Container],
) -> None:
    database = databases["rag7"]
    assert psql(database, "-U", "langgraph", "-c", "SELECT current_database()") == ["langgraph_checkpoints"]
    removed = "DELETE FROM checkpoints WHERE created_at < now() - interval '20 days' RETURNING checkpoint_id"
    assert "checkpoint-29" in psql(database, "-U", "langgraph", "-c", removed)
    for program in ("dropdb", "createdb"):
        done = database.exec(program, "-U", "langgraph", "langgraph_checkpoints")
        assert (done.returncode, done.stderr) == (0, b"")
    assert psql(
        database, "-U", "langgraph", "-c", "SELECT count(*) FROM pg_tables WHERE tablename = 'checkpoints'"
    ) == ["0"]


@pytest.mark.parametrize("system", DATABASES)
def test_statements_are_counted_where_the_runbooks_look_for_them(databases: dict[str, Container], system: str) -> None:
    user = "langgraph" if system == "rag7" else "postgres"
    query = "SELECT count(*) > 0 FROM pg_stat_statements WHERE mean_exec_time >= 0"
    database = ["-d", "template1"] if system == "rag7" else []
    assert psql(databases[system], "-U", user, *database, "-c", query) == ["t"]


def psql(database: Container, *arguments: str) -> list[str]:
    """The lines that psql prints in the container."""
    done = database.exec("psql", "-At", *arguments)
    assert done.returncode == 0, done.stderr.decode()
    return [line for line in done.stdout.decode().splitlines() if not line.startswith("DELETE")]


def _start(made: Containers, system: str) -> Container:
    found, workload = _stateful_set(system)
    container = containers(workload)[0]
    env = {entry["name"]: _value(found, namespace_of(workload), entry) for entry in container["env"]}
    return made.start(container["image"], env | {"POD_IP": address()}, args=container["args"])


def _fill(database: Container, system: str) -> None:
    """Run the scripts that the image would find in /docker-entrypoint-initdb.d."""
    found, workload = _stateful_set(system)
    names = [v["configMap"]["name"] for v in template(workload)["spec"].get("volumes", []) if "configMap" in v]
    for config_map in (found.find("ConfigMap", namespace_of(workload), name) for name in names):
        assert config_map is not None
        for text in config_map["data"].values():
            login = ("-U", database.env["POSTGRES_USER"], "-d", database.env["POSTGRES_DB"])
            done = database.exec("psql", "-q", "-v", "ON_ERROR_STOP=1", *login, given=text.encode())
            assert (done.returncode, done.stderr) == (0, b"")


def _stateful_set(system: str) -> tuple[Manifests, Object]:
    found = load(system)
    workload = found.find("StatefulSet", *DATABASES[system])
    assert workload is not None
    return found, workload


def _value(found: Manifests, namespace: str, entry: Object) -> str:
    if "value" in entry:
        return str(entry["value"])
    reference = entry["valueFrom"].get("secretKeyRef")
    if reference is None:
        return ""
    secret = found.find("Secret", namespace, reference["name"])
    assert secret is not None
    return str(secret["stringData"][reference["key"]])


def _answers(database: Container) -> bool:
    assert database.process.poll() is None, database.log()
    login = ("-h", database.env["POD_IP"], "-U", database.env["POSTGRES_USER"], "-d", database.env["POSTGRES_DB"])
    return database.exec("pg_isready", "--quiet", *login, "-t", str(int(SECONDS))).returncode == 0
