"""Databases, caches, backups, certificates and settings of a real Solar, broken and whole again."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import pytest

from drillbook.checking import check_objectives, load_system
from drillbook.clients.kube import Kube
from drillbook.model.indicators import INDICATORS
from drillbook.model.limit import Limit
from drillbook.model.policy import Objective
from drillbook.model.proof import ProofStatus
from drillbook.model.quantity import Dimension
from drillbook.model.text_limit import TextLimit
from drillbook.model.verdict import Verdict
from drillbook.proof.proving import Prover
from drillbook.proof.stage import Stage
from drillbook.proof.violations import VIOLATIONS
from tests.conftest import SandboxHandle

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

DUMPS: Final = {"path": "/backups/database/*.sql.gz"}
ASKED: Final[tuple[tuple[str, str, str, dict[str, Any]], ...]] = (
    # What no policy of a shipped system asks, or none in this way.
    ("database.up/exec", "database", "== 1", {}),
    ("database.connections_ratio", "database", "<= 50 %", {"of": "usable"}),
    ("database.connections_ratio", "database", "<= 10 %", {"state": "idle in transaction"}),
    ("database.setting", "database", "== 4Mi", {"name": "work_mem", "as": "bytes"}),
    ("database.setting", "database", "!= off", {"name": "jit"}),
    ("database.pool_budget", "api", "<= 90 %", {"pool": "2"}),
    ("database.rows", "database", ">= 1", {"table": "alembic_version"}),
    ("cache.clients", "cache", "<= 60", {}),
    ("cache.evictions", "cache", "== 0", {}),
    ("backup.size", "backups", ">= 10", DUMPS),
    ("backup.span", "backups", "<= 9 d", DUMPS),
    ("backup.incomplete", "backups", "== 0", DUMPS),
    ("config.value/configmap", "api", "== postgres", {"configmap": "solar-config", "name": "DATABASE_HOST"}),
    ("config.value/exec", "api", "== 2", {"name": "DATABASE_POOL_SIZE", "as": "count"}),
    ("certificate.time_left/certmanager", "api", ">= 20 d", {}),
    ("log.size", "backups", "<= 8Mi", {"path": "/backups"}),
    ("log.matches", "api", "== 0", {"pattern": "OutOfMemory", "window": "20s"}),
)


@pytest.mark.parametrize("number", range(len(ASKED)), ids=[f"{name} {limit}" for name, _, limit, _ in ASKED])
def test_what_is_planted_turns_its_check_red_and_goes_away_again(solar: SandboxHandle, number: int) -> None:
    policy, environment, _ = load_system("solar", "sandbox", solar.name)
    objective = _asked(number, policy.objectives[0])

    async def check(objectives: Sequence[Objective]) -> tuple[Verdict, ...]:
        return await asyncio.to_thread(check_objectives, policy, environment, (), objectives)

    async def prove() -> Any:
        async with Kube.of(environment) as kube:
            before = await check([objective])
            assert str(before[0].status) == "pass", before[0].reason
            return await Prover(Stage(solar.name, policy, environment, (objective,), kube), VIOLATIONS, check).prove(
                objective
            )

    proof = asyncio.run(prove())
    assert proof.status is ProofStatus.PROVEN, proof.reason


def _asked(number: int, pattern: Objective) -> Objective:
    name, component, limit, parameters = ASKED[number]
    indicator, _, via = name.partition("/")
    dimension = INDICATORS[indicator].dimension_for(parameters)
    parsed = TextLimit.parse(limit) if dimension is Dimension.TEXT else Limit.parse(limit, dimension)
    known: dict[str, Any] = {"id": f"asked-{number}", "indicator": indicator, "via": via, "component": component}
    return replace(pattern, **known, limit=parsed, parameters=parameters, covers=())
