"""Each system comes up with every pod Ready, does what its manifests say that it does, and leaves nothing behind."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from drillbook.places import sandbox_dir
from drillbook.sandbox import lifecycle
from tests.systems.running import Kubectl

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

SYSTEMS: Final = ("solar", "smartcloudops", "rag7", "aic")
SECONDS: Final = 120.0

ENGINE: Final = "with engine.connect() as c: print('sum', c.execute('SELECT 40 + 2').fetchone()[0])"
URL: Final = "postgresql://langgraph:sandbox-only-rag7@postgres.rag7.svc.cluster.local/langgraph_checkpoints"
CODE: Final = (
    (
        "solar",
        ("solar-pv-llm-ai", "deployment/backend"),
        ("-c", f"from app.core.database import engine\n{ENGINE}"),
        "sum 42",
    ),
    ("solar", ("solar-pv-llm-ai", "deployment/backend"), ("manage.py", "createsuperuser"), "no terminal to ask at"),
    (
        "smartcloudops",
        ("smartcloudops", "deployment/backend"),
        ("-c", f"from app.database import engine\n{ENGINE}"),
        "sum 42",
    ),
    (
        "smartcloudops",
        ("smartcloudops", "deployment/backend"),
        ("-c", "import psutil; print('pid', psutil.Process().pid)"),
        "pid ",
    ),
    (
        "rag7",
        ("rag7", "deployment/langgraph"),
        ("-c", f"import psycopg2; print(psycopg2.connect('{URL}').closed)"),
        "False",
    ),
)
"""Python that the runbooks run in pods: system, where, python's arguments, and what it must print."""


@pytest.fixture(scope="module", params=SYSTEMS)
def system(request: pytest.FixtureRequest) -> Iterator[tuple[str, Kubectl]]:
    """One system after another, each alone on the machine; gone afterwards, with its state."""
    name = f"up-{request.param}-{os.getpid()}"
    try:
        found = lifecycle.up(request.param, name, leash=os.getpid(), timeout=SECONDS).record
        yield request.param, Kubectl(found.kubeconfig)
    finally:
        lifecycle.down(name)
    assert not Path(sandbox_dir(name)).exists()


def test_every_pod_is_ready_or_done_and_none_was_restarted(system: tuple[str, Kubectl]) -> None:
    _, kubectl = system
    rows = [row.split() for row in kubectl("get", "pods", "-A", "--no-headers").splitlines()]
    assert rows
    for namespace, name, ready, status, restarts, *_ in rows:
        have, want = ready.split("/")
        running = (have, status) == (want, "Running")
        assert (running or status == "Completed", restarts) == (True, "0"), f"{namespace}/{name}"


def test_every_service_that_selects_pods_has_endpoints(system: tuple[str, Kubectl]) -> None:
    _, kubectl = system
    rows = [row.split() for row in kubectl("get", "endpoints", "-A", "--no-headers").splitlines()]
    assert [row[1] for row in rows if row[2] == "<none>"] == []


def test_every_claim_is_bound_and_every_certificate_ready(system: tuple[str, Kubectl]) -> None:
    _, kubectl = system
    claims = [row.split() for row in kubectl("get", "pvc", "-A", "--no-headers").splitlines()]
    assert {row[2] for row in claims} == {"Bound"}
    certificates = [row.split() for row in kubectl("get", "certificates", "-A", "--no-headers").splitlines()]
    assert all(row[2] == "True" for row in certificates)


def test_python_in_pods_finds_the_code_and_the_database_that_runbooks_import(system: tuple[str, Kubectl]) -> None:
    name, kubectl = system
    for of, (namespace, target), arguments, expected in CODE:
        if of == name:
            assert expected in kubectl("exec", target, "-n", namespace, "--", "python", *arguments)
