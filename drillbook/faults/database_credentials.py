"""The database refuses the application's password: its role expires, so that the password is right on one side only.

That is what a rotation looks like that reached the database and not the application, or the other way round; and it
takes no password to do and to undo. Open sessions are ended, because only a new one is asked for its password.
"""

# Every text that goes into a statement is ours, or quoted.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Final

from drillbook.errors import DrillAborted, Refused
from drillbook.faults.fault import Aim, Candidate, Fault, Landing, Needs, PutBack, Target
from drillbook.faults.settings import Setting
from drillbook.faults.sql import (
    database_candidates,
    database_in,
    database_of,
    exactly,
    literal,
    quoted,
    refuse_password_login,
    see_psql,
    sql_needs,
    whose,
)

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube

LONG_AGO: Final = "2000-01-01 00:00:00+00"
_ROLE: Final = "SELECT rolvaliduntil::text AS until, rolsuper OR rolcreaterole AS may FROM pg_roles WHERE rolname = "


class DatabaseCredentials(Fault):
    """Lets the role's password expire."""

    name = "database-credentials"
    about = "The database refuses the application's credentials."
    settings: ClassVar = {
        "role": Setting("", "which role; empty means the component's own user"),
        "disconnect": Setting(True, "end its open sessions, which would go on with the old login"),
    }

    def needs(self, aim: Aim) -> Needs:
        return sql_needs(aim)

    async def how(self, kube: Kube, aim: Aim) -> str:
        place = await see_psql(kube, aim)
        database = await database_of(kube, aim)
        role = _role(aim)
        found = await database.rows(_ROLE + literal(role))
        if not found:
            raise Refused(f"database {database.name} has no role {role}")
        own = await database.row(_ROLE + "current_user")
        if not own["may"]:
            raise Refused(f"role {database.user} may not change when role {role} expires")
        await refuse_password_login(database)
        return f"role {role} expires by ALTER ROLE with psql in {place}"

    async def candidates(self, kube: Kube, aim: Aim) -> tuple[Candidate, ...]:
        return await database_candidates(kube, aim)

    async def put_back(self, kube: Kube, aim: Aim) -> PutBack:
        database, role = await database_of(kube, aim), _role(aim)
        found = await database.row(_ROLE + literal(role))
        return {**whose(aim), "role": role, "until": found["until"]}

    async def inject(self, kube: Kube, aim: Aim, targets: Sequence[Target]) -> tuple[Target, ...]:
        database, role = await database_of(kube, aim), _role(aim)
        for target in targets:
            await exactly(database, target)
            statements = f"ALTER ROLE {quoted(role)} VALID UNTIL {literal(LONG_AGO)};\n"
            if aim.settings["disconnect"]:
                statements += (
                    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
                    f"AND usename = {literal(role)} AND client_addr IS NOT NULL;\n"
                )
            await database.run(statements)
        return tuple(targets)

    async def landed(self, kube: Kube, aim: Aim, targets: Sequence[Target], before: PutBack) -> Landing:
        database, role = await database_of(kube, aim), _role(aim)
        found = await database.row(
            f"SELECT coalesce(rolvaliduntil < now(), false) AS expired, (SELECT count(*) FROM pg_stat_activity "
            f"WHERE usename = {literal(role)} AND client_addr IS NOT NULL) AS sessions FROM pg_roles "
            f"WHERE rolname = {literal(role)}"
        )
        gone = not aim.settings["disconnect"] or found["sessions"] == 0
        return Landing(bool(found["expired"]) and gone, {"role": role, **found})

    async def undo(self, kube: Kube, put_back: PutBack, seconds: float) -> str:
        role, until = put_back["role"], put_back["until"]
        database = await database_in(kube, put_back, seconds)
        found = await database.rows(_ROLE + literal(role))
        if not found:
            raise DrillAborted(f"role {role} is gone from database {database.name}: a person must look")
        if found[0]["until"] == until:
            return f"role {role} is as before"
        await database.run(_valid(role, until))
        return f"role {role} is as before, put back"


def _role(aim: Aim) -> str:
    """Whose password. Raises Refused where neither experiment nor policy says."""
    role = aim.settings["role"] or aim.component.user
    if not role:
        raise Refused(f"component {aim.component.id!r} has no user, and the experiment names no role")
    return str(role)


def _valid(role: str, until: str | None) -> str:
    """The statement that lets a role's password be valid as before. For ever is no date, and only a superuser's."""
    if until is not None:
        return f"ALTER ROLE {quoted(role)} VALID UNTIL {literal(until)};"
    return (
        f"ALTER ROLE {quoted(role)} VALID UNTIL 'infinity';\n"
        "DO $$ BEGIN IF current_setting('is_superuser') = 'on' THEN\n"
        f"UPDATE pg_authid SET rolvaliduntil = NULL WHERE rolname = {literal(role)}; END IF; END $$;\n"
    )
