"""Services as clients in pods see them: names, addresses, balancing, endpoints that come and go."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.cluster import Cluster
from tests.conformance.looks import endpoints, execute, ready, running
from tests.conformance.objects import deployment, pod, service

PORT = 8080
TEMPLATE = "server { listen ${POD_IP}:8080; location / { return 200 '${POD_NAME}\\n'; } }"


@pytest.fixture(scope="module")
def web(cluster: Cluster, core: Any, apps: Any, discovery: Any, shell: str, shared: str) -> str:
    """A namespace with two web servers that say their names, a Service before them, and a pod to ask from."""
    core.create_namespaced_config_map(
        shared, {"metadata": {"name": "site"}, "data": {"default.conf.template": TEMPLATE}}
    )
    made = deployment(cluster.images.web, replicas=2)
    (container,) = made["spec"]["template"]["spec"]["containers"]
    del container["command"]
    container["ports"] = [{"name": "http", "containerPort": PORT}]
    container["env"] = [
        {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
        {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
    ]
    container["readinessProbe"] = {"httpGet": {"path": "/", "port": "http"}, "periodSeconds": 1}
    container["volumeMounts"] = [{"name": "site", "mountPath": "/etc/nginx/templates"}]
    made["spec"]["template"]["spec"]["volumes"] = [{"name": "site", "configMap": {"name": "site"}}]
    apps.create_namespaced_deployment(shared, made)
    core.create_namespaced_service(shared, service(ports=[{"port": PORT, "targetPort": "http"}]))
    bare = service("bare", clusterIP="None", selector={"app": "web"}, ports=[{"port": PORT}])
    core.create_namespaced_service(shared, bare)
    core.create_namespaced_pod(shared, pod(shell))
    running(cluster, core, shared)
    ready(cluster, apps, shared, 2)
    cluster.eventually(lambda: len(endpoints(discovery, shared)) == 2)
    return shared


def asked(cluster: Cluster, space: str, host: str) -> str:
    """What the pod is answered there; empty when it isn't."""
    return str(
        execute(cluster, space, "wget", "-q", "-T", "5", "-O", "-", f"http://{host}:{PORT}/").read_stdout()
    ).strip()


def names(core: Any, space: str) -> set[str]:
    return {p.metadata.name for p in core.list_namespaced_pod(space, label_selector="app=web").items}


@pytest.mark.parametrize("host", ["web", "web.{}", "web.{}.svc", "web.{}.svc.cluster.local"])
def test_a_service_answers_under_each_of_its_names(cluster: Cluster, core: Any, web: str, host: str) -> None:
    assert cluster.eventually(lambda: asked(cluster, web, host.format(web))) in names(core, web)


def test_a_service_answers_on_its_cluster_address(cluster: Cluster, core: Any, web: str) -> None:
    address = core.read_namespaced_service("web", web).spec.cluster_ip
    assert cluster.eventually(lambda: asked(cluster, web, address)) in names(core, web)


def test_every_pod_behind_a_service_gets_its_share(cluster: Cluster, core: Any, web: str) -> None:
    seen: set[str] = set()

    def seen_all() -> bool:
        seen.add(asked(cluster, web, "web"))
        return names(core, web) <= seen

    cluster.eventually(seen_all)


def test_a_pod_is_reached_by_its_own_address(cluster: Cluster, core: Any, web: str) -> None:
    for found in core.list_namespaced_pod(web, label_selector="app=web").items:
        assert asked(cluster, web, found.status.pod_ip) == found.metadata.name


def test_a_headless_service_answers_through_its_pods(cluster: Cluster, core: Any, web: str) -> None:
    assert cluster.eventually(lambda: asked(cluster, web, "bare")) in names(core, web)


def test_a_name_that_no_service_has_does_not_resolve(cluster: Cluster, web: str) -> None:
    assert execute(cluster, web, "nslookup", f"none.{web}.svc.cluster.local").returncode != 0


def test_a_named_port_is_the_pods_own(discovery: Any, web: str) -> None:
    (found,) = discovery.list_namespaced_endpoint_slice(web, label_selector="kubernetes.io/service-name=web").items
    assert [p.port for p in found.ports] == [PORT]
    assert found.address_type == "IPv4"
    assert {e.target_ref.kind for e in found.endpoints} == {"Pod"}


def test_the_old_endpoints_say_the_same_as_the_slices(cluster: Cluster, core: Any, discovery: Any, web: str) -> None:
    def same() -> bool:
        subsets = core.read_namespaced_endpoints("web", web).subsets or []
        return {a.ip for s in subsets for a in s.addresses or []} == endpoints(discovery, web)

    cluster.eventually(same)


def test_kubectl_shows_the_endpoints_of_a_service(cluster: Cluster, discovery: Any, web: str) -> None:
    said = cluster.kubectl("-n", web, "describe", "service", "web").ok()
    assert all(f"{address}:{PORT}" in said for address in endpoints(discovery, web))


def test_a_deleted_pod_is_no_longer_asked(cluster: Cluster, core: Any, apps: Any, discovery: Any, web: str) -> None:
    chosen = sorted(names(core, web))[0]
    address = core.read_namespaced_pod(chosen, web).status.pod_ip
    core.delete_namespaced_pod(chosen, web)
    cluster.eventually(lambda: address not in endpoints(discovery, web))
    ready(cluster, apps, web, 2)
    cluster.eventually(lambda: len(endpoints(discovery, web)) == 2)
    # A node's balancer learns of it a moment after the slice says so.
    cluster.eventually(lambda: all(asked(cluster, web, "web") not in {chosen, ""} for _ in range(6)))


@pytest.mark.slow
def test_a_pod_that_stops_being_ready_leaves_its_service(
    cluster: Cluster, core: Any, discovery: Any, shell: str, space: str
) -> None:
    core.create_namespaced_service(space, service(selector={"app": "one"}))
    probe = {"exec": {"command": ["test", "!", "-e", "/data/sick"]}, "periodSeconds": 1, "failureThreshold": 1}
    more = {"readinessProbe": probe, "volumeMounts": [{"name": "data", "mountPath": "/data"}]}
    core.create_namespaced_pod(space, pod(shell, container=more, volumes=[{"name": "data", "emptyDir": {}}]))
    running(cluster, core, space)
    cluster.eventually(lambda: endpoints(discovery, space))
    execute(cluster, space, "touch", "/data/sick")
    cluster.eventually(lambda: not endpoints(discovery, space))
    assert endpoints(discovery, space, ready_only=False), "it is listed still, as not ready"


def test_not_ready_pods_are_published_when_a_service_asks_for_them(
    cluster: Cluster, core: Any, discovery: Any, shell: str, space: str
) -> None:
    core.create_namespaced_service(
        space, service(clusterIP="None", selector={"app": "one"}, publishNotReadyAddresses=True)
    )
    core.create_namespaced_pod(
        space, pod(shell, container={"readinessProbe": {"exec": {"command": ["false"]}, "periodSeconds": 1}})
    )
    cluster.eventually(lambda: endpoints(discovery, space))


def test_a_service_without_selector_has_no_endpoints_of_its_own(
    cluster: Cluster, core: Any, discovery: Any, space: str
) -> None:
    made = service()
    del made["spec"]["selector"]
    core.create_namespaced_service(space, made)
    assert not discovery.list_namespaced_endpoint_slice(space).items


def test_two_services_never_share_an_address(core: Any, space: str) -> None:
    first = core.create_namespaced_service(space, service("a")).spec.cluster_ip
    assert core.create_namespaced_service(space, service("b")).spec.cluster_ip != first
    taken = service("c", clusterIP=first)
    from tests.conformance.cluster import refused

    assert refused(lambda: core.create_namespaced_service(space, taken))[0] == 422


def test_an_external_name_has_no_address_of_its_own(core: Any, space: str) -> None:
    spec = {"type": "ExternalName", "externalName": "conformance.example"}
    made = core.create_namespaced_service(space, {"metadata": {"name": "outside"}, "spec": spec})
    assert not made.spec.cluster_ip
