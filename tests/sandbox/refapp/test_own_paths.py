"""The reference service answers where the system that it stands for would."""

from __future__ import annotations

import json
import urllib.error
import urllib.request

import pytest

from drillbook.errors import ConfigError
from drillbook.sandbox.refapp.settings import read
from tests.sandbox.containers import Container, Containers, address, until


@pytest.fixture
def frontend(containers: Containers) -> Container:
    """A front end with paths of its own, and a second port."""
    env = {"POD_IP": address(), "PORT": "3000", "METRICS_PORT": "9090"}
    env["HEALTHY_STATUS"] = "UP"
    paths = "/auth/status=/health /actuator/metrics=/metrics /d/{dashboard}=/"
    made = containers.start("drillbook/refapp:v1.0.0", env | {"ROUTE_ALIASES": paths}, args=["frontend"])
    until(lambda: status(made, 3000, "/ready") == 200, f"the front end to answer; its log:\n{made.log()}")
    return made


def fetch(container: Container, port: int, path: str) -> str:
    """The body of an answer."""
    with urllib.request.urlopen(f"http://{container.env['POD_IP']}:{port}{path}", timeout=5) as answer:
        return str(answer.read().decode())


def status(container: Container, port: int, path: str) -> int | None:
    """The status of an answer; None while nobody listens."""
    try:
        fetch(container, port, path)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        assert container.process.poll() is None, container.log()
        return None
    return 200


def test_an_alias_answers_as_the_path_that_it_stands_for(frontend: Container) -> None:
    assert json.loads(fetch(frontend, 3000, "/auth/status"))["status"] == "UP"
    assert "process_cpu_seconds_total" in fetch(frontend, 3000, "/actuator/metrics")
    assert "Reference service" in fetch(frontend, 3000, "/d/system-overview")
    assert status(frontend, 3000, "/auth/elsewhere") == 404


def test_a_health_alias_is_as_quiet_as_health(frontend: Container) -> None:
    fetch(frontend, 3000, "/d/system-overview")
    fetch(frontend, 3000, "/auth/status")
    until(lambda: "/d/system-overview" in frontend.log(), "the page's request in the log")
    assert "/auth/status" not in frontend.log()


def test_metrics_have_a_port_of_their_own_where_one_is_named(frontend: Container) -> None:
    assert "http_requests_total" in fetch(frontend, 9090, "/metrics")


def test_an_alias_that_is_no_path_is_refused_with_a_sentence() -> None:
    with pytest.raises(ConfigError, match="ROUTE_ALIASES: expected /ALIAS=/PATH"):
        read("frontend", {"ROUTE_ALIASES": "auth"})
