"""``alembic``, as far as runbooks call it: brings the schema to its newest revision, and says which one it has."""

from __future__ import annotations

import asyncio
import sys
from typing import Final

from drillbook.errors import ConfigError
from drillbook.sandbox.refapp.database import Database, DatabaseUnavailable
from drillbook.sandbox.refapp.schema import REVISION
from drillbook.sandbox.refapp.settings import read

USAGE: Final = "usage: alembic upgrade head | current | heads"


async def revision(database: Database) -> str | None:
    """The revision of the database, after making the schema where it is missing."""
    async with database.connection() as connection:
        row = await (await connection.execute("SELECT version_num FROM alembic_version")).fetchone()
    await database.close()
    return str(row[0]) if row else None


def main(arguments: list[str]) -> int:
    """Run the command; returns the exit code."""
    if arguments == ["heads"]:
        print(f"{REVISION} (head)")
        return 0
    if arguments not in (["upgrade", "head"], ["current"]):
        print(USAGE, file=sys.stderr)
        return 2
    try:
        found = asyncio.run(revision(Database(read("backend").database, "alembic")))
    except (ConfigError, DatabaseUnavailable) as error:
        print(f"alembic: {error}", file=sys.stderr)
        return 1
    print(f"{found} (head)" if found == REVISION else found or "no revision")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
