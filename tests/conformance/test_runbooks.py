"""The commands of each runbook work on the system that the runbook is about, with the names that it has there.

These systems are brought up in sandboxes of their own; a cluster that ``--kubeconfig`` names has none of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from drillbook.places import system_dir
from tests.conformance.cluster import Cluster, Images
from tests.conformance.commands import CommandForm, forms
from tests.conformance.options import images
from tests.conformance.stages import Names, Stage, check, raise_stage

pytestmark = pytest.mark.slow

COMMON = {
    "restarted_pod": "forms-restarted-0",
    "config_map": "forms-settings",
    "secret": "forms-keys",
    "certificate": "forms-certificate",
    "tls_secret": "forms-tls",
    "spare_node": "node-3",
    "busybox_image": "busybox:1.36",
    "postgres_image": "postgres:15-alpine",
    "redis_image": "redis:7-alpine",
}
LATER = frozenset({"namespace", "deployment_pod", "revision", "node", "folder", "manifest"})
"""Words whose values show only once the system runs."""


@dataclass(frozen=True, slots=True)
class Runbook:
    """What a runbook's system calls its parts."""

    number: str
    system: str
    namespace: str
    words: dict[str, str] = field(default_factory=dict)
    data_namespace: str | None = None

    def forms(self) -> list[CommandForm]:
        """The forms that this runbook uses and whose words its system has."""
        known = LATER | self.words.keys() | COMMON.keys()
        used = [form for form in forms() if any(source.startswith(self.number) for source in form.sources)]
        return [form for form in used if form.placeholders() <= known]


RUNBOOKS = (
    Runbook(
        "000",
        "solar",
        "solar-pv-llm-ai",
        {
            "deployment": "backend",
            "container": "backend",
            "service": "backend",
            "service_port": "8000",
            "next_image": "ghcr.io/org/solar-pv-backend:v1.2.4",
            "database_deployment": "postgres",
            "database_user": "solar_pv_user",
            "database_name": "solar_pv_db",
            "cache_deployment": "redis",
            "autoscaler": "forms-autoscaler",
        },
    ),
    Runbook(
        "001",
        "smartcloudops",
        "smartcloudops",
        {
            "deployment": "backend",
            "container": "backend",
            "service": "backend",
            "service_port": "5000",
            "next_image": "registry.company.com/smartcloudops-ai:v1.0.2",
            "database": "postgresql",
            "database_deployment": "frontend",
            "database_user": "postgres",
            "database_name": "smartcloudops",
            "cache": "redis",
            "autoscaler": "backend-hpa",
        },
    ),
    Runbook(
        "002",
        "rag7",
        "rag7",
        {
            "deployment": "langgraph",
            "container": "langgraph",
            "service": "langgraph",
            "service_port": "8123",
            "next_image": "ghcr.io/stacey77/rag7:v1.0.2",
            "database": "postgres",
            "database_user": "langgraph",
            "database_password": "sandbox-only-rag7",
            "database_name": "langgraph_checkpoints",
            "cache": "redis",
            "autoscaler": "langgraph-hpa",
        },
    ),
    Runbook(
        "004",
        "aic",
        "microservices",
        {
            "deployment": "auth-service",
            "container": "auth-service",
            "service": "auth-service",
            "service_port": "8000",
            "next_image": "aic-aipaas/auth-service:v1.0.1",
            "database": "postgresql",
            "database_user": "postgres",
            "database_password": "sandbox-only-aic",
            "database_name": "aic_aipaas",
            "cache": "redis",
        },
        "data-services",
    ),
)
CASES = [
    pytest.param(runbook, form, id=f"{runbook.system}-{form.id}") for runbook in RUNBOOKS for form in runbook.forms()
]


@pytest.fixture(scope="module")
def stages(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Stage]]:
    """The systems that are up so far; one is up at a time, because each takes its share of the machine."""
    from drillbook.sandbox import lifecycle

    up: dict[str, Stage] = {}
    yield up
    for system in up:
        lifecycle.down(_name(system))


@pytest.fixture
def stage(
    request: pytest.FixtureRequest, stages: dict[str, Stage], runbook: Runbook, tmp_path_factory: pytest.TempPathFactory
) -> Stage:
    """The runbook's system, with everything around it that commands speak of."""
    from drillbook.sandbox import lifecycle

    if request.config.getoption("--kubeconfig"):
        pytest.skip("not applicable: the runbooks' systems run in sandboxes, not in the cluster of --kubeconfig")
    if runbook.system not in stages:
        for other in list(stages):
            lifecycle.down(_name(other))
            del stages[other]
        found = lifecycle.up(runbook.system, _name(runbook.system), leash=os.getpid(), timeout=90).record
        cluster = Cluster(Path(found.kubeconfig), Images(**images(request.config)), sandbox=True)
        manifests = (system_dir(runbook.system) / "manifests",)
        names = Names(runbook.namespace, runbook.words | COMMON, runbook.data_namespace, manifests, "default")
        stages[runbook.system] = raise_stage(cluster, names, tmp_path_factory.mktemp(runbook.system))
    return stages[runbook.system]


def _name(system: str) -> str:
    return f"forms-{system}-{os.getpid()}"


@pytest.mark.parametrize(("runbook", "form"), CASES)
def test_a_runbooks_command_works_on_its_own_system(stage: Stage, runbook: Runbook, form: CommandForm) -> None:
    check(stage, form)


@pytest.mark.parametrize("runbook", RUNBOOKS, ids=lambda runbook: runbook.system)
def test_nearly_every_command_of_a_runbook_has_its_words_in_the_system(runbook: Runbook) -> None:
    """What is left out speaks of things that the runbook names in one way here and in another there."""
    used = [form for form in forms() if any(source.startswith(runbook.number) for source in form.sources)]
    left_out = {form.id for form in used} - {form.id for form in runbook.forms()}
    assert left_out <= {"psql-statement-in-deployment-at-terminal"}
