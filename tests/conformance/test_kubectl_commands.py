"""Every form of kubectl command that the operations runbooks use works, with the real kubectl."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.cluster import Cluster
from tests.conformance.commands import CommandForm, forms
from tests.conformance.objects import config_map
from tests.conformance.running import Shell, missing
from tests.conformance.stages import Names, Stage

SECONDS = 60.0
WORDS = {
    "deployment": "app",
    "container": "main",
    "service": "app",
    "service_port": "8080",
    "restarted_pod": "forms-restarted",
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
    "autoscaler": "app-autoscaler",
}
GROUPS = {"certificates": "cert-manager.io", "metrics": "metrics.k8s.io"}


@pytest.fixture(scope="module")
def stage(
    cluster: Cluster, shared: str, tmp_path_factory: pytest.TempPathFactory, spare_node: str | None
) -> Iterator[Stage]:
    """An application with everything around it that commands speak of."""
    images = cluster.images
    words = WORDS | {"next_image": images.app_next, "busybox_image": images.shell}
    words |= {"postgres_image": images.postgres, "redis_image": images.redis}
    words |= {"spare_node": spare_node} if spare_node else {}
    made = raise_stage(cluster, Names(shared, words), tmp_path_factory.mktemp("forms"))
    yield made


def raise_stage(cluster: Cluster, names: Names, place: Path) -> Stage:
    """A stage on which everything runs."""
    import yaml

    folder = place / "manifests"
    folder.mkdir()
    (folder / "manifest.yaml").write_text(
        yaml.safe_dump(config_map("filed") | {"metadata": {"name": "filed", "namespace": names.namespace}})
    )
    kubeconfig = place / "kubeconfig"
    kubeconfig.write_text(cluster.kubectl("config", "view", "--raw", "--flatten", "--minify").ok())
    kubeconfig.chmod(0o600)
    made = Stage(
        cluster,
        names,
        Shell(kubeconfig, place, SECONDS * cluster.patience),
        folder,
        cluster.serves(GROUPS["certificates"]),
    )
    made.set_up()
    made.wait()
    return made


def check(stage: Stage, form: CommandForm) -> None:
    """Run the form and hold it to what it promises."""
    filled = stage.prepare(form)
    try:
        code, said = stage.shell.run(filled)
    finally:
        stage.restore(form)
    assert code == form.exit, f"kubectl {' '.join(filled.kubectl)} ended with {code} and said: {said}"
    assert missing(filled, said) == (), said


@pytest.mark.parametrize("form", forms(), ids=lambda form: form.id)
def test_a_form_of_command_works(stage: Stage, form: CommandForm) -> None:
    for need, group in GROUPS.items():
        if need in form.needs and not stage.cluster.serves(group):
            pytest.skip(f"not applicable: the cluster doesn't serve {group}")
    if "a node to spare" in form.needs and "spare_node" not in stage.names.words:
        pytest.skip("not applicable: no node may be drained; name one with --spare-node")
    check(stage, form)
