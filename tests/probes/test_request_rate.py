"""Checks together never ask an environment for more requests per second than its cap."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from drillbook.errors import ConfigError
from drillbook.model.environment import MOST_RATE, USUAL_RATE, Environment, EnvironmentClass
from drillbook.model.indicators import INDICATORS
from drillbook.model.limit import Limit
from drillbook.model.policy import Objective, Severity, Source
from drillbook.policy import load_environment
from drillbook.probes.request_rate import capped
from tests.checks.systems import write_system
from tests.clients.servers import serving
from tests.policy.texts import ENVIRONMENT, written

PLACE = Path("systems/shop/environments/here.yaml")
PRODUCTION = Environment("here", EnvironmentClass.PRODUCTION, PLACE)


def objective(name: str, indicator: str, component: str = "api", **parameters: Any) -> Objective:
    limit = Limit.parse(">= 0", INDICATORS["service.up"].dimension)
    source = Source("runbook.txt", "Limits", (1, 1))
    return Objective(name, indicator, component, parameters, limit, Severity.HIGH, source, line=1)


SAMPLED = st.builds(
    lambda n, indicator, component, rate: objective(f"o{n}", indicator, component, rate=rate),
    st.integers(0, 10**6),
    st.sampled_from(["http.latency", "http.error_ratio", "http.availability"]),
    st.sampled_from(["api", "web", "jobs"]),
    st.integers(1, 1000),
)


@given(st.lists(SAMPLED, max_size=12, unique_by=lambda o: o.id), st.integers(1, 1000))
def test_all_samples_together_stay_within_the_cap(objectives: list[Objective], cap: int) -> None:
    found = capped(objectives, replace(PRODUCTION, rate=cap))
    fastest: dict[tuple[str | None, str], int] = {}
    for one in found:
        shared = one.component, "" if one.indicator != "http.availability" else one.id
        fastest[shared] = max(fastest.get(shared, 0), one.parameters["rate"])
    assert sum(fastest.values()) <= max(cap, len(fastest))
    assert [o.id for o in found] == [o.id for o in objectives]


def test_what_asks_for_less_than_its_share_is_left_alone() -> None:
    calm = objective("calm", "http.latency", rate=10)
    assert capped([calm], PRODUCTION) == (calm,)
    assert capped([objective("up", "service.up")], replace(PRODUCTION, rate=1))[0].parameters == {}


def test_a_default_rate_is_capped_too() -> None:
    (found,) = capped([objective("latency", "http.latency")], replace(PRODUCTION, rate=20))
    assert found.parameters["rate"] == 20


def test_an_environment_has_a_cap_of_its_own_or_the_usual_one(tmp_path: Path) -> None:
    assert PRODUCTION.most_requests_per_second == USUAL_RATE
    assert replace(PRODUCTION, environment_class=EnvironmentClass.SANDBOX).most_requests_per_second == MOST_RATE
    path = written(tmp_path, ENVIRONMENT + "rate: 25\n", "environments/prod.yaml")
    assert load_environment(path.parent.parent, "prod").most_requests_per_second == 25
    written(tmp_path, ENVIRONMENT + "rate: 0\n", "environments/prod.yaml")
    with pytest.raises(ConfigError, match="rate: expected a whole number from 1 to 1000, found the number 0"):
        load_environment(path.parent.parent, "prod")


def test_a_real_check_keeps_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from drillbook.checking import Selection, load_system
    from drillbook.probes import collect

    came: list[float] = []

    async def good(_: web.Request) -> web.Response:
        came.append(time.monotonic())
        return web.Response()

    monkeypatch.chdir(tmp_path)
    with serving(good) as server:
        write_system(tmp_path, server.port)
        policy, where, _ = load_system("shop", "test")
        chosen = Selection(("error-ratio",)).choose(policy, where).objectives
        slow = [replace(one, parameters={**one.parameters, "requests": 30}) for one in chosen]
        seen = collect(policy, replace(where, rate=20), slow)["error-ratio"]
    assert seen.evidence["rate_per_second"] == 20
    # 30 counted ones at 20 per second, after the warm-up: however busy this machine is, they can't have been sooner.
    assert len(came) == 38
    assert came[-1] - came[0] >= 1.4
