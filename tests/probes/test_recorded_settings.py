"""What applications and proxies are configured with: looked up where it is given, and secrets never shown."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillbook.probes.nginx_config import Directive, directives
from tests.probes.recorded import DEPLOYMENT, deployment, seen

MAP = "/api/v1/namespaces/shop/configmaps/settings"
NGINX = """
worker_processes auto; # ours
events { worker_connections 1024; }
http {
    # proxy_read_timeout 1s;
    log_format main '$remote_addr "{}" ;';
    upstream api { least_conn; server a:1 max_fails=3; server b:1 max_fails=3; server c:1 max_fails=5; }
    server { listen ${POD_IP}:8080; location / { proxy_read_timeout 30s; proxy_pass http://api; } }
}
"""


def setting(env: list[dict[str, Any]], **parameters: Any) -> Any:
    one = deployment()
    one["spec"]["template"]["spec"]["containers"][0] |= {
        "env": env,
        "envFrom": [{"configMapRef": {"name": "settings"}}],
    }
    data = {"WORKERS": "2", "TIMEOUT": "30s", "JAVA_OPTS": "-Xmx1g -Xms512m"}
    return seen({DEPLOYMENT: one, MAP: {"data": data}}, "config.value", **parameters)


def test_a_variable_said_in_the_template_wins_over_the_whole_config_map() -> None:
    direct = [{"name": "WORKERS", "value": "4"}]
    assert setting(direct, name="WORKERS").text == "4"
    assert setting([], name="WORKERS").text == "2"
    assert setting(direct, name="WORKERS", via="configmap", configmap="settings").text == "2"


def test_a_setting_is_a_quantity_where_the_policy_says_so() -> None:
    assert setting([], name="TIMEOUT", **{"as": "duration"}).value == Decimal(30)
    assert setting([], name="JAVA_OPTS", pattern=r"-Xmx(\S+)").text == "1g"
    assert "finds nothing there" in setting([], name="JAVA_OPTS", pattern="-Xss").problem


def test_what_a_secret_gives_is_not_shown() -> None:
    secret = [{"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "k"}}}]
    found = setting(secret, name="KEY")
    assert found.text is None
    assert found.problem == "KEY comes from secretKeyRef, whose value is not shown"


def test_a_variable_that_nobody_gives_is_a_problem() -> None:
    assert setting([], name="NOWHERE").problem == "container web is given no variable NOWHERE"


def directive(name: str, **parameters: Any) -> Any:
    asked = {"name": name, "configmap": "settings", "key": "nginx.conf"} | parameters
    return seen({MAP: {"data": {"nginx.conf": NGINX}}}, "proxy.directive", via="configmap", **asked)


def test_a_directive_is_read_where_it_is_in_force_and_not_in_a_comment() -> None:
    assert directive("proxy_read_timeout", **{"as": "duration"}).value == 30
    assert directive("worker_processes").text == "auto"
    assert directive("worker_connections", block="events", **{"as": "count"}).value == 1024
    assert directive("least_conn", block="upstream").text == "least_conn"


def test_servers_of_an_upstream_are_counted_in_its_block_alone() -> None:
    assert directive("server", block="upstream api", take="number", **{"as": "count"}).value == 3


def test_places_that_differ_are_all_told_and_no_number() -> None:
    assert directive("server", block="upstream", argument="max_fails").texts == ("3", "5")
    found = directive("server", block="upstream", argument="max_fails", **{"as": "count"})
    assert found.value is None
    assert "different things: 3, 5" in found.problem


def test_a_directive_that_is_not_there_leaves_nginx_own_default() -> None:
    assert "isn't set there" in directive("proxy_send_timeout").problem


@pytest.mark.parametrize("text", ["}", "a {", "a", "{ }", "a 'b;", "a; ;"])
def test_what_is_no_configuration_is_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected"):
        list(directives(text))


@given(st.text(alphabet="ab{};'\"\\$# \n", max_size=40))
def test_any_text_is_read_or_refused_with_a_sentence(text: str) -> None:
    try:
        found = list(directives(text))
    except ValueError as error:
        found, refusal = [], str(error)
    else:
        refusal = "expected nothing else"
    assert refusal.startswith("expected")
    assert all(isinstance(one, Directive) for one in found)
