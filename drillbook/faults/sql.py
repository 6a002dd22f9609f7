"""SQL inside the database's own pod, through psql as runbooks do it; a statement travels on standard input.

So no statement, and nothing that it holds, stands in an URL, an audit log or a list of processes. The password is the
one that the container was given; it doesn't leave the pod.
"""

# Every text that goes into a statement is ours, or quoted.
# ruff: noqa: S608

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from drillbook.errors import ConfigError, DrillAborted, Refused, Unreachable
from drillbook.faults.fault import Aim, Candidate, Needs, Target
from drillbook.faults.places import Place, exec_permissions, needs_tools, place_of, shell, wait_place
from drillbook.faults.workloads import PLURALS, workload_of
from drillbook.model.policy import Component, Workload

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube, Permission

SECONDS: Final = 30
LOGIN: Final = 'export PGPASSWORD="${PGPASSWORD:-${POSTGRES_PASSWORD:-}}" PGCONNECT_TIMEOUT=5'
PSQL: Final = "psql --no-psqlrc --no-password --tuples-only --no-align --quiet --set=ON_ERROR_STOP=1"
_RUN: Final = f"""
{LOGIN}
export PGAPPNAME=drillbook PGOPTIONS="-c statement_timeout={SECONDS * 1000} -c client_min_messages=warning"
length=$1; shift
head -c "$length" | {PSQL} --file=- "$@"
"""
BOOKKEEPING: Final = ("alembic_version", "django_migrations", "flyway_schema_history", "databasechangelog")
"""Tables of migration tools: no data of users."""
_LOCAL_LOGIN: Final = (
    "SELECT auth_method FROM pg_hba_file_rules WHERE type = 'local' AND auth_method IS NOT NULL "
    "ORDER BY line_number LIMIT 1"
)
_IDENTITY: Final = "SELECT s.system_identifier || '/' || d.oid FROM pg_control_system() AS s, pg_database AS d"


@dataclass(frozen=True, slots=True)
class Database:
    """One database, in the pod of its server that runs now."""

    kube: Kube
    place: Place
    user: str
    name: str

    @property
    def options(self) -> tuple[str, ...]:
        """What psql is told about whom to be and where."""
        user = ("--username", self.user) if self.user else ()
        return (*user, "--dbname", self.name) if self.name else user

    async def run(self, statements: str) -> str:
        """Run them, each in a transaction of its own unless they say otherwise; what its queries gave, as text.

        Raises Unreachable with the server's words, also where it refuses a statement.
        """
        given = statements.encode()
        words = (str(len(given)), *self.options)
        done = await shell(self.kube, self.place, _RUN, *words, stdin=given, timeout=SECONDS + 10)
        if done.exit_code != 0:
            lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
            said = lines[0].rpartition("psql: ")[2] if lines else f"psql ended with exit code {done.exit_code}"
            raise Unreachable(f"PostgreSQL in {self.place} refused: {said}")
        return done.stdout

    async def rows(self, query: str) -> list[dict[str, Any]]:
        """The rows of one query without a semicolon."""
        text = await self.run(f"SELECT row_to_json(answer) FROM ({query}) AS answer;\n")
        return [json.loads(line) for line in text.splitlines() if line.strip()]

    async def row(self, query: str) -> dict[str, Any]:
        """The first of them. Raises Unreachable where there is none."""
        for row in await self.rows(query):
            return row
        raise Unreachable(f"PostgreSQL in {self.place} gave no row for a query that always gives one")

    async def target(self) -> Target:
        """As a target: its UID is that of the server's data, and of the database in it."""
        identity = (await self.run(f"{_IDENTITY} WHERE d.datname = current_database();")).strip()
        return Target("Database", self.place.namespace, self.name or "postgres", identity)


async def database_of(kube: Kube, aim: Aim) -> Database:
    """The component's. Raises ConfigError where it is no PostgreSQL, Unreachable where none of its pods runs."""
    require_engine(aim.component, "postgres")
    return Database(kube, await place_of(kube, aim), aim.component.user or "", aim.component.database or "")


async def database_in(kube: Kube, put_back: Any, seconds: float) -> Database:
    """The one that ``whose`` described, as soon as its pod runs. Raises DrillAborted."""
    workload = Workload(put_back["kind"], put_back["workload"])
    place = await wait_place(kube, workload, put_back["namespace"], seconds)
    return Database(kube, place, put_back["user"], put_back["database"])


def whose(aim: Aim) -> dict[str, str]:
    """What an undo on another machine must know to ask the same database."""
    workload, component = workload_of(aim.component), aim.component
    return {
        "namespace": component.namespace,
        "kind": workload.kind,
        "workload": workload.name,
        "user": component.user or "",
        "database": component.database or "",
    }


async def database_candidates(kube: Kube, aim: Aim) -> tuple[Candidate, ...]:
    """The database is the only one."""
    return (Candidate(await (await database_of(kube, aim)).target()),)


async def exactly(database: Database, target: Target) -> None:
    """Raises DrillAborted when the database that answers now is another one than the target."""
    found = await database.target()
    if found.uid != target.uid:
        raise DrillAborted(f"{target} is another one than was chosen: expected {target.uid}, found {found.uid}")


async def see_psql(kube: Kube, aim: Aim) -> Place:
    """Whether psql can be used in the pod. Raises Refused."""
    place = await place_of(kube, aim)
    await needs_tools(kube, place, "psql", "head")
    return place


async def refuse_password_login(database: Database) -> None:
    """Raises Refused where psql in the pod is asked for a password: whoever has to undo it logs in in the same way."""
    methods = [str(row["auth_method"]) for row in await database.rows(_LOCAL_LOGIN)]
    if methods not in (["trust"], ["peer"]):
        raise Refused(f"psql in {database.place} is asked for a password too, so nobody could log in to put it back")


def sql_needs(aim: Aim, *more: Permission) -> Needs:
    """Exec into the database's pods, for both."""
    from drillbook.clients.kube import Permission

    namespace = aim.component.namespace
    asked = (
        Permission("get", PLURALS[workload_of(aim.component).kind], "apps", namespace),
        *exec_permissions(namespace),
        *more,
    )
    return Needs(asked, asked)


def require_engine(component: Component, engine: str) -> None:
    """Raises ConfigError where the component's engine is another one."""
    if component.engine != engine:
        raise ConfigError(f"component {component.id!r} has engine {component.engine!r}; this fault needs {engine}")


def literal(text: str) -> str:
    """A text as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"


def quoted(name: str) -> str:
    """An identifier as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


async def largest_table(database: Database, given: str) -> str:
    """The table that a setting names (``orders`` or ``shop.orders``), else the one with the most rows, quoted.

    Raises Refused where there is none.
    """
    if given:
        found = await database.rows(f"SELECT to_regclass({literal(given)})::text AS name")
        if found[0]["name"] is None:
            raise Refused(f"database {database.name} has no table {given}")
        return str(found[0]["name"])
    rows = await database.rows(
        "SELECT relid::regclass::text AS name FROM pg_stat_user_tables "
        f"WHERE relname NOT IN ({', '.join(map(literal, BOOKKEEPING))}) ORDER BY n_live_tup DESC, relname LIMIT 1"
    )
    if not rows:
        raise Refused(f"database {database.name} has no table")
    return str(rows[0]["name"])
