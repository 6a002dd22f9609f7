"""The tables, and who makes them: whichever process comes first, with the others waiting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from psycopg import AsyncConnection

REVISION: Final = "0001"
"""The newest revision of the schema, as the table ``alembic_version`` has it."""

LOCK: Final = 7_366_101
"""The advisory lock under which the schema is made; any number that nobody else uses."""

STATEMENTS: Final = (
    # Byte order, so that paging through keys means the same in every locale. No unique constraint: a doubled write
    # must be visible, not refused.
    'CREATE TABLE IF NOT EXISTS orders (id bigserial PRIMARY KEY, key text COLLATE "C" NOT NULL, body text NOT NULL,'
    " created_at timestamptz NOT NULL DEFAULT now())",
    "CREATE INDEX IF NOT EXISTS orders_key ON orders (key)",
    "CREATE TABLE IF NOT EXISTS tasks (id bigserial PRIMARY KEY, task_id text NOT NULL, key text NOT NULL,"
    " worker text NOT NULL, executed_at timestamptz NOT NULL DEFAULT now())",
    "CREATE INDEX IF NOT EXISTS tasks_key ON tasks (key)",
    "CREATE TABLE IF NOT EXISTS alembic_version (version_num varchar(32) PRIMARY KEY)",
    "INSERT INTO alembic_version SELECT '0001' WHERE NOT EXISTS (SELECT FROM alembic_version)",
)


async def ensure_schema(connection: AsyncConnection[tuple[Any, ...]]) -> None:
    """Make the tables where they are missing.

    Every new connection asks, and so a database that came back empty is usable again without a restart.
    """
    # The table that is made last tells of the others.
    found = await (await connection.execute("SELECT to_regclass('alembic_version') IS NOT NULL")).fetchone()
    if found and found[0]:
        return
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        for statement in STATEMENTS:
            await connection.execute(statement)
