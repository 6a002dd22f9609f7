"""What a pod's programs find to talk to the API with."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from drillbook.sandbox.kinds import POD, SERVICE_ACCOUNT, Object
from drillbook.sandbox.kubelet.pod_tokens import PodTokens
from tests.sandbox.cluster.bench import HOME, Bench, on_bench, pod

FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount"


async def output(bench: Bench, script: str, spec: str = "") -> str:
    """What a pod's script says."""
    bench.apply(pod("one", script, restart="Never") + spec)
    await bench.until(lambda: bench.get(POD, "one")["status"].get("phase") == "Succeeded", "the end of the script")
    return await bench.logs(bench.get(POD, "one"))


def claims(token: str) -> dict[str, Any]:
    body = token.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))))


@on_bench
async def test_a_pod_finds_its_token_the_ca_and_its_namespace(bench: Bench) -> None:
    said = await output(bench, "cd $DRILLBOOK_SERVICE_ACCOUNT; cat token; echo; cat namespace; echo; cat ca.crt")
    token, namespace, ca = said.split("\n", 2)
    user = bench.cluster.accounts.user_of(token)
    assert user is not None
    assert user.name == f"system:serviceaccount:{HOME}:default"
    assert namespace == HOME
    assert ca == bench.cluster.authority.pem.decode()
    assert claims(token)["kubernetes.io"]["pod"]["name"] == "one"
    bench.store.remove(POD, HOME, "one")
    assert bench.cluster.accounts.user_of(token) is None


@on_bench
async def test_they_are_where_every_client_looks(bench: Bench) -> None:
    if not bench.kubelet.isolation.namespaces:
        pytest.skip(bench.kubelet.isolation.sentence)
    said = await output(bench, f"ls {FOLDER}; touch {FOLDER}/x 2>/dev/null || echo sealed")
    assert said.split() == ["ca.crt", "namespace", "token", "sealed"]


@on_bench
async def test_a_pod_that_wants_no_token_gets_none(bench: Bench) -> None:
    said = await output(bench, "echo ${DRILLBOOK_SERVICE_ACCOUNT:-none}", "  automountServiceAccountToken: false\n")
    assert said == "none\n"
    assert not bench.get(POD, "one")["spec"].get("volumes")


@on_bench
async def test_a_pod_can_overrule_its_account(bench: Bench) -> None:
    await bench.until(lambda: bench.get(SERVICE_ACCOUNT, "default"), "the account")
    bench.change(SERVICE_ACCOUNT, "default", lambda draft: draft.update(automountServiceAccountToken=False))
    (plain,) = bench.apply(pod("plain", "true"))
    (wants,) = bench.apply(pod("wants", "true") + "  automountServiceAccountToken: true\n")
    assert not plain["spec"].get("volumes")
    assert wants["spec"]["volumes"][0]["name"].startswith("kube-api-access-")


@on_bench
async def test_a_token_is_kept_for_most_of_its_life_and_then_made_anew(bench: Bench) -> None:
    await bench.until(lambda: bench.get(SERVICE_ACCOUNT, "default"), "the account")
    now = [1_000_000.0]
    tokens = PodTokens(bench.store, bench.cluster.accounts, lambda: now[0])
    about: Object = {
        "kind": "Pod",
        "metadata": {"name": "one", "namespace": HOME, "uid": "1"},
        "spec": {"serviceAccountName": "default"},
    }
    first = tokens.of(about, {"expirationSeconds": 1000, "path": "token"})
    now[0] += 799
    assert tokens.of(about, {"expirationSeconds": 1000, "path": "token"}) == first
    assert tokens.of(about, {"expirationSeconds": 1000, "path": "token", "audience": "vault"}) != first
    now[0] += 1
    assert tokens.of(about, {"expirationSeconds": 1000, "path": "token"}) != first
    about["spec"]["serviceAccountName"] = "nobody"
    assert tokens.of(about, {"path": "token"}) is None
