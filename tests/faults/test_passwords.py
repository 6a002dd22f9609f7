"""A password is changed on a real server that writes everything down, and nowhere can it be read afterwards."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from drillbook.clients.kube import Kube, path_of
from drillbook.errors import Refused
from drillbook.faults import fault_named
from drillbook.faults.passwords import refuse_unreadable_verifier, scram_verifier, set_verifier, verifier_of
from drillbook.faults.places import place_of
from drillbook.faults.sql import database_of
from tests.drills.conftest import NAMESPACE, Solar, system
from tests.faults.live import aimed

__all__ = ["system"]

ROLE = "tester"
FIRST, SECOND = "first-password-of-tester", "second-password-of-tester"
ALLOWED = "GRANT SELECT ON pg_authid TO tester"


def test_a_verifier_is_the_one_that_the_standard_gives() -> None:
    """RFC 7677's example: password ``pencil``, its salt, 4096 iterations."""
    salt = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
    assert scram_verifier("pencil", salt) == (
        "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ=="
        "$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
    )
    assert scram_verifier("pencil") != scram_verifier("pencil")


@contextmanager
def a_role(system: Solar, *more: str) -> Iterator[psycopg.Connection[Any]]:
    """A role of its own, in a database that logs every statement and counts it."""
    with system.database() as database:
        name = database.info.dbname
        try:
            for statement in (
                f"CREATE ROLE {ROLE} LOGIN PASSWORD '{scram_verifier(FIRST)}'",
                *more,
                f"ALTER DATABASE {name} SET log_statement = 'all'",
                f"ALTER DATABASE {name} SET log_min_duration_statement = 0",
                "SELECT pg_stat_statements_reset()",
            ):
                database.execute(statement.encode())
            yield database
        finally:
            for statement in (
                f"ALTER DATABASE {name} RESET log_statement",
                f"ALTER DATABASE {name} RESET log_min_duration_statement",
                f"DROP OWNED BY {ROLE}",
                f"DROP ROLE {ROLE}",
            ):
                database.execute(statement.encode())


def changed(system: Solar, verifier: str | None) -> str | None:
    """Change it as the role itself; what the server kept before."""

    async def change(kube: Kube) -> str | None:
        database = replace(await database_of(kube, aimed(system, "secret-rotated", "database")), user=ROLE)
        old = await verifier_of(database)
        await set_verifier(database, verifier)
        return old

    return system.on_kube(change)


def logs_in(database: psycopg.Connection[Any], password: str) -> bool:
    info = database.info
    try:
        psycopg.connect(host=info.host, user=ROLE, dbname=info.dbname, password=password).close()
    except psycopg.OperationalError as refused:
        if "password authentication failed" not in str(refused):
            raise
        return False
    return True


def written_down(system: Solar, database: psycopg.Connection[Any]) -> str:
    """Statements on roles that statistics hold, and the server's whole log."""

    async def log(kube: Kube) -> str:
        place = await place_of(kube, aimed(system, "secret-rotated", "database"))
        return await kube.logs(place.namespace, place.pod, container=place.container)

    found = database.execute("SELECT query FROM pg_stat_statements WHERE query ~* 'alter role'").fetchall()
    return "\n".join([query for (query,) in found] + [system.on_kube(log)])


@pytest.mark.parametrize("rights", [(ALLOWED,), (f"ALTER ROLE {ROLE} SUPERUSER",)], ids=["plain", "superuser"])
def test_no_password_is_written_down_and_the_old_one_is_put_back_unseen(system: Solar, rights: tuple[str]) -> None:
    with a_role(system, *rights) as database:
        new = scram_verifier(SECOND)
        old = changed(system, new)
        assert (logs_in(database, FIRST), logs_in(database, SECOND)) == (False, True)
        assert changed(system, old) == new
        assert (logs_in(database, FIRST), logs_in(database, SECOND)) == (True, False)
        text = written_down(system, database)
    assert "FROM pg_authid" in text, "the server logs no statements"
    assert FIRST not in text
    assert SECOND not in text
    # Who may switch it off leaves not even the verifier; who may not is seen to have changed a password, not which.
    assert (new in text) == (rights == (ALLOWED,))


@pytest.mark.parametrize("kept", [None, "md5" + "0" * 32], ids=["none", "md5"])
def test_whatever_the_server_kept_is_put_back_as_it_was(system: Solar, kept: str | None) -> None:
    with a_role(system, ALLOWED):
        changed(system, kept)
        assert changed(system, scram_verifier(SECOND)) == kept
        changed(system, kept)
        assert changed(system, kept) == kept


def test_a_role_that_may_not_read_what_is_kept_is_refused(system: Solar) -> None:
    async def refused(kube: Kube) -> None:
        database = await database_of(kube, aimed(system, "secret-rotated", "database"))
        await refuse_unreadable_verifier(database)
        await refuse_unreadable_verifier(replace(database, user=ROLE))

    with a_role(system), pytest.raises(Refused, match=r"role tester may not read pg_authid in .*sending it in clear"):
        system.on_kube(refused)


def test_the_fault_tells_the_server_no_password_either(system: Solar) -> None:
    """The whole of it, there and back."""
    aim = aimed(system, "secret-rotated", "database", secret="solar-secrets", key="DATABASE_PASSWORD")
    passwords: list[str] = []

    async def password(kube: Kube) -> str:
        found = await kube.get(path_of("secrets", NAMESPACE, "solar-secrets"))
        return base64.b64decode(found["data"]["DATABASE_PASSWORD"]).decode()

    async def rotated(kube: Kube) -> None:
        rotating = fault_named("secret-rotated")
        put_back = await rotating.put_back(kube, aim)
        targets = [candidate.target for candidate in await rotating.candidates(kube, aim)]
        try:
            passwords.append(await password(kube))
            await rotating.inject(kube, aim, targets)
            passwords.append(await password(kube))
        finally:
            await rotating.undo(kube, put_back, 60)

    with system.database() as database:
        database.execute("SELECT pg_stat_statements_reset()")
    system.on_kube(rotated)
    with system.database() as database:
        text = written_down(system, database)
    assert len(set(passwords)) == 2
    assert not [one for one in passwords if one in text]
