"""What containers that run say of themselves: their environment, their nginx, the folder of their logs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from drillbook.clients.kube import Object, path_of
from drillbook.model.observation import Observation
from drillbook.model.quantity import Dimension
from tests.conftest import SandboxHandle
from tests.probes.solar_looks import SOLAR, created, seen

NGINX = """
worker_processes 2;
events { worker_connections 64; }
http {
    upstream api { least_conn; server 127.0.0.1:1 max_fails=3 fail_timeout=30s; server 127.0.0.1:2 max_fails=3; }
}
"""


def setting(solar: SandboxHandle, **parameters: Any) -> Observation:
    return seen(solar, "config.value", via="exec", parameters=parameters)


def test_a_running_container_is_asked_for_its_own_environment(solar: SandboxHandle) -> None:
    assert setting(solar, name="DATABASE_NAME").text == "solar_pv_db"
    assert setting(solar, name="DATABASE_POOL_SIZE", **{"as": "count"}).value == 2


def test_a_command_is_asked_in_its_words_and_a_pattern_takes_a_part(solar: SandboxHandle) -> None:
    found = setting(
        solar, name="greeting", command="sh -c 'echo timeout is 30s'", pattern="is (.*)", **{"as": "duration"}
    )
    assert found.value == 30
    assert found.dimension is Dimension.DURATION


def test_a_command_that_fails_gives_nothing_and_none_of_its_words(solar: SandboxHandle) -> None:
    found = setting(solar, name="NOBODY_SET_THIS")
    assert (found.text, found.problem) == (None, "the command ended with exit code 1")
    loud = setting(solar, name="x", command="sh -c 'printenv DATABASE_PASSWORD >&2; exit 3'")
    assert loud.problem == "the command ended with exit code 3"
    assert "sandbox-only" not in str(loud)


def test_logs_are_as_large_as_the_files_in_their_folder(solar: SandboxHandle) -> None:
    found = seen(solar, "log.size", workload="database-backup", parameters={"path": "/backups"})
    assert found.value is not None, found.problem
    assert 0 < found.value < 10 * 1024**2
    nowhere = seen(solar, "log.size", parameters={"path": "/no/such/folder"})
    assert nowhere.value is None
    assert "can be counted" in nowhere.problem


@pytest.fixture
def nginx(solar: SandboxHandle) -> Iterator[None]:
    """A real nginx of two pods beside Solar."""
    labels, name = {"app": "proxy-test"}, {"name": "proxy-test"}
    container = {
        "name": "nginx",
        "image": "nginx:1.31-alpine",
        "env": [{"name": "NGINX_ENVSUBST_OUTPUT_DIR", "value": "/etc/nginx"}],
        "volumeMounts": [{"name": "templates", "mountPath": "/etc/nginx/templates"}],
    }
    spec = {"containers": [container], "volumes": [{"name": "templates", "configMap": name}]}
    body: Object = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": name,
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }
    template: Object = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": name,
        "data": {"nginx.conf.template": NGINX},
    }
    with created(solar, path_of("configmaps", SOLAR), template), created(solar, path_of("deployments", SOLAR), body):
        yield


def directive(solar: SandboxHandle, name: str, **parameters: Any) -> Observation:
    """Of the Deployment proxy-test, once its pods run."""
    deadline = time.monotonic() + 20
    while True:
        found = seen(solar, "proxy.directive", workload="proxy-test", parameters={"name": name, **parameters})
        if not found.nothing or "runs" not in found.problem or time.monotonic() > deadline:
            return found
        time.sleep(0.2)


def test_every_running_nginx_says_what_its_files_have(solar: SandboxHandle, nginx: None) -> None:
    asked = directive(solar, "worker_processes", **{"as": "count"})
    assert asked.value == 2, asked.problem
    assert directive(solar, "least_conn", block="upstream", take="number", **{"as": "count"}).value == 1
    assert directive(solar, "server", block="upstream api", argument="fail_timeout", **{"as": "duration"}).value == 30
    assert directive(solar, "worker_connections").texts == ("64",)
    assert "isn't set there" in directive(solar, "proxy_read_timeout").problem


def test_where_nginx_does_not_run_nothing_is_said_of_it(solar: SandboxHandle) -> None:
    assert 'exec "nginx"' in seen(solar, "proxy.directive", parameters={"name": "worker_processes"}).problem
