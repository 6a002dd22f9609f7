"""What a PostgreSQL server says of itself, and how full the pools are that share it."""

from __future__ import annotations

from typing import Final

from drillbook.model.indicators.base import REMEMBERED, Indicator, Parameter
from drillbook.model.quantity import Dimension

_SAMPLES: Final = {"samples": Parameter(int, 5, low=1, high=100)}
_AS: Final = Parameter(str, "text", ("text", "count", "bytes", "duration", "ratio", "cores"))
_ENGINE: Final = ("engine",)

INDICATORS: Final = (
    # 1 while the server answers a query.
    Indicator("database.up", Dimension.COUNT, _ENGINE, vias=("sql", "exec")),
    Indicator("database.connections", Dimension.COUNT, _ENGINE, _SAMPLES, vias=("sql", "exec")),
    Indicator(
        "database.connections_ratio",
        Dimension.RATIO,
        _ENGINE,
        _SAMPLES
        | {
            "of": Parameter(str, "max", ("max", "usable")),
            "state": Parameter(str, None, ("active", "idle", "idle in transaction")),
        },
    ),
    Indicator("database.max_connections", Dimension.COUNT, _ENGINE),
    Indicator("database.setting", Dimension.TEXT, _ENGINE, {"name": Parameter(str), "as": _AS}),
    Indicator("database.size", Dimension.BYTES, _ENGINE),
    # ``calls``: how often a statement must have been called for its mean to say something.
    Indicator("database.slowest_mean", Dimension.DURATION, _ENGINE, {"calls": Parameter(int, 5, low=1)}),
    Indicator(
        "database.vacuum_age",
        Dimension.DURATION,
        _ENGINE,
        {"of": Parameter(str, "both", ("both", "vacuum", "analyze")), "table": Parameter(str, None)},
    ),
    # ``definition``: a regular expression that must be found in pg_get_indexdef's text.
    Indicator("database.index", Dimension.COUNT, _ENGINE, {"name": Parameter(str), "definition": Parameter(str, None)}),
    Indicator("database.rows", Dimension.COUNT, _ENGINE, {"table": Parameter(str)}),
    Indicator(
        "database.oldest_row_age",
        Dimension.DURATION,
        _ENGINE,
        {"table": Parameter(str), "column": Parameter(str)},
    ),
    Indicator(
        "database.revision",
        Dimension.TEXT,
        _ENGINE,
        {"table": Parameter(str, "alembic_version"), "column": Parameter(str, "version_num")},
    ),
    # ``pool``, ``overflow``, ``processes``: a number, a variable of the container, or a ConfigMap's ``name/KEY``.
    # ``database``: the component whose connections they share, where the policy has several.
    Indicator(
        "database.pool_budget",
        Dimension.RATIO,
        ("workload",),
        {
            "pool": Parameter(str),
            "overflow": Parameter(str, "0"),
            "processes": Parameter(str, "1"),
            "database": Parameter(str, None),
        },
    ),
    # ``used``, ``size``: the gauges' names, hikaricp_connections_active and hikaricp_connections_max for HikariCP.
    Indicator(
        "pool.used_ratio",
        Dimension.RATIO,
        ("service",),
        _SAMPLES
        | REMEMBERED
        | {
            "path": Parameter(str, "/metrics"),
            "used": Parameter(str, "database_pool_in_use"),
            "size": Parameter(str, "database_pool_size"),
        },
        vias=("scrape", "prometheus"),
    ),
)
