"""What every conformance test stands on: a cluster, clients for it, a namespace of its own.

The cluster is Solar's sandbox, or with ``--kubeconfig FILE`` any other. What the tests assert is Kubernetes' behaviour;
so they take images by parameter, wait generously, and delete the namespaces that they made.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.cluster import Cluster, Images
from tests.conformance.early import begin
from tests.conformance.options import images, patience

HERE = Path(__file__).parent
SECONDS_A_CASE = 120.0
QUICK = {
    "test_objects",
    "test_lists",
    "test_patches",
    "test_watches",
    "test_kubectl",
    "test_kubectl_commands_list",
    "test_pods",
    "test_pod_streams",
}
"""What ``make test`` runs too; the other files are slow together."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A case that has to wait longer may also take longer, and what is not quick has a target of its own."""
    for item in items:
        if HERE in item.path.parents:
            if item.path.stem not in QUICK:
                item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.timeout(SECONDS_A_CASE * max(1.0, patience(config))))


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """The cluster under test; at the end nothing of the suite is left in it."""
    given = request.config.getoption("--kubeconfig")
    kubeconfig = Path(given) if given else request.getfixturevalue("solar").kubeconfig
    made = Cluster(kubeconfig, Images(**images(request.config)), patience(request.config), sandbox=not given)
    yield made
    made.close()


@pytest.fixture(scope="session")
def clients(cluster: Cluster) -> Any:
    """The official client's module, and its ApiClient for the cluster under ``api``."""
    return cluster.client()


def _group(name: str) -> Any:
    @pytest.fixture(scope="session", name=name.lower().removesuffix("v1api").removesuffix("v2api"))
    def group(clients: Any) -> Any:
        return getattr(importlib.import_module("kubernetes.client"), name)(clients)

    return group


core = _group("CoreV1Api")
apps = _group("AppsV1Api")
batch = _group("BatchV1Api")
policy = _group("PolicyV1Api")
coordination = _group("CoordinationV1Api")
discovery = _group("DiscoveryV1Api")
networking = _group("NetworkingV1Api")
authorization = _group("AuthorizationV1Api")
rbacauthorization = _group("RbacAuthorizationV1Api")


@pytest.fixture
def space(cluster: Cluster) -> Iterator[str]:
    """A namespace for one test, ready for pods."""
    made = cluster.make_space()
    yield made
    cluster.drop_space(made)


@pytest.fixture(scope="module")
def shared(cluster: Cluster) -> Iterator[str]:
    """A namespace for the tests of one file that wait for the same things."""
    made = cluster.make_space()
    yield made
    cluster.drop_space(made)


@pytest.fixture(scope="session", autouse=True)
def _early(request: pytest.FixtureRequest) -> Iterator[str | None]:
    """Begin what takes a minute before the first test, so that nobody waits for it; None when nothing asks for it."""
    if not any("begun" in getattr(item, "fixturenames", ()) for item in request.session.items):
        yield None
        return
    cluster: Cluster = request.getfixturevalue("cluster")
    made = cluster.make_space()
    begin(cluster, made)
    yield made
    cluster.drop_space(made)


@pytest.fixture
def begun(_early: str | None) -> str:
    """The namespace in which it began."""
    assert _early is not None
    return _early


@pytest.fixture(scope="session")
def spare_node(request: pytest.FixtureRequest, clients: Any) -> str | None:
    """A node that may be cordoned and drained; None on a real cluster whose owner named none."""
    given: str | None = request.config.getoption("--spare-node")
    if given or request.config.getoption("--kubeconfig"):
        return given
    nodes = importlib.import_module("kubernetes.client").CoreV1Api(clients).list_node().items
    return str(nodes[-1].metadata.name)


@pytest.fixture(scope="session")
def shell(cluster: Cluster) -> str:
    """The image that has a shell."""
    return cluster.images.shell
