"""ServiceAccounts, their tokens, and what Roles let them do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conformance.cluster import Cluster, fields
from tests.conformance.objects import config_map


@pytest.fixture
def token(cluster: Cluster, space: str) -> str:
    """A token of an account that may do nothing yet."""
    cluster.kubectl("-n", space, "create", "serviceaccount", "reader").ok()
    return cluster.kubectl("-n", space, "create", "token", "reader").ok().strip()


def allow(cluster: Cluster, space: str, *rule: str) -> None:
    """Let the account do something."""
    cluster.kubectl("-n", space, "create", "role", "some", *rule).ok()
    cluster.kubectl(
        "-n", space, "create", "rolebinding", "some", "--role=some", f"--serviceaccount={space}:reader"
    ).ok()


def code(cluster: Cluster, token: str, path: str, method: str = "GET", body: Any = None) -> int:
    return cluster.request(method, path, body, Authorization=f"Bearer {token}").code


def test_a_token_is_made_for_an_account_and_ends(cluster: Cluster, space: str) -> None:
    path = f"/api/v1/namespaces/{space}/serviceaccounts/default/token"
    answer = cluster.request("POST", path, {"spec": {"expirationSeconds": 3600}})
    assert answer.code == 201
    status = answer.json()["status"]
    assert status["token"].count(".") == 2
    assert status["expirationTimestamp"]


def test_a_token_for_less_than_ten_minutes_is_refused(cluster: Cluster, space: str) -> None:
    path = f"/api/v1/namespaces/{space}/serviceaccounts/default/token"
    answer = cluster.request("POST", path, {"spec": {"expirationSeconds": 1}})
    assert (answer.code, fields(answer.json())) == (422, {"spec.expirationSeconds"})


def test_a_token_of_an_account_that_is_not_there_is_not_made(cluster: Cluster, space: str) -> None:
    done = cluster.kubectl("-n", space, "create", "token", "nobody")
    assert done.code == 1
    assert 'serviceaccounts "nobody" not found' in done.err


def test_an_account_without_a_role_is_refused_by_name(cluster: Cluster, space: str, token: str) -> None:
    answer = cluster.request("GET", f"/api/v1/namespaces/{space}/pods", Authorization=f"Bearer {token}")
    assert (answer.code, answer.json()["reason"]) == (403, "Forbidden")
    assert f'User "system:serviceaccount:{space}:reader" cannot list resource "pods"' in answer.json()["message"]


def test_a_role_allows_its_verbs_and_no_others(cluster: Cluster, space: str, token: str) -> None:
    allow(cluster, space, "--verb=get,list", "--resource=configmaps")
    path = f"/api/v1/namespaces/{space}/configmaps"
    cluster.eventually(lambda: code(cluster, token, path) == 200)
    assert code(cluster, token, path, "POST", config_map()) == 403
    assert code(cluster, token, f"{path}/kube-root-ca.crt", "DELETE") == 403
    assert code(cluster, token, f"{path}?watch=1&timeoutSeconds=1") == 403
    assert code(cluster, token, f"/api/v1/namespaces/{space}/secrets") == 403


def test_a_role_holds_in_its_own_namespace_only(cluster: Cluster, space: str, token: str) -> None:
    allow(cluster, space, "--verb=list", "--resource=configmaps")
    cluster.eventually(lambda: code(cluster, token, f"/api/v1/namespaces/{space}/configmaps") == 200)
    assert code(cluster, token, "/api/v1/namespaces/kube-system/configmaps") == 403
    assert code(cluster, token, "/api/v1/configmaps") == 403


def test_a_role_can_be_for_named_objects(cluster: Cluster, core: Any, space: str, token: str) -> None:
    for name in ("open", "closed"):
        core.create_namespaced_config_map(space, config_map(name))
    allow(cluster, space, "--verb=get", "--resource=configmaps", "--resource-name=open")
    cluster.eventually(lambda: code(cluster, token, f"/api/v1/namespaces/{space}/configmaps/open") == 200)
    assert code(cluster, token, f"/api/v1/namespaces/{space}/configmaps/closed") == 403


def test_a_subresource_needs_a_rule_of_its_own(cluster: Cluster, space: str, token: str) -> None:
    allow(cluster, space, "--verb=get", "--resource=pods")
    path = f"/api/v1/namespaces/{space}/pods/none"
    cluster.eventually(lambda: code(cluster, token, path) == 404)
    assert code(cluster, token, f"{path}/log") == 403


def test_a_cluster_role_can_be_bound_in_one_namespace(cluster: Cluster, space: str, token: str) -> None:
    binding = ("create", "rolebinding", "view", "--clusterrole=view", f"--serviceaccount={space}:reader")
    cluster.kubectl("-n", space, *binding).ok()
    cluster.eventually(lambda: code(cluster, token, f"/api/v1/namespaces/{space}/pods") == 200)
    assert code(cluster, token, f"/api/v1/namespaces/{space}/secrets") == 403, "view doesn't show Secrets"
    assert code(cluster, token, "/api/v1/nodes") == 403


def test_a_right_that_is_taken_away_is_gone(cluster: Cluster, space: str, token: str) -> None:
    allow(cluster, space, "--verb=list", "--resource=pods")
    path = f"/api/v1/namespaces/{space}/pods"
    cluster.eventually(lambda: code(cluster, token, path) == 200)
    cluster.kubectl("-n", space, "delete", "rolebinding", "some").ok()
    cluster.eventually(lambda: code(cluster, token, path) == 403)


def test_nobody_gives_away_rights_that_they_lack(cluster: Cluster, space: str, token: str) -> None:
    allow(cluster, space, "--verb=create", "--resource=roles")
    path = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{space}/roles"
    role = {"metadata": {"name": "more"}, "rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]}
    probe = {"metadata": {"name": "harmless"}, "rules": []}
    cluster.eventually(lambda: code(cluster, token, path, "POST", probe) in {201, 409})
    assert code(cluster, token, path, "POST", role) == 403


def test_an_access_review_says_the_same_as_the_api(cluster: Cluster, space: str, token: str) -> None:
    allow(cluster, space, "--verb=list", "--resource=pods")

    def allowed(verb: str) -> bool:
        attributes = {"verb": verb, "resource": "pods", "namespace": space}
        body = {"spec": {"resourceAttributes": attributes}}
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        answer = cluster.request("POST", path, body, Authorization=f"Bearer {token}")
        return bool(answer.json()["status"]["allowed"])

    cluster.eventually(lambda: allowed("list"))
    assert not allowed("delete")


def test_an_administrator_can_ask_what_an_account_may_do(cluster: Cluster, space: str, token: str) -> None:
    allow(cluster, space, "--verb=list", "--resource=pods")
    someone = f"--as=system:serviceaccount:{space}:reader"
    cluster.eventually(lambda: cluster.kubectl("-n", space, "auth", "can-i", "list", "pods", someone).code == 0)
    done = cluster.kubectl("-n", space, "auth", "can-i", "delete", "pods", someone)
    assert (done.code, done.out.strip()) == (1, "no")


def test_kubectl_works_with_an_accounts_token(cluster: Cluster, space: str, token: str, tmp_path: Path) -> None:
    allow(cluster, space, "--verb=get,list", "--resource=pods")
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(cluster.kubectl("config", "view", "--raw", "--flatten", "--minify").ok())
    kubeconfig.chmod(0o600)
    cluster.kubectl("config", "set-credentials", "reader", f"--token={token}", kubeconfig=kubeconfig).ok()
    cluster.kubectl("config", "set-context", "--current", "--user=reader", kubeconfig=kubeconfig).ok()
    cluster.eventually(lambda: cluster.kubectl("-n", space, "get", "pods", kubeconfig=kubeconfig).code == 0)
    done = cluster.kubectl("-n", space, "get", "secrets", kubeconfig=kubeconfig)
    assert done.code == 1
    assert "Forbidden" in done.err


def test_a_token_dies_with_its_account(cluster: Cluster, space: str, token: str) -> None:
    cluster.kubectl("-n", space, "delete", "serviceaccount", "reader").ok()
    cluster.eventually(lambda: code(cluster, token, "/api/v1/nodes") == 401)


def test_a_token_tells_whose_it_is(cluster: Cluster, space: str, token: str) -> None:
    path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    answer = cluster.request("POST", path, {}, Authorization=f"Bearer {token}")
    info = answer.json()["status"]["userInfo"]
    assert info["username"] == f"system:serviceaccount:{space}:reader"
    assert {"system:serviceaccounts", f"system:serviceaccounts:{space}", "system:authenticated"} <= set(info["groups"])
