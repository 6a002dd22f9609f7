"""How a PostgreSQL is set otherwise: for its one database where that is enough, else for a server that is restarted."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from drillbook.clients.kube import Object
from drillbook.errors import DrillbookError
from drillbook.model.limit import Limit
from drillbook.model.policy import Component, Objective
from drillbook.model.quantity import Dimension
from drillbook.model.text_limit import TextLimit
from drillbook.probes.database_settings import quantity_of
from drillbook.proof.beyond import number_beyond
from drillbook.proof.stage import Stage
from drillbook.proof.templates import rolled_out
from drillbook.proof.violation import Planted, Unplantable, Violation

_OF_A_SESSION: Final = frozenset({"user", "superuser"})
"""What a database can have of its own, over the server's arguments and files."""
_ABOUT: Final = (
    "SELECT concat_ws('|', context, vartype, coalesce(unit, ''), setting, coalesce(enumvals::text, '{}')) "
    "FROM pg_settings WHERE name = lower('%s')"
)
_OWN: Final = (
    "SELECT substr(one, strpos(one, '=') + 1) FROM pg_db_role_setting s, unnest(setconfig) one "
    "WHERE setrole = 0 AND one LIKE '%s=%%' "
    "AND setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
_RESTART_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class _Setting:
    """What pg_settings says of one."""

    name: str
    context: str
    vartype: str
    unit: str
    value: str
    words: tuple[str, ...]
    """What an enum may be."""


@asynccontextmanager
async def other_setting(stage: Stage, objective: Objective) -> AsyncIterator[Planted]:
    """One setting has a value beyond the limit."""
    component = stage.component(objective)
    found = await _about(stage, component, str(stage.parameters(objective)["name"]))
    async with _set(stage, component, found, _refused(objective, found)) as planted:
        yield planted


@asynccontextmanager
async def other_maximum(stage: Stage, objective: Objective) -> AsyncIterator[Planted]:
    """The server was started with another max_connections."""
    component = stage.component(objective)
    found = await _about(stage, component, "max_connections")
    async with _set(stage, component, found, str(number_beyond(objective))) as planted:
        yield planted


async def _about(stage: Stage, component: Component, name: str) -> _Setting:
    told = await stage.sql(component, _ABOUT % name.replace("'", "''"))
    if not told:
        raise Unplantable(f"PostgreSQL in {component.workload} knows no setting {name!r}")
    context, vartype, unit, value, words = told.split("|", 4)
    return _Setting(name, context, vartype, unit, value, tuple(words.strip("{}").replace('"', "").split(",")))


def _refused(objective: Objective, found: _Setting) -> str:
    """A value for the setting, in its own unit, that the limit refuses."""
    limit = objective.limit
    if isinstance(limit, TextLimit):
        texts = {"bool": ("on", "off"), "enum": found.words}.get(found.vartype, (found.value, "1", "2", "drillbook"))
        if found.vartype in {"integer", "real"}:
            texts = tuple(str(Decimal(found.value) + step) for step in (1, -1))
        return _first(objective, (text for text in texts if not limit.holds_for(text)))
    if limit.dimension is Dimension.COUNT and not found.unit:
        return str(number_beyond(objective))
    step = quantity_of(found.name, "1", found.unit, limit.dimension)
    if step is None or not isinstance(limit, Limit):
        raise Unplantable(
            f"{objective.id}: setting {found.name} has unit {found.unit!r}, which is no {limit.dimension}"
        )
    nearest = int(limit.quantity.value / step)
    numbers = (nearest, nearest + 1, nearest - 1)
    return _first(objective, (str(one) for one in numbers if one > 0 and not limit.holds_at(one * step)))


def _first(objective: Objective, refused: Iterator[str]) -> str:
    for one in refused:
        return one
    raise Unplantable(f"{objective.id}: no value that the setting can have breaks {objective.limit}")


@asynccontextmanager
async def _set(stage: Stage, component: Component, found: _Setting, value: str) -> AsyncIterator[Planted]:
    way = _of_database if found.context in _OF_A_SESSION else _of_server
    async with way(stage, component, found, value) as what:
        yield Planted(what, _follows(stage, component, found))


def _follows(stage: Stage, component: Component, found: _Setting) -> frozenset[str]:
    """Other limits on the same setting; a server with other connections is filled by others."""
    same = stage.asking("database.setting", component=component.id)
    same = frozenset(o.id for o in stage.objectives if o.id in same and o.parameters.get("name") == found.name)
    if found.context not in _OF_A_SESSION:
        # Whoever talked to the server that was started anew has to find it again.
        same |= stage.asking("http.*", "pool.*")
    if found.name == "max_connections":
        same |= stage.asking("database.max_connections", "database.connections_ratio", "database.pool_budget")
    return same


@asynccontextmanager
async def _of_database(stage: Stage, component: Component, found: _Setting, value: str) -> AsyncIterator[str]:
    """A setting of the component's database, which its new sessions have."""
    name = (await stage.sql(component, "SELECT quote_ident(current_database())")).strip()
    before = await stage.sql(component, _OWN % found.name)
    try:
        await stage.sql(component, f"ALTER DATABASE {name} SET {found.name} = '{value}'")
        yield f"ALTER DATABASE {name} SET {found.name} = {value}"
    finally:
        back = f"SET {found.name} = '{before}'" if before else f"RESET {found.name}"
        await stage.sql(component, f"ALTER DATABASE {name} {back}")


@asynccontextmanager
async def _of_server(stage: Stage, component: Component, found: _Setting, value: str) -> AsyncIterator[str]:
    """One more argument of the server, with which its workload is started anew."""
    args = (await stage.workload(component))["spec"]["template"]["spec"]["containers"][0].get("args") or []
    more: Object = {
        "op": "add",
        "path": "/spec/template/spec/containers/0/args",
        "value": [*args, "-c", f"{found.name}={value}"],
    }

    async def says(wanted: str) -> bool:
        try:
            return (await _about(stage, component, found.name)).value == wanted and await rolled_out(stage, component)
        except DrillbookError:
            return False  # it isn't up again yet

    try:
        async with stage.changed(stage.workload_path(component), [more]):
            await stage.until(f"{found.name} {value} after a restart", lambda: says(value), _RESTART_SECONDS)
            yield f"{component.workload} started with {found.name}={value}"
    finally:
        await stage.until(f"{found.name} {found.value} after a restart", lambda: says(found.value), _RESTART_SECONDS)


VIOLATIONS: Final = (
    Violation("database.setting", other_setting, within=60.0),
    Violation("database.max_connections", other_maximum, within=60.0),
)
