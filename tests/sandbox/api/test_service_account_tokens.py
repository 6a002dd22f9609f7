"""Tokens of ServiceAccounts: made on request, theirs alone, over in time."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillbook.sandbox.api.account_tokens import AccountTokens
from drillbook.sandbox.kinds import SERVICE_ACCOUNT
from drillbook.sandbox.store import Store
from tests.sandbox.api import manifests
from tests.sandbox.api.server import ApiServer, official


def _account(store: Store) -> Any:
    return store.create(SERVICE_ACCOUNT, {"metadata": {"name": "robot", "namespace": "default"}})


def test_a_token_acts_as_its_account_with_the_groups_of_its_namespace(api: ApiServer, space: str) -> None:
    api.kubectl("-n", space, "create", "serviceaccount", "robot").ok()
    token = api.kubectl("-n", space, "create", "token", "robot").ok().strip()
    said = api.request(
        "POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", b"{}", Authorization=f"Bearer {token}"
    ).json()["status"]["userInfo"]
    assert said["username"] == f"system:serviceaccount:{space}:robot"
    assert set(said["groups"]) == {"system:serviceaccounts", f"system:serviceaccounts:{space}", "system:authenticated"}


def test_an_account_may_do_what_its_role_says_and_no_more(api: ApiServer, space: str) -> None:
    api.kubectl("-n", space, "create", "serviceaccount", "robot").ok()
    api.kubectl("-n", space, "create", "role", "r", "--verb=get,list", "--resource=configmaps").ok()
    api.kubectl("-n", space, "create", "rolebinding", "r", "--role=r", f"--serviceaccount={space}:robot").ok()
    token = api.kubectl("-n", space, "create", "token", "robot").ok().strip()
    configuration = official("client").Configuration()
    configuration.host, configuration.ssl_ca_cert = api.url, str(api.ca)
    configuration.api_key = {"authorization": f"Bearer {token}"}
    core = official("client").CoreV1Api(official("client").ApiClient(configuration))
    assert core.list_namespaced_config_map(space).items == []
    with pytest.raises(official("client.exceptions").ApiException) as refused:
        core.list_namespaced_secret(space)
    said = json.loads(refused.value.body)["message"]
    assert f'User "system:serviceaccount:{space}:robot" cannot list resource "secrets"' in said


def test_the_token_of_a_deleted_account_no_longer_works_not_even_for_a_namesake(api: ApiServer, space: str) -> None:
    api.kubectl("-n", space, "create", "serviceaccount", "robot").ok()
    bearer = "Bearer " + api.kubectl("-n", space, "create", "token", "robot").ok().strip()
    assert api.request("GET", "/version", Authorization=bearer).code == 200
    api.kubectl("-n", space, "delete", "serviceaccount", "robot").ok()
    assert api.request("GET", "/version", Authorization=bearer).code == 401
    api.kubectl("-n", space, "create", "serviceaccount", "robot").ok()
    assert api.request("GET", "/version", Authorization=bearer).code == 401


def test_a_token_bound_to_a_pod_ends_with_it(api: ApiServer, space: str) -> None:
    api.kubectl("-n", space, "create", "serviceaccount", "robot").ok()
    api.kubectl("-n", space, "create", "-f", "-", stdin=json.dumps(manifests.pod())).ok()
    create = ("create", "token", "robot", "--bound-object-kind", "Pod", "--bound-object-name", "web")
    bearer = "Bearer " + api.kubectl("-n", space, *create).ok().strip()
    assert api.request("GET", "/version", Authorization=bearer).code == 200
    api.kubectl("-n", space, "delete", "pod", "web", "--force", "--grace-period=0").ok()
    assert api.request("GET", "/version", Authorization=bearer).code == 401


def test_a_token_says_when_it_ends_and_lasts_ten_minutes_at_least(api: ApiServer, space: str) -> None:
    api.kubectl("-n", space, "create", "serviceaccount", "robot").ok()
    token = api.kubectl("-n", space, "create", "token", "robot", "--duration=20m").ok().strip()
    payload = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert claims["exp"] - claims["iat"] == 1200
    assert claims["sub"] == f"system:serviceaccount:{space}:robot"
    short = api.kubectl("-n", space, "create", "token", "robot", "--duration=5m").err
    assert "may not specify a duration less than 10 minutes" in short
    assert "not found" in api.kubectl("-n", space, "create", "token", "nobody").err


def test_a_token_review_tells_a_good_token_from_another(api: ApiServer, space: str) -> None:
    api.kubectl("-n", space, "create", "serviceaccount", "robot").ok()
    token = api.kubectl("-n", space, "create", "token", "robot").ok().strip()
    path = "/apis/authentication.k8s.io/v1/tokenreviews"
    good = api.request("POST", path, json.dumps({"spec": {"token": token}}).encode()).json()["status"]
    assert (good["authenticated"], good["user"]["username"]) == (True, f"system:serviceaccount:{space}:robot")
    assert "authenticated" not in api.request("POST", path, b'{"spec":{"token":"x.y.z"}}').json()["status"]


def test_making_a_token_is_a_right_of_its_own(api: ApiServer, space: str) -> None:
    api.kubectl("-n", space, "create", "serviceaccount", "robot").ok()
    said = api.kubectl("-n", space, "--as", "eve", "create", "token", "robot").err
    assert 'cannot create resource "serviceaccounts/token"' in said


def test_a_token_is_good_until_its_last_second() -> None:
    store, moment = Store(), [1_000_000.0]
    tokens = AccountTokens(store, lambda: moment[0])
    token = tokens.make(_account(store), 600)
    moment[0] += 599
    assert tokens.user_of(token) is not None
    moment[0] += 1
    assert tokens.user_of(token) is None


def test_a_token_for_others_does_not_open_this_api() -> None:
    store = Store()
    tokens = AccountTokens(store)
    token = tokens.make(_account(store), 600, ["vault"])
    assert tokens.user_of(token) is None
    assert tokens.user_of(token, "vault") is not None


@given(st.data())
def test_a_token_with_one_changed_character_is_nobodys(data: st.DataObject) -> None:
    store = Store()
    tokens = AccountTokens(store)
    token = tokens.make(_account(store), 600)
    place = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.characters(codec="ascii").filter(lambda c: c != token[place]))
    assert tokens.user_of(token[:place] + other + token[place + 1 :]) is None


def test_a_token_of_another_run_is_nobodys() -> None:
    store = Store()
    account = _account(store)
    assert AccountTokens(store).user_of(AccountTokens(store).make(account, 600)) is None
