"""The ground truth of a database before its data is damaged, and what its tables hold after the recovery."""

# The only text that goes into a statement is a name that the server itself has quoted.
# ruff: noqa: S608

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from drillbook.errors import DrillbookError
from drillbook.model.content import Content, TableContent
from drillbook.model.environment import Environment
from drillbook.model.policy import Component

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube

SECONDS: Final = 20.0
"""How long one table may take to be read."""
_TABLES: Final = (
    "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables "
    "WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1"
)


async def content_of(kube: Kube, environment: Environment, component: Component, without: str) -> Content | str:
    """What every table holds now, or why that can't be seen; rows with the text ``without`` are the drill's own."""
    from drillbook.clients.postgres import open_database

    try:
        async with open_database(kube.itself, environment, component, statement_timeout=SECONDS) as postgres:
            names = [str(row["name"]) for row in await postgres.rows(_TABLES)]
            found: dict[str, TableContent] = {}
            for name in names:
                # A sum doesn't ask for an order.
                query = (
                    "SELECT count(*) AS n, coalesce(sum(hashtextextended(t::text, 0)), 0)::text AS d "
                    f"FROM {name} AS t WHERE position(%s IN t::text) = 0"
                )
                row = await postgres.row(query, without)
                found[name] = TableContent(int(row["n"]), str(row["d"]))
            return found
    except DrillbookError as error:
        return str(error)
