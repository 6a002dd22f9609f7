"""Post-conditions of a procedure's own words in a running Solar: no secret is printed, verifications see the fault."""

from __future__ import annotations

import asyncio
import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillbook.clients.kube import Kube, path_of
from drillbook.drills.afterwards import verification
from drillbook.drills.afterwards.transcript import LEAST_CHARACTERS, forms
from drillbook.faults.workloads import set_replicas
from drillbook.model.policy import Workload
from drillbook.model.verdict import Status
from tests.drills.conftest import NAMESPACE, Solar
from tests.drills.following import follow
from tests.drills.witnessing import witness

PASS, FAIL, UNSEEN = Status.PASS, Status.FAIL, Status.INCONCLUSIVE
SCAN = "{type: transcript_secret_scan}"
HONEST = "{type: exit_code_honest, step: 1}"


@given(st.text(max_size=9), st.text(min_size=LEAST_CHARACTERS, max_size=40), st.text(max_size=9))
def test_a_value_is_found_in_whatever_was_encoded_with_it(before: str, value: str, after: str) -> None:
    printed = base64.b64encode((before + value + after).encode()).decode()
    assert [form for form in forms(value) if form in printed]


def test_an_environment_that_was_printed_holds_the_databases_password(system: Solar) -> None:
    env = "{type: exec, component: api, command: [env]}"
    leak = witness(system, SCAN, env)
    assert (leak.status, "Secret solar-secrets key DATABASE_PASSWORD" in leak.reason) == (FAIL, True)
    quiet = witness(system, SCAN, '{type: exec, component: api, command: ["true"]}')
    assert quiet.status is PASS


@pytest.mark.parametrize("how", ["base64", "base64 -w 8", "sed 's/^/somebody:/' | base64"])
def test_a_password_that_was_printed_in_base64_was_printed(system: Solar, how: str) -> None:
    encoded = f'{{type: exec, component: api, command: [sh, -c, "printenv DATABASE_PASSWORD | {how}"]}}'
    leak = witness(system, SCAN, encoded)
    assert (leak.status, "Secret solar-secrets key DATABASE_PASSWORD" in leak.reason) == (FAIL, True)


def test_the_password_from_before_a_rotation_was_printed_too(system: Solar) -> None:
    async def patched(kube: Kube, value: str) -> str:
        path = path_of("secrets", NAMESPACE, "solar-secrets")
        old = str((await kube.get(path))["data"]["DATABASE_PASSWORD"])
        await kube.patch(path, {"data": {"DATABASE_PASSWORD": value}})
        return old

    async def rotated(kube: Kube) -> None:
        kept.append(await patched(kube, base64.b64encode(b"another-password").decode()))

    kept: list[str] = []
    try:
        # The pods were started with the old one, and print that.
        leak = witness(system, SCAN, "{type: exec, component: api, command: [env]}", fault=rotated)
    finally:
        system.on_kube(lambda kube: patched(kube, kept[0]))
    assert (leak.status, "Secret solar-secrets key DATABASE_PASSWORD" in leak.reason) == (FAIL, True)


def test_a_verification_that_finds_nothing_wrong_is_known_by_what_was_bad(system: Solar) -> None:
    step = "{type: wait_ready, component: frontend, within: 60 s}"
    calm = witness(system, HONEST, step)
    assert (calm.status, "nothing was bad any more" in calm.reason) == (UNSEEN, True)
    unseen = witness(system, HONEST, step, landed=False)
    assert (unseen.status, "not seen to land" in unseen.reason) == (UNSEEN, True)
    writing = '{type: exec, component: api, command: ["true"], writes: true}'
    refused = witness(system, HONEST, writing)
    assert (refused.status, "changes something" in refused.reason) == (UNSEEN, True)


async def frontend_away(kube: Kube) -> None:
    await set_replicas(kube, Workload("deployment", "frontend"), NAMESPACE, 0)
    for _ in range(200):
        if not await kube.list(path_of("pods", NAMESPACE), labels="app=frontend"):
            break
        await asyncio.sleep(0.1)
    await asyncio.sleep(1)  # and every proxy has heard of it


FRONTEND_BACK = ("{type: scale, component: frontend, replicas: 3}",
                 "{type: wait_ready, component: frontend, within: 60 s}")  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    ("look", "found"),
    [
        ("{type: http, component: frontend, path: /}", "found"),
        ('{type: exec, component: frontend, command: ["true"]}', "expected a running pod"),
    ],
)
def test_a_look_that_finds_nobody_has_failed_as_it_should(system: Solar, look: str, found: str) -> None:
    try:
        honest = witness(system, HONEST, look, fault=frontend_away, follow=False)
    finally:
        follow(system, *FRONTEND_BACK)
    assert (honest.status, found in honest.reason, "before, it said" in honest.reason) == (PASS, True, True), honest


@pytest.mark.parametrize(
    ("look", "why"),
    [
        ('{type: exec, component: api, command: ["false"]}', "before the fault either (expected exit code 0 of false"),
        ('{type: exec, component: api, container: nobody, command: ["true"]}', "expected container 'nobody'"),
        ("{type: sql, component: database, statements: [SELECT 1], database: nobody}", "before the fault either"),
    ],
)
def test_a_verification_that_fails_on_a_healthy_system_too_shows_nothing(system: Solar, look: str, why: str) -> None:
    found = witness(system, HONEST, look, follow=False)
    assert (found.status, why in found.reason) == (UNSEEN, True), found.reason


def test_a_verification_that_does_not_end_in_its_time_has_not_failed(
    system: Solar, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verification, "MOST_SECONDS", 1.0)
    found = witness(system, HONEST, '{type: exec, component: api, command: [sleep, "8"]}', follow=False)
    assert (found.status, "was not over within 1 s" in found.reason) == (UNSEEN, True), found.reason
