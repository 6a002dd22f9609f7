"""What a PostgreSQL is set to: the value in force, in one unit whatever the configuration was written in."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from drillbook.model.observation import Observation
from drillbook.model.policy import Component
from drillbook.model.quantity import Dimension
from drillbook.probes.asking_sql import session_of
from drillbook.probes.scene import Scene, needed
from drillbook.probes.stated import stated

_SETTING: Final = """
    SELECT name, setting, unit, vartype, source, pending_restart, current_setting(name) AS shown
    FROM pg_settings WHERE lower(name) = lower(%s)
"""
_OURS: Final = frozenset({"default_transaction_read_only", "statement_timeout", "application_name", "client_encoding"})
"""What the probe's own session sets for itself: asked there, it would tell of the probe."""
_UNITS: Final[Mapping[str, tuple[Dimension, Decimal]]] = {
    "B": (Dimension.BYTES, Decimal(1)),
    "kB": (Dimension.BYTES, Decimal(1024)),
    "8kB": (Dimension.BYTES, Decimal(8192)),
    "16kB": (Dimension.BYTES, Decimal(16384)),
    "32kB": (Dimension.BYTES, Decimal(32768)),
    "MB": (Dimension.BYTES, Decimal(1024**2)),
    "us": (Dimension.DURATION, Decimal("0.000001")),
    "ms": (Dimension.DURATION, Decimal("0.001")),
    "s": (Dimension.DURATION, Decimal(1)),
    "min": (Dimension.DURATION, Decimal(60)),
    "h": (Dimension.DURATION, Decimal(3600)),
    "d": (Dimension.DURATION, Decimal(86400)),
}
"""What pg_settings.unit says; 8kB is the size of a block, which can be built larger. MB is of 1,048,576 bytes there."""


async def setting(scene: Scene, component: Component | None, parameters: Mapping[str, Any]) -> Observation:
    """The value in force of one setting, as text (as SHOW tells it) or as the quantity that ``as`` names.

    What stands in a file and waits for a restart isn't in force: the remedy says so. A threshold of -1, and a time-out
    of 0, mean that there is none: an infinite one.
    """
    asked = needed(component, "database.setting")
    dimension, name = Dimension(parameters["as"]), parameters["name"]
    session = await session_of(scene, asked)
    where = f"setting {name} of PostgreSQL at {session.endpoint}"
    if name.lower() in _OURS:
        problem = "the probe's own session sets it for itself, so what others have can't be seen here"
        return scene.unseen(dimension, where, problem, remedy="attest it, or read the configuration that sets it")
    found = await session.row(_SETTING, name)
    if not found:
        problem = f"PostgreSQL knows no setting {name!r}, or doesn't show it to {asked.user}"
        remedy = f"grant pg_read_all_settings to {asked.user}, or correct the parameter name"
        return scene.unseen(dimension, where, problem, remedy=remedy)
    remedy = (
        "restart PostgreSQL: a new value waits in its files and is not in force" if found["pending_restart"] else ""
    )
    if dimension is Dimension.TEXT:
        return scene.told(where, found["shown"], remedy=remedy, evidence=dict(found))
    if found["unit"] is None:
        return stated(scene, where, found["setting"], dimension, remedy=remedy, evidence=dict(found))
    value = quantity_of(found["name"], found["setting"], found["unit"], dimension)
    if value is None:
        problem = f"it says {found['shown']!r}, which is no {dimension.noun.removeprefix('a ')}"
        return scene.unseen(dimension, where, problem, remedy="ask it as: text, or as what it is", evidence=dict(found))
    return scene.seen(dimension, where, value, remedy=remedy, evidence=dict(found))


def quantity_of(name: str, number: str, unit: str, dimension: Dimension) -> Decimal | None:
    """pg_settings' number and unit in base units; infinity where the number switches a limit off.

    None where the unit is of another dimension, or the number is -1 and means something else.
    """
    known, factor = _UNITS.get(unit, (None, Decimal(1)))
    if known is not dimension:
        return None
    value = Decimal(number)
    if (value == -1 and "min_duration" in name) or (value == 0 and name.endswith("_timeout")):
        return Decimal("Infinity")
    return value * factor if value >= 0 else None
