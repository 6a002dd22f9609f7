"""The checks on a real system: all hold when it is well, and each misbehaviour breaks exactly its own objective."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import psycopg
import pytest

from drillbook.checking import asked_in, check_objectives, load_system
from drillbook.clients.kube import Kube
from drillbook.clients.reach import Endpoint, tcp_endpoint
from drillbook.clients.secrets import Secret, read_secret
from drillbook.model.policy import Objective
from drillbook.model.verdict import Status, Verdict
from drillbook.places import bundled
from drillbook.sandbox.misbehave import set_switches
from tests.conftest import SandboxHandle


@pytest.fixture
def behaving(solar: SandboxHandle) -> Iterator[SandboxHandle]:
    """Solar, with every switch off again afterwards."""
    yield solar
    set_switches(solar.name, "backend")


def check(solar: SandboxHandle, *only: str) -> dict[str, Verdict]:
    """All objectives (or some) by id; fewer requests than usual, and still enough to tell."""
    policy, environment, waivers = load_system("solar", "sandbox", solar.name)
    asked = asked_in(policy, environment)
    chosen = tuple(_quicker(o) for o in asked if not only or o.id in only)
    return {verdict.objective.id: verdict for verdict in check_objectives(policy, environment, waivers, chosen)}


def _quicker(objective: Objective) -> Objective:
    if not objective.indicator.startswith(("http.latency", "http.error")):
        return objective
    return replace(objective, parameters={**objective.parameters, "requests": 250, "rate": 100})


def not_passing(verdicts: dict[str, Verdict]) -> dict[str, Status]:
    return {id_: verdict.status for id_, verdict in verdicts.items() if verdict.status is not Status.PASS}


def test_every_objective_holds_on_a_healthy_system_and_has_a_value(solar: SandboxHandle) -> None:
    policy, environment, waivers = load_system("solar", "sandbox", solar.name)
    begin = time.monotonic()
    verdicts = check_objectives(policy, environment, waivers, asked_in(policy, environment))
    took = time.monotonic() - begin
    assert not_passing({verdict.objective.id: verdict for verdict in verdicts}) == {}
    seen = [verdict.observation for verdict in verdicts]
    assert all(observation.value is not None or observation.text is not None for observation in seen)
    slowest = max(verdict.observation.took_seconds for verdict in verdicts)
    assert took < slowest + 4, "a check takes about as long as its slowest observation"


@pytest.mark.slow
def test_pytest_runs_the_same_checks_one_test_each(solar: SandboxHandle, tmp_path: Path) -> None:
    policy, environment, _ = load_system("solar", "sandbox", solar.name)
    report = tmp_path / "junit.xml"
    command = [sys.executable, "-m", "pytest", str(bundled("checks")), "--system", "solar", "--sandbox", solar.name]
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider", f"--junit-xml={report}"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    names = {case.attrib["name"] for case in ET.parse(report).iter("testcase")}
    assert names == {f"test_objective[solar/{objective.id}]" for objective in asked_in(policy, environment)}


@pytest.mark.parametrize(
    ("switches", "broken"),
    [
        ({"delay_seconds": 3}, "api-latency"),
        pytest.param({"error_ratio": 0.1}, "error-ratio", marks=pytest.mark.slow),
        pytest.param({"hold_connections": 90}, "db-connections", marks=pytest.mark.slow),
    ],
)
def test_a_misbehaviour_breaks_exactly_its_own_objective_and_no_other(
    switches: dict[str, float], broken: str, behaving: SandboxHandle
) -> None:
    set_switches(behaving.name, "backend", **switches)
    assert not_passing(check(behaving)) == {broken: Status.FAIL}
    set_switches(behaving.name, "backend")
    assert check(behaving, broken)[broken].status is Status.PASS


def test_a_database_that_turns_the_probe_away_has_given_away_all_it_had(solar: SandboxHandle) -> None:
    """The refusal is the observation: not an error of measuring, and never a pass."""
    with all_connections_taken(solar):
        verdicts = check(solar, "db-connections", "db-max-connections")
    connections, maximum = verdicts["db-connections"], verdicts["db-max-connections"]
    assert connections.status is Status.FAIL
    assert connections.observation.value == 100
    assert "has no connection left" in connections.observation.where
    assert maximum.status is Status.PASS
    assert maximum.observation.evidence["known_from"].startswith("arguments of pod postgres-")


@contextmanager
def all_connections_taken(solar: SandboxHandle) -> Iterator[None]:
    """Every connection that the database has left, held by this process."""
    endpoint, password = asyncio.run(_database(solar))
    held: list[psycopg.Connection[tuple[object, ...]]] = []
    try:
        with suppress(psycopg.OperationalError):
            while len(held) < 200:
                connection = psycopg.connect(
                    host=endpoint.address,
                    port=endpoint.port,
                    user="solar_pv_user",
                    dbname="solar_pv_db",
                    password=password.reveal(),
                )
                held.append(connection)
        yield
    finally:
        for connection in held:
            connection.close()


async def _database(solar: SandboxHandle) -> tuple[Endpoint, Secret]:
    policy, environment, _ = load_system("solar", "sandbox", solar.name)
    reference = environment.components["database"].password
    assert reference is not None
    async with Kube.of(environment) as kube:

        async def same() -> Kube:
            return kube

        endpoint = await tcp_endpoint(same, environment, policy.components["database"])
        return endpoint, await read_secret(reference, same)
