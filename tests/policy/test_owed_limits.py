"""Where a runbook names a limit without a number, an environment gives it, and says why."""

from __future__ import annotations

from pathlib import Path

import pytest

from drillbook.errors import ConfigError
from drillbook.model.limit import Limit
from drillbook.model.quantity import Dimension
from drillbook.model.text_limit import OwedLimit
from drillbook.policy import load_environment, load_policy, with_given_limits
from tests.policy.texts import ENVIRONMENT, POLICY, changed, written

OWING = changed(POLICY, 'limit: "<= 2 s"', "limit: required")
GIVING = ENVIRONMENT + 'limits:\n  api-latency: {limit: "<= 1500 ms", reason: "ours: what users put up with"}\n'


def test_a_limit_that_the_runbook_owes_is_no_number_yet(tmp_path: Path) -> None:
    assert load_policy(written(tmp_path, OWING)).objectives[0].limit == OwedLimit(Dimension.DURATION)


def test_an_environment_gives_it_and_the_objective_says_from_where(tmp_path: Path) -> None:
    policy = load_policy(written(tmp_path, OWING))
    environment = load_environment(written(tmp_path, GIVING, "environments/prod.yaml").parent.parent, "prod", policy)
    latency, *others = with_given_limits(policy, environment).objectives
    assert latency.limit == Limit.parse("<= 1.5 s", Dimension.DURATION)
    assert latency.limit_from.endswith("ours: what users put up with")
    assert f"prod.yaml:{GIVING.count(chr(10))}" in latency.limit_from
    assert others == list(policy.objectives[1:])


def test_a_sandbox_may_have_another_limit_than_the_runbook_and_says_why(tmp_path: Path) -> None:
    """Three nines take thousands of requests to show; production can't be excused from them."""
    policy = load_policy(written(tmp_path, POLICY))
    head = ENVIRONMENT.partition("class:")[0]
    text = (
        head + 'class: sandbox\nlimits:\n  api-latency: {limit: "<= 1500 ms", reason: "ours: what users put up with"}\n'
    )
    environment = load_environment(written(tmp_path, text, "environments/here.yaml").parent.parent, "here", policy)
    latency = with_given_limits(policy, environment).objectives[0]
    assert latency.limit == Limit.parse("<= 1.5 s", Dimension.DURATION)
    assert latency.limit_from.endswith("ours: what users put up with")


def test_a_sandbox_may_ask_otherwise_and_keep_the_runbook_s_limit(tmp_path: Path) -> None:
    policy = load_policy(written(tmp_path, POLICY))
    given = 'class: sandbox\nlimits:\n  api-latency: {parameters: {requests: 50}, reason: "ours: quick"}\n'
    text = ENVIRONMENT.partition("class:")[0] + given
    environment = load_environment(written(tmp_path, text, "environments/here.yaml").parent.parent, "here", policy)
    before, after = policy.objectives[0], with_given_limits(policy, environment).objectives[0]
    assert after.parameters == {**before.parameters, "requests": 50}
    assert after.limit == before.limit == after.stated


@pytest.mark.parametrize(
    ("policy_text", "line", "sentence"),
    [
        (POLICY, '  api-latency: {limit: "<= 1 s", reason: ours}', "only a sandbox can have another"),
        (OWING, '  api-latncy: {limit: "<= 1 s", reason: ours}', "did you mean 'api-latency'?"),
        (OWING, '  api-latency: {limit: "<= 80 %", reason: ours}', "unknown unit '%'"),
        (OWING, '  api-latency: {limit: "<= 1 s"}', "reason: expected why this limit, and who decided"),
        (OWING, "  api-latency: {reason: ours}", "limit: expected a limit such as '<= 2 s'"),
        (OWING, '  api-latency: {limit: ">= 0 s", reason: ours}', "can never fail"),
        (
            OWING,
            '  api-latency: {limit: "<= 1 s", reason: ours, parameters: {rate: 5}}',
            "only a sandbox can ask otherwise",
        ),
    ],
)
def test_a_given_limit_that_makes_no_sense_is_refused_at_its_line(
    tmp_path: Path, policy_text: str, line: str, sentence: str
) -> None:
    policy = load_policy(written(tmp_path, policy_text))
    text = ENVIRONMENT + f"limits:\n{line}\n"
    written(tmp_path, text, "environments/prod.yaml")
    with pytest.raises(ConfigError) as caught:
        load_environment(tmp_path, "prod", policy)
    assert sentence in str(caught.value)
    assert f"environments/prod.yaml:{text.count(chr(10))}: limits." in str(caught.value)
