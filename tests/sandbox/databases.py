"""A PostgreSQL container as Solar's manifest has it, and questions to it over TCP."""

from __future__ import annotations

from typing import Any

import psycopg

from tests.sandbox.containers import Container, Containers, address, until

USER, PASSWORD, NAME = "solar_pv_user", "sandbox-only", "solar_pv_db"
ENV = {
    "POSTGRES_USER": USER,
    "POSTGRES_PASSWORD": PASSWORD,
    "POSTGRES_DB": NAME,
    "PGDATA": "/var/lib/postgresql/data/pgdata",
}


def start(containers: Containers, **env: str) -> Container:
    """A database that answers."""
    database = containers.start("postgres:18", {"POD_IP": address(), **ENV, **env})
    wait(database)
    return database


def wait(database: Container) -> None:
    """Until it lets clients in."""
    until(lambda: answers(database), f"the database to answer; its log:\n{database.log()}")


def answers(database: Container) -> bool:
    """Whether it lets clients in now."""
    try:
        return ask(database, "SELECT 1") == [(1,)]
    except psycopg.OperationalError:
        assert database.process.poll() is None, database.log()
        return False


def ask(database: Container, query: str, *, name: str = NAME, password: str = PASSWORD) -> list[tuple[Any, ...]]:
    """The rows of a query over TCP."""
    with connect(database, name=name, password=password) as connection:
        cursor = connection.execute(query.encode())
        return cursor.fetchall() if cursor.description else []


def connect(database: Container, *, name: str = NAME, password: str = PASSWORD) -> psycopg.Connection[tuple[Any, ...]]:
    """A connection over TCP; each statement commits by itself."""
    return psycopg.connect(
        host=database.env["POD_IP"], dbname=name, user=USER, password=password, connect_timeout=5, autocommit=True
    )
