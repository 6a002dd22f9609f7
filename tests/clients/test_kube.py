"""The cluster's client, against the sandbox's API: what it reads, what it changes, and what it is refused."""

from __future__ import annotations

import asyncio
import json
import secrets
from typing import Any

import pytest

from drillbook.clients.kube import ApiRefusal, Kube, Object, Permission, path_of, selector_text
from drillbook.clients.kube_objects import snapshot
from drillbook.clients.secrets import read_secret
from drillbook.errors import ConfigError
from drillbook.model.environment import SecretReference
from tests.clients.kube_calls import SOLAR, a_backend, ask, config_map
from tests.conftest import SandboxHandle


def test_a_collection_is_listed_by_label(solar: SandboxHandle) -> None:
    pods = ask(solar.kubeconfig, lambda kube: kube.list(path_of("pods", SOLAR), labels="app=backend"))
    assert len(pods) == 3
    assert {pod["metadata"]["labels"]["app"] for pod in pods} == {"backend"}


def test_an_object_that_is_not_there_is_none_or_a_refusal(solar: SandboxHandle) -> None:
    path = path_of("pods", SOLAR, "no-such-pod")
    assert ask(solar.kubeconfig, lambda kube: kube.find(path)) is None
    with pytest.raises(ApiRefusal, match=r'refused GET .* \(404 NotFound\): pods "no-such-pod" not found') as caught:
        ask(solar.kubeconfig, lambda kube: kube.get(path))
    assert (caught.value.code, caught.value.reason) == (404, "NotFound")


def test_the_cluster_is_known_by_the_uid_of_kube_system(solar: SandboxHandle) -> None:
    uid = ask(solar.kubeconfig, lambda kube: kube.cluster_uid())
    assert uid == json.loads((solar.state / "sandbox.json").read_text())["cluster_uid"]


def test_an_object_is_created_patched_replaced_and_deleted(solar: SandboxHandle) -> None:
    name = f"client-{secrets.token_hex(4)}"
    path = path_of("configmaps", "default", name)

    async def run(kube: Kube) -> None:
        made = await kube.create(path_of("configmaps", "default"), config_map(name, a="1"))
        assert (await kube.patch(path, {"data": {"b": "2"}}))["data"] == {"a": "1", "b": "2"}
        replaced = [{"op": "replace", "path": "/data/a", "value": "3"}]
        assert (await kube.patch(path, replaced))["data"] == {"a": "3", "b": "2"}
        with pytest.raises(ApiRefusal) as stale:
            await kube.replace(path, made | {"data": {}})
        assert stale.value.code == 409
        with pytest.raises(ApiRefusal) as taken:
            await kube.create(path_of("configmaps", "default"), config_map(name))
        assert (taken.value.code, taken.value.reason) == (409, "AlreadyExists")
        await kube.delete(path)
        assert await kube.find(path) is None

    ask(solar.kubeconfig, run)


def test_a_pod_is_only_deleted_when_it_is_the_one_that_was_meant(solar: SandboxHandle) -> None:
    async def run(kube: Kube) -> None:
        pod = await a_backend(kube)
        name = pod["metadata"]["name"]
        with pytest.raises(ApiRefusal) as refused:
            await kube.delete_pod(SOLAR, name, uid="00000000-0000-0000-0000-000000000000")
        assert refused.value.code == 409
        still = await kube.get(path_of("pods", SOLAR, name))
        assert still["metadata"]["uid"] == pod["metadata"]["uid"]
        assert "deletionTimestamp" not in still["metadata"]

    ask(solar.kubeconfig, run)


def test_permissions_are_asked_of_the_cluster(solar: SandboxHandle) -> None:
    permission = Permission("delete", "pods", namespace=SOLAR)
    assert str(permission) == f"delete pods in namespace {SOLAR}"
    assert ask(solar.kubeconfig, lambda kube: kube.allowed(permission)) is True


def test_a_watch_sees_what_happens_after_it_began(solar: SandboxHandle) -> None:
    name = f"client-{secrets.token_hex(4)}"

    async def run(kube: Kube) -> list[str]:
        collection = path_of("configmaps", "default")
        version = (await kube.get(collection))["metadata"]["resourceVersion"]
        await kube.create(collection, config_map(name))
        await kube.delete(path_of("configmaps", "default", name))
        seen: list[str] = []
        async for event in kube.watch(collection, seconds=10, version=version):
            if event["object"]["metadata"]["name"] == name:
                seen.append(event["type"])
            if len(seen) == 2:
                break
        return seen

    assert ask(solar.kubeconfig, run) == ["ADDED", "DELETED"]


def test_logs_are_what_the_container_printed(solar: SandboxHandle) -> None:
    async def run(kube: Kube) -> str:
        pod = await a_backend(kube)
        return await kube.logs(SOLAR, pod["metadata"]["name"], tail=3)

    assert 1 <= len(ask(solar.kubeconfig, run).splitlines()) <= 3


def test_two_snapshots_of_an_unchanged_namespace_agree_and_hold_no_secret(solar: SandboxHandle) -> None:
    async def run(kube: Kube) -> tuple[tuple[Object, ...], tuple[Object, ...]]:
        return await snapshot(kube), await snapshot(kube)

    first, second = ask(solar.kubeconfig, run)
    password = asyncio.run(_password(solar))
    kinds = {item["kind"] for item in first}
    assert {"Deployment", "Service", "ConfigMap", "Secret", "Pod", "Ingress"} <= kinds
    assert "Event" not in kinds
    assert password not in str(first)

    def data(items: tuple[Object, ...]) -> dict[str, Any]:
        return {item["metadata"]["uid"]: item["data"] for item in items if item["kind"] in {"Secret", "ConfigMap"}}

    assert data(first) == data(second)


async def _password(solar: SandboxHandle) -> str:
    async with Kube.connect(solar.kubeconfig, None) as kube:

        async def same() -> Kube:
            return kube

        reference = SecretReference(secret=(SOLAR, "solar-secrets", "DATABASE_PASSWORD"))
        found = (await read_secret(reference, same)).reveal()
        with pytest.raises(ConfigError, match="has no key 'NO_SUCH_KEY'"):
            await read_secret(SecretReference(secret=(SOLAR, "solar-secrets", "NO_SUCH_KEY")), same)
        with pytest.raises(ConfigError, match="solar-pv-llm-ai/none, which isn't there"):
            await read_secret(SecretReference(secret=(SOLAR, "none", "KEY")), same)
        return found


@pytest.mark.parametrize(
    ("selector", "text"),
    [
        ({"app": "api"}, "app=api"),
        ({"matchLabels": {"app": "api", "tier": "web"}}, "app=api,tier=web"),
        (
            {
                "matchLabels": {"app": "api"},
                "matchExpressions": [
                    {"key": "tier", "operator": "In", "values": ["a", "b"]},
                    {"key": "zone", "operator": "NotIn", "values": ["c"]},
                    {"key": "x", "operator": "Exists"},
                    {"key": "y", "operator": "DoesNotExist"},
                ],
            },
            "app=api,tier in (a,b),zone notin (c),x,!y",
        ),
    ],
)
def test_a_selector_is_written_as_the_api_reads_it(selector: dict[str, Any], text: str) -> None:
    assert selector_text(selector) == text


def test_paths_name_every_kind_of_place() -> None:
    assert path_of("nodes") == "/api/v1/nodes"
    assert path_of("deployments", "shop") == "/apis/apps/v1/namespaces/shop/deployments"
    assert path_of("pods", "shop", "api-1", "log") == "/api/v1/namespaces/shop/pods/api-1/log"
    assert path_of("podmetrics", "shop") == "/apis/metrics.k8s.io/v1beta1/namespaces/shop/pods"
