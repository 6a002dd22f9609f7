"""The real kubectl, from discovery to diff."""

from __future__ import annotations

import json
import re

import pytest
import yaml

from drillbook.sandbox.kinds import KINDS, NODE
from tests.sandbox.api import manifests
from tests.sandbox.api.server import GUEST, ApiServer


def test_every_kind_is_discovered_with_its_short_names(api: ApiServer) -> None:
    said = api.kubectl("api-resources", "--no-headers").ok()
    lines = {tuple(line.split()) for line in said.splitlines()}
    for kind in KINDS:
        if kind.stored_as is None:
            short = (",".join(kind.short),) if kind.short else ()
            assert (kind.plural, *short, kind.api_version, str(kind.namespaced).lower(), kind.name) in lines


def test_discovery_says_the_same_in_both_its_forms(api: ApiServer) -> None:
    aggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    for root in ("/api", "/apis"):
        for group in api.request("GET", root, Accept=aggregated).json()["items"]:
            for version in group["versions"]:
                name = group["metadata"].get("name", "")
                path = f"/apis/{name}/{version['version']}" if name else "/api/v1"
                found = {r["name"] for r in api.request("GET", path).json()["resources"]}
                modern = {r["resource"] for r in version["resources"]}
                modern |= {
                    f"{r['resource']}/{s['subresource']}"
                    for r in version["resources"]
                    for s in r.get("subresources", [])
                }
                assert modern == found


def test_version_and_health_answer(api: ApiServer) -> None:
    assert "Server Version: v1." in api.kubectl("version").ok()
    for path in ("/healthz", "/livez", "/readyz", "/readyz/ping"):
        assert api.request("GET", path, Authorization="").body == b"ok"


def test_apply_creates_then_finds_nothing_to_change_then_changes(api: ApiServer, space: str) -> None:
    text = yaml.safe_dump_all([manifests.deployment(), manifests.service(), manifests.config_map(a="1")])
    apply = ("-n", space, "apply", "-f", "-")
    assert re.findall(r"(\w+)$", api.kubectl(*apply, stdin=text).ok(), re.M) == ["created"] * 3
    assert re.findall(r"(\w+)$", api.kubectl(*apply, stdin=text).ok(), re.M) == ["unchanged"] * 3
    changed = text.replace("example/web:1", "example/web:2")
    assert re.findall(r"(\w+)$", api.kubectl(*apply, stdin=changed).ok(), re.M) == [
        "configured",
        "unchanged",
        "unchanged",
    ]
    assert api.kubectl("-n", space, "diff", "-f", "-", stdin=changed).code == 0
    differs = api.kubectl("-n", space, "diff", "-f", "-", stdin=text)
    assert differs.code == 1
    assert "-        image: example/web:2" in differs.out or "-      - image: example/web:2" in differs.out


def test_apply_removes_what_is_no_longer_in_the_file(api: ApiServer, space: str) -> None:
    two = manifests.deployment()
    two["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]
    api.kubectl("-n", space, "apply", "-f", "-", stdin=json.dumps(two)).ok()
    two["spec"]["template"]["spec"]["containers"][0]["env"].pop(0)
    api.kubectl("-n", space, "apply", "-f", "-", stdin=json.dumps(two)).ok()
    path = "jsonpath={.spec.template.spec.containers[0].env[*].name}"
    assert api.kubectl("-n", space, "get", "deployment", "web", "-o", path).ok() == "B"


def test_server_side_apply_creates_merges_and_removes(api: ApiServer, space: str) -> None:
    def apply(manager: str, **data: str) -> str:
        text = json.dumps(manifests.config_map(labels={"by": "apply"}, **data))
        command = ("-n", space, "apply", "--server-side", "--field-manager", manager, "-f", "-")
        return api.kubectl(*command, stdin=text).ok()

    assert "serverside-applied" in apply("one", a="1", b="2")
    apply("two", b="2", c="3")
    apply("one", a="1")
    data = json.loads(api.kubectl("-n", space, "get", "configmap", "settings", "-o", "jsonpath={.data}").ok())
    assert data == {"a": "1", "b": "2", "c": "3"}, "b is still applied by two"
    apply("two", c="3")
    data = json.loads(api.kubectl("-n", space, "get", "configmap", "settings", "-o", "jsonpath={.data}").ok())
    assert data == {"a": "1", "c": "3"}


def test_server_side_apply_removes_one_container_of_several(api: ApiServer, space: str) -> None:
    two = manifests.deployment()
    containers = two["spec"]["template"]["spec"]["containers"]
    containers.append({"name": "side", "image": "example/side:1"})
    command = ("-n", space, "apply", "--server-side", "-f", "-")
    api.kubectl(*command, stdin=json.dumps(two)).ok()
    containers.pop()
    api.kubectl(*command, stdin=json.dumps(two)).ok()
    path = "jsonpath={.spec.template.spec.containers[*].name}"
    assert api.kubectl("-n", space, "get", "deployment", "web", "-o", path).ok() == "main"


def test_server_side_apply_without_a_manager_is_refused(api: ApiServer, space: str) -> None:
    path = f"/api/v1/namespaces/{space}/configmaps/x"
    answer = api.request("PATCH", path, b"data: {a: b}", Content_Type="application/apply-patch+yaml")
    assert answer.code == 400
    assert "fieldManager" in answer.json()["message"]


def test_a_misspelt_field_is_refused_when_strict_and_warned_of_when_not(api: ApiServer, space: str) -> None:
    wrong = manifests.deployment(replicaz=3)
    done = api.kubectl("-n", space, "apply", "-f", "-", stdin=json.dumps(wrong))
    assert done.code == 1
    assert 'strict decoding error: unknown field "spec.replicaz"' in done.err
    done = api.kubectl("-n", space, "apply", "--validate=warn", "-f", "-", stdin=json.dumps(wrong))
    assert done.code == 0
    assert 'Warning: unknown field "spec.replicaz"' in done.err
    patch = ("-n", space, "patch", "deployment", "web", "--type=merge", "-p", '{"spec":{"replicaz":4}}')
    assert "no change" in api.kubectl(*patch).out


def test_all_three_patches_work(api: ApiServer, space: str) -> None:
    api.kubectl("-n", space, "create", "-f", "-", stdin=json.dumps(manifests.deployment())).ok()
    for kind, patch in (
        ("strategic", '{"spec":{"template":{"spec":{"containers":[{"name":"main","image":"b:1"}]}}}}'),
        ("merge", '{"spec":{"replicas":3}}'),
        (
            "json",
            '[{"op":"replace","path":"/spec/minReadySeconds","value":5},{"op":"add","path":"/metadata/labels","value":{"x":"y"}}]',
        ),
    ):
        done = api.kubectl("-n", space, "patch", "deployment", "web", f"--type={kind}", "-p", patch)
        assert (kind == "json" and "does not exist" in done.err) or done.code == 0
    path = "jsonpath={.spec.template.spec.containers[0].image} {.spec.replicas}"
    assert api.kubectl("-n", space, "get", "deployment", "web", "-o", path).ok() == "b:1 3"
    assert "UnsupportedMediaType" in str(
        api.request("PATCH", f"/apis/apps/v1/namespaces/{space}/deployments/web", b"{}", Content_Type="text/x").json()
    )


def test_explain_knows_the_fields(api: ApiServer) -> None:
    said = api.kubectl("explain", "deployment.spec.template.spec.containers.readinessProbe").ok()
    for field in ("httpGet", "periodSeconds", "failureThreshold"):
        assert field in said
    assert api.kubectl("explain", "pod.spec.wings").code == 1


@pytest.mark.parametrize("version", ["api/v1", "apis/apps/v1", "apis/autoscaling/v1", "apis/authorization.k8s.io/v1"])
def test_openapi_documents_hold_together(api: ApiServer, version: str) -> None:
    index = api.request("GET", "/openapi/v3").json()["paths"]
    document = api.request("GET", index[version]["serverRelativeURL"]).json()
    schemas = document["components"]["schemas"]
    references = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(document)))
    assert references <= schemas.keys()
    old = api.request("GET", "/openapi/v2").json()
    assert set(re.findall(r'"#/definitions/([^"]+)"', json.dumps(old))) <= old["definitions"].keys()


def test_can_i_and_whoami_tell_the_admin_from_a_guest(api: ApiServer) -> None:
    assert api.kubectl("auth", "can-i", "delete", "pods").ok() == "yes\n"
    assert "kubernetes-admin" in api.kubectl("auth", "whoami").ok()
    guest = api.write_kubeconfig(GUEST)
    assert api.kubectl("auth", "can-i", "delete", "pods", kubeconfig=guest).out == "no\n"
    assert "guest" in api.kubectl("auth", "whoami", kubeconfig=guest).ok()
    refused = api.kubectl("get", "secrets", kubeconfig=guest).err
    assert 'User "guest" cannot list resource "secrets" in API group "" in the namespace "default"' in refused


def test_nobody_gets_in_without_a_token(api: ApiServer) -> None:
    for wrong in ("", "Bearer", "Bearer no", "Basic YTpi", f"Basic {GUEST}"):
        answer = api.request("GET", "/api/v1/pods", Authorization=wrong)
        assert (answer.code, answer.json()["reason"]) == (401, "Unauthorized")


def test_an_access_review_of_another_user_is_answered(api: ApiServer) -> None:
    said = api.kubectl("auth", "can-i", "get", "pods", "--as", "eve")
    assert (said.code, said.out) == (1, "no\n")
    review = {"spec": {"user": "eve", "resourceAttributes": {"verb": "get", "resource": "pods"}}}
    answer = api.request("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", json.dumps(review).encode())
    assert answer.json()["status"]["allowed"] is False
    empty = api.request("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", b'{"spec":{}}')
    assert empty.code == 422


def test_top_shows_what_the_agent_measured(api: ApiServer, space: str) -> None:
    from datetime import UTC, datetime

    from drillbook.sandbox.agent import PodUsage

    now = datetime.now(UTC)
    api.agent.usages = [
        PodUsage(space, "one", {"app": "a"}, now, 15.0, {"main": (0.25, 64 * 1024**2), "side": (0.05, 1024**2)}),
        PodUsage(space, "two", {"app": "b"}, now, 15.0, {"main": (1.0, 128 * 1024**2)}),
    ]
    rows = [line.split() for line in api.kubectl("-n", space, "top", "pods", "--no-headers").ok().splitlines()]
    assert rows == [["one", "300m", "65Mi"], ["two", "1000m", "128Mi"]]
    assert "two" not in api.kubectl("-n", space, "top", "pods", "-l", "app=a").ok()
    assert api.kubectl("top", "nodes", "--no-headers").ok().split()[:2] == ["node-1", "250m"]
    assert api.request("GET", "/api/v1/nodes/node-1/proxy/stats/summary").json()["node"] == {"nodeName": "node-1"}
    assert api.request("GET", "/api/v1/nodes/node-1/proxy/secrets").code == 404
    assert api.request("GET", f"/apis/metrics.k8s.io/v1beta1/namespaces/{space}/pods/three").code == 404


def test_cordon_and_drain_evict_pods(api: ApiServer, space: str) -> None:
    api.do(lambda: api.store.create(NODE, {"metadata": {"name": f"node-{space}"}, "spec": {}, "status": {}}))
    node = f"node-{space}"
    assert "cordoned" in api.kubectl("cordon", node).ok()
    assert "SchedulingDisabled" in api.kubectl("get", "node", node).ok()
    assert "drained" in api.kubectl("drain", node, "--timeout=5s").ok()
    api.kubectl("uncordon", node).ok()
    assert "tainted" in api.kubectl("taint", "node", node, "a=b:NoSchedule").ok()


def test_label_annotate_set_and_rollout_restart_work(api: ApiServer, space: str) -> None:
    api.kubectl("-n", space, "create", "deployment", "web", "--image=a:1").ok()
    for command in (
        ("label", "deployment", "web", "tier=front"),
        ("annotate", "deployment", "web", "note=here"),
        ("set", "image", "deployment/web", "a=a:2"),
        ("set", "env", "deployment/web", "A=b"),
        ("set", "resources", "deployment/web", "--limits=cpu=1000m"),
        ("rollout", "restart", "deployment/web"),
        ("scale", "deployment", "web", "--replicas=4"),
        ("rollout", "pause", "deployment/web"),
    ):
        api.kubectl("-n", space, *command).ok()
    found = json.loads(api.kubectl("-n", space, "get", "deployment", "web", "-o", "json").ok())
    main = found["spec"]["template"]["spec"]["containers"][0]
    assert (main["image"], main["env"], main["resources"]) == (
        "a:2",
        [{"name": "A", "value": "b"}],
        {"limits": {"cpu": "1"}},
    )
    assert (found["spec"]["replicas"], found["spec"]["paused"]) == (4, True)
    assert "kubectl.kubernetes.io/restartedAt" in found["spec"]["template"]["metadata"]["annotations"]


def test_describe_shows_a_pods_events(api: ApiServer, space: str) -> None:
    api.kubectl("-n", space, "create", "-f", "-", stdin=json.dumps(manifests.pod())).ok()
    uid = api.kubectl("-n", space, "get", "pod", "web", "-o", "jsonpath={.metadata.uid}").ok()
    event = {
        "metadata": {"name": "web.1", "namespace": space},
        "involvedObject": {"apiVersion": "v1", "kind": "Pod", "name": "web", "namespace": space, "uid": uid},
        "reason": "Scheduled",
        "message": "went to node-1",
        "type": "Normal",
        "count": 1,
        "firstTimestamp": "2026-01-01T00:00:00Z",
        "lastTimestamp": "2026-01-01T00:00:00Z",
        "source": {"component": "scheduler"},
    }
    api.request("POST", f"/api/v1/namespaces/{space}/events", json.dumps(event).encode())
    said = api.kubectl("-n", space, "describe", "pod", "web").ok()
    assert "Scheduled" in said
    assert "went to node-1" in said
    assert "pod/web" in api.kubectl("-n", space, "events", "--for=pod/web").ok().lower()


def test_wait_and_get_watch_see_changes(api: ApiServer, space: str) -> None:
    api.kubectl("-n", space, "create", "-f", "-", stdin=json.dumps(manifests.pod())).ok()
    api.run_pod(space, "web")
    assert "condition met" in api.kubectl("-n", space, "wait", "--for=condition=Ready", "pod/web", "--timeout=5s").ok()
    api.kubectl("-n", space, "delete", "pod", "web", "--force", "--grace-period=0").ok()
    assert api.kubectl("-n", space, "wait", "--for=delete", "pod/web", "--timeout=5s").code == 0
