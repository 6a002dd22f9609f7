"""What violations write into settings: something that the limit refuses, at the place that the objective looks at."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillbook.model.limit import Limit
from drillbook.model.policy import Objective
from drillbook.model.quantity import Dimension
from drillbook.model.text_limit import TextLimit
from drillbook.probes.nginx_config import directives
from drillbook.proof.nginx_text import edited
from drillbook.proof.violation import Unplantable
from drillbook.proof.violations.config import refused
from tests.judge.records import objective

NGINX = """\
worker_processes auto;
events { worker_connections 64; }
http {
    upstream api {
        least_conn; # fair
        server one:1 max_fails=3 fail_timeout=30s;
        server two:1 max_fails=3 fail_timeout=30s;
    }
    server { listen 80; location / { proxy_read_timeout 30s; } }
}
"""


def setting(indicator: str, limit: str, dimension: Dimension, **parameters: Any) -> Objective:
    parsed = TextLimit.parse(limit) if dimension is Dimension.TEXT else Limit.parse(limit, dimension)
    return replace(objective(), indicator=indicator, limit=parsed, parameters=parameters)


def directive(name: str, limit: str, dimension: Dimension, **parameters: Any) -> Objective:
    return setting("proxy.directive", limit, dimension, name=name, **parameters)


@pytest.mark.parametrize(
    ("asked", "now", "then"),
    [
        (directive("worker_processes", "== auto", Dimension.TEXT), "processes auto;", "processes 1;"),
        (directive("worker_connections", "== 64", Dimension.COUNT), "worker_connections 64;", "worker_connections 65;"),
        (directive("proxy_read_timeout", "<= 30 s", Dimension.DURATION), "read_timeout 30s;", "read_timeout 31s;"),
        (directive("server", "== 3", Dimension.COUNT, argument="max_fails"), "max_fails=3", "max_fails=4"),
    ],
)
def test_a_directive_says_otherwise_and_nothing_else_does(asked: Objective, now: str, then: str) -> None:
    assert edited(asked, NGINX) == NGINX.replace(now, then)


def count(text: str, name: str) -> int:
    return sum(one.name == name and one.stands_in("upstream") for one in directives(text))


def test_directives_that_are_counted_are_one_fewer_or_one_more() -> None:
    counted = {"block": "upstream", "take": "number"}
    assert count(edited(directive("server", "== 2", Dimension.COUNT, **counted), NGINX), "server") == 1
    assert count(edited(directive("server", "<= 2", Dimension.COUNT, **counted), NGINX), "server") == 3
    assert count(edited(directive("least_conn", "== 1", Dimension.COUNT, **counted), NGINX), "least_conn") == 0


def test_a_directive_that_is_not_there_can_not_be_broken() -> None:
    with pytest.raises(Unplantable, match="stands nowhere"):
        edited(directive("gzip", "== on", Dimension.TEXT), NGINX)


def test_of_a_file_only_what_the_pattern_finds_is_changed() -> None:
    asked = setting("config.value", "== 30 s", Dimension.DURATION, name="app.ini", pattern=r"timeout = (\S+)")
    assert refused(asked, "a = 1\ntimeout = 30s\nb = 2") == "a = 1\ntimeout = 31s\nb = 2"
    with pytest.raises(Unplantable, match="finds nothing"):
        refused(asked, "a = 1")


@given(st.integers(1, 10**6), st.sampled_from(["==", "<=", "<", "!="]))
def test_a_number_that_is_written_is_one_that_the_limit_refuses(bound: int, comparator: str) -> None:
    asked = setting("config.value", f"{comparator} {bound}", Dimension.COUNT, name="SIZE")
    assert isinstance(asked.limit, Limit)
    assert not asked.limit.holds_at(Limit.parse(f"== {refused(asked, '')}", Dimension.COUNT).quantity.value)
