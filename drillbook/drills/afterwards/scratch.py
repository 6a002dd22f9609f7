"""A database of its own beside the real one, for whatever must be tried and must not touch real data.

It is made and dropped by psql in the pod that has the dumps, with the credentials that the pod has already.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from drillbook.drills.steps.backups import PLAIN, login
from drillbook.drills.steps.commands import Spot, run_in, told
from drillbook.drills.steps.ground import Ground
from drillbook.errors import DrillAborted
from drillbook.model.policy import Component

SECONDS: Final = 60.0
_PSQL: Final = (
    "psql",
    "--no-psqlrc",
    "--no-password",
    "--quiet",
    "--tuples-only",
    "--no-align",
    "--set=ON_ERROR_STOP=1",
)
_UNPACK: Final = f'{PLAIN} > "$2"'
_ELSEWHERE: Final = r"^\\c(onnect)?\b|^(CREATE|DROP|ALTER) (DATABASE|ROLE)"
"""Commands of a dump that leave the database into which it is loaded."""
_TABLES: Final = "SELECT count(*) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
PREFIX: Final = "drillbook_scratch_"
_LEFT: Final = f"SELECT datname FROM pg_database WHERE datname ~ '^{PREFIX}[0-9a-f]+$'"  # noqa: S608 - a constant
"""What a drill that was killed left behind."""


class NoScratch(DrillAborted):
    """Nobody lets us make a database of our own: nothing is known by that of what was to be tried."""


async def psql(ground: Ground, spot: Spot, database: Component, name: str, *words: str) -> str:
    """What psql prints. Raises DrillAborted with the first line of its complaint, masked."""
    answer = await run_in(ground, spot, [*_PSQL, *login(database), "--dbname", name, *words], SECONDS)
    if answer.exit_code != 0:
        raise DrillAborted(told(answer.stderr) or f"psql ended with {answer.exit_code}")
    return answer.stdout.strip()


@asynccontextmanager
async def scratch_database(ground: Ground, spot: Spot, database: Component) -> AsyncIterator[str]:
    """The name of an empty database, which is dropped whatever happens; one at a time.

    Raises NoScratch where none can be made.
    """
    name, real = f"{PREFIX}{secrets.token_hex(4)}", database.database or "postgres"
    try:
        for left in (await psql(ground, spot, database, real, "--command", _LEFT)).split():
            await _drop(ground, spot, database, left)
        await psql(ground, spot, database, real, "--command", f"CREATE DATABASE {name} TEMPLATE template0")
    except DrillAborted as error:
        raise NoScratch(f"no scratch database could be made beside {real}: {error}") from error
    try:
        yield name
    finally:
        await _drop(ground, spot, database, name)


async def _drop(ground: Ground, spot: Spot, database: Component, name: str) -> None:
    real = database.database or "postgres"
    await psql(ground, spot, database, real, "--command", f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


async def refuse_leaving(ground: Ground, spot: Spot, file: str, dump: str) -> None:
    """Raises NoScratch where the plain dump in ``file`` (of ``dump``) would reach beyond the database it meets."""
    elsewhere = await run_in(ground, spot, ["grep", "-E", "-m", "1", _ELSEWHERE, file], SECONDS)
    if elsewhere.exit_code != 1:
        raise NoScratch(f"{dump} goes to another database itself ({told(elsewhere.stdout or elsewhere.stderr)})")


async def load(ground: Ground, spot: Spot, database: Component, dump: str, name: str) -> str:
    """Load a plain dump, packed or not, into the scratch database ``name``; returns how many tables it made.

    Raises NoScratch for a dump that would reach beyond it, DrillAborted where it can't be loaded.
    """
    file = f"/tmp/{name}.sql"  # noqa: S108 - in the pod, a name that nobody else has
    try:
        answer = await run_in(ground, spot, ["sh", "-c", f"set -e; {_UNPACK}", "sh", dump, file], SECONDS)
        if answer.exit_code != 0:
            raise DrillAborted(f"{dump} can't be unpacked: {told(answer.stderr)}")
        await refuse_leaving(ground, spot, file, dump)
        await psql(ground, spot, database, name, "--output=/dev/null", "--single-transaction", f"--file={file}")
        return await psql(ground, spot, database, name, "--command", _TABLES)
    finally:
        await run_in(ground, spot, ["rm", "-f", file], SECONDS)
