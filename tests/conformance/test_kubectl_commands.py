"""Every form of kubectl command that the operations runbooks use works, with the real kubectl."""

from __future__ import annotations

import pytest

from tests.conformance.cluster import Cluster
from tests.conformance.commands import CommandForm, forms
from tests.conformance.stages import CHANGING, GROUPS, Names, Stage, check, raise_stage

pytestmark = pytest.mark.slow

WORDS = {
    "deployment": "app",
    "container": "main",
    "service": "app",
    "service_port": "8080",
    "restarted_pod": "forms-restarted-0",
    "database": "database",
    "database_deployment": "database-deployed",
    "database_user": "owner",
    "database_password": "conformance",
    "database_name": "owner",
    "cache": "cache",
    "cache_deployment": "cache-deployed",
    "config_map": "forms-settings",
    "secret": "forms-keys",
    "tls_secret": "forms-tls",
    "certificate": "forms-certificate",
    "autoscaler": "forms-autoscaler",
}

REPRESENTATIVE = {
    "apply-file", "cp-from-pod", "drain", "edit-configmap", "port-forward-service", "psql-session-in-pod",
    "redis-cli-command-at-terminal", "rollout-undo", "run-shell", "scale-type-and-name",
}  # fmt: skip
"""Of each way to change something or to sit at a terminal, one."""


@pytest.fixture(scope="module")
def stage(cluster: Cluster, shared: str, tmp_path_factory: pytest.TempPathFactory, spare_node: str | None) -> Stage:
    """An application with everything around it that commands speak of."""
    images = cluster.images
    words = WORDS | {"next_image": images.app_next, "busybox_image": images.shell}
    words |= {"postgres_image": images.postgres, "redis_image": images.redis}
    words |= {"spare_node": spare_node} if spare_node else {}
    return raise_stage(cluster, Names(shared, words), tmp_path_factory.mktemp("forms"))


def quick(form: CommandForm) -> bool:
    """Whether a form is run every time: those that only read, and a few of the others."""
    reads = form.kubectl[0] not in {*CHANGING, "run", "cp", "debug"} and not form.terminal and not form.lasts
    return reads or form.id in REPRESENTATIVE


CASES = [pytest.param(form, id=form.id, marks=() if quick(form) else pytest.mark.slow) for form in forms()]


@pytest.mark.parametrize("form", CASES)
def test_a_form_of_command_works(stage: Stage, form: CommandForm) -> None:
    for need, group in GROUPS.items():
        if need in form.needs and not stage.cluster.serves(group):
            stage.cluster.not_applicable(f"the cluster doesn't serve {group}")
    if "a node to spare" in form.needs and "spare_node" not in stage.names.words:
        stage.cluster.not_applicable("no node may be drained; name one with --spare-node")
    check(stage, form)
