"""Steps that look at a running Solar, and what is only a person's."""

from __future__ import annotations

import pytest

from drillbook.errors import ConfigError
from drillbook.sandbox.misbehave import set_switches
from tests.conftest import SandboxHandle
from tests.drills.conftest import Solar
from tests.drills.following import complaint, follow, steps


def test_an_objective_that_holds_is_claimed(system: Solar) -> None:
    assert follow(system, "{type: check, hold: [replicas-backend, service-endpoints], line: 249}") == [
        "service-endpoints, replicas-backend hold"
    ]


def test_an_objective_that_fails_says_what_was_observed(system: Solar) -> None:
    try:
        follow(system, "{type: scale, component: api, replicas: 2}", "{type: wait_ready, component: api, within: 60 s}")
        said = complaint(system, "{type: check, hold: [replicas-backend], within: 1 s, line: 245}")
    finally:
        follow(system, "{type: scale, component: api, replicas: 3}", "{type: wait_ready, component: api, within: 60 s}")
    assert said.startswith("check replicas-backend (000_ba0f937aa1074294.txt:245): expected solar/replicas-backend to")
    assert "observed 2" in said


def test_an_objective_that_there_is_not_is_no_step(system: Solar) -> None:
    with pytest.raises(ConfigError, match="unknown objective 'replicas-backends'; did you mean 'replicas-backend'"):
        steps(system.policy, "{type: check, hold: [replicas-backends]}")


def test_a_request_is_answered_as_documented_or_the_step_fails(system: Solar, solar: SandboxHandle) -> None:
    assert follow(system, "{type: http, component: api, path: /health, line: 308}") == [
        "GET /health was answered with 200"
    ]
    set_switches(solar.name, "backend", error_ratio=1.0)
    try:
        said = complaint(system, "{type: http, component: api, path: /orders, within: 1 s, line: 308}")
    finally:
        set_switches(solar.name, "backend")
    assert said.startswith("http api /orders (000_ba0f937aa1074294.txt:308): expected HTTP 200 from ")
    assert said.endswith("found HTTP 500")


def test_the_logs_of_every_pod_are_read_and_nothing_of_them_is_kept(system: Solar) -> None:
    (claim,) = follow(system, "{type: logs, component: api, tail: 5, text: zzz, line: 193}")
    assert claim.endswith(" lines of 3 pods were read, 0 of them with 'zzz'")


def test_a_persons_step_is_assumed_done_and_says_so(system: Solar) -> None:
    assert follow(system, "{type: human, what: call the provider, line: 298}") == [
        "assumed done by a person: call the provider"
    ]
