"""Environments: where to look, and never a credential in plain text."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from drillbook.errors import ConfigError
from drillbook.model.environment import EnvironmentClass, SecretReference
from drillbook.policy import load_environment, load_policy
from tests.policy.texts import ENVIRONMENT, POLICY, changed, written

FILE = "environments/prod.yaml"
BY_REFERENCE = (
    "expected a credential by reference ({env: NAME}, {file: PATH} or {secret: {namespace, name, key}}), "
    "never in plain text"
)


def said_of(folder: Path, text: str) -> str:
    policy = load_policy(written(folder, POLICY))
    written(folder, text, FILE)
    with pytest.raises(ConfigError) as caught:
        load_environment(folder, "prod", policy)
    return str(caught.value).replace(f"{folder}/", "")


CASES = {
    "unknown-class": (
        "class: production", "class: produktion",
        f"{FILE}:3: class: unknown class 'produktion'; did you mean 'production'?",
    ),
    "no-class": (
        "class: production\n", "",
        f"{FILE}:1: class: expected one of sandbox, staging, production, found nothing: this key is required",
    ),
    "unknown-key": (
        "drills: allowed", "drill: allowed",
        f"{FILE}:5: drill: unknown key; did you mean 'drills'?",
    ),
    "unknown-component": (
        "  database: {", "  databse: {",
        f"{FILE}:8: components.databse: the policy has no component 'databse'; did you mean 'database'?",
    ),
    "drills-on-a-cluster-without-uid": (
        ", uid: 0f0e0d0c-1111-2222-3333-444455556666", "",
        f"{FILE}:5: drills: drills are allowed only on a cluster known by its UID: say cluster.uid",
    ),
    "drills-in-production-that-nothing-bounds": (
        ", outage: 30 s", "",
        f"{FILE}:5: drills: drills are allowed in production only with leash.outage: the longest that one may cost",
    ),
    "more-than-all-pods": (
        "percent: 50", "percent: 101",
        f"{FILE}:9: leash.percent: expected a whole number from 0 to 100, found the number 101",
    ),
    "a-uid-that-is-none": (
        "0f0e0d0c-1111-2222-3333-444455556666", "prod-cluster",
        f"{FILE}:4: cluster.uid: expected the UID of the namespace kube-system, found 'prod-cluster'",
    ),
    "a-sandbox-in-production": (
        "class: production", "class: production\nsandbox: orders",
        f"{FILE}:4: sandbox: expected no sandbox in an environment of class production",
    ),
    "a-cluster-of-a-sandbox": (
        "class: production", "class: sandbox",
        f"{FILE}:4: cluster: a sandbox's cluster is known from its state; expected no cluster here",
    ),
    "an-address-that-is-none": (
        "https://api.example.com", "api example com",
        f"{FILE}:7: components.api.address: expected an address such as https://api.example.com or db.internal:5432",
    ),
    "two-references": (
        "{env: DB_PASSWORD}", "{env: DB_PASSWORD, file: password.txt}",
        f"{FILE}:8: components.database.password: {BY_REFERENCE}; found 2 references instead of one",
    ),
    "half-a-secret": (
        "{env: DB_PASSWORD}", "{secret: {namespace: shop, name: db}}",
        f"{FILE}:8: components.database.password.secret.key: expected text, found nothing: this key is required",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_each_mistake_is_told_with_its_line_and_field(tmp_path: Path, case: str) -> None:
    old, new, expected = CASES[case]
    assert said_of(tmp_path, changed(ENVIRONMENT, old, new)) == expected


def test_an_environment_says_where_to_look(tmp_path: Path) -> None:
    written(tmp_path, ENVIRONMENT, FILE)
    environment = load_environment(tmp_path, "prod")
    assert (environment.name, environment.environment_class) == ("prod", EnvironmentClass.PRODUCTION)
    assert environment.kubeconfig == tmp_path / "environments" / "kube" / "config"
    assert environment.context == "prod"
    assert environment.cluster_uid == "0f0e0d0c-1111-2222-3333-444455556666"
    assert environment.drills_allowed
    assert (environment.most_pods, environment.most_percent) == (2, 50)
    assert environment.outage_budget == timedelta(seconds=30)
    assert environment.components["api"].address == "https://api.example.com"
    assert environment.components["api"].ca == tmp_path / "environments" / "ca.crt"
    assert environment.components["database"].password == SecretReference(env="DB_PASSWORD")


@pytest.mark.parametrize(
    ("written_as", "shown_as"),
    [
        ("{env: DB_PASSWORD}", "$DB_PASSWORD"),
        ("{file: /run/secrets/db}", "file /run/secrets/db"),
        ("{secret: {namespace: shop, name: db, key: password}}", "Secret shop/db key password"),
    ],
)
def test_a_credential_is_a_reference_in_one_of_three_ways(tmp_path: Path, written_as: str, shown_as: str) -> None:
    written(tmp_path, changed(ENVIRONMENT, "{env: DB_PASSWORD}", written_as), FILE)
    assert str(load_environment(tmp_path, "prod").components["database"].password) == shown_as


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("{env: DB_PASSWORD}", "hunter2"),
        ("{env: DB_PASSWORD}", "[hunter2]"),
        ("{env: DB_PASSWORD}", "{env: hunter2!}"),
        ("{env: DB_PASSWORD}", "{value: hunter2}"),
        ("password: {env: DB_PASSWORD}", "passwd: hunter2"),
        ('{address: "db.internal:5432", password: {env: DB_PASSWORD}}', "hunter2"),
        ('"db.internal:5432"', '"postgres://orders:hunter2@db.internal:5432"'),
        ('"db.internal:5432"', '"https://orders:hunter2@db.internal:5432"'),
        ("{env: DB_PASSWORD}", "'hunter2"),
    ],
)
def test_a_credential_in_plain_text_is_refused_and_never_repeated(tmp_path: Path, old: str, new: str) -> None:
    said = said_of(tmp_path, changed(ENVIRONMENT, old, new))
    assert said.startswith(f"{FILE}:")
    assert "hunter2" not in said


def test_a_password_in_plain_text_says_how_to_write_it(tmp_path: Path) -> None:
    said = said_of(tmp_path, changed(ENVIRONMENT, "{env: DB_PASSWORD}", "hunter2"))
    assert said == f"{FILE}:8: components.database.password: {BY_REFERENCE}"


def test_a_sandbox_is_called_like_its_system_unless_the_file_says_otherwise(tmp_path: Path) -> None:
    system = tmp_path / "orders"
    text = "apiVersion: drillbook/v1\nkind: Environment\nclass: sandbox\n"
    written(system, text, "environments/sandbox.yaml")
    assert load_environment(system, "sandbox").sandbox == "orders"
    written(system, text + "sandbox: other\n", "environments/sandbox.yaml")
    assert load_environment(system, "sandbox").sandbox == "other"


def test_drills_are_forbidden_where_the_file_does_not_speak_of_them(tmp_path: Path) -> None:
    written(tmp_path, "apiVersion: drillbook/v1\nkind: Environment\nclass: staging\n", FILE)
    assert not load_environment(tmp_path, "prod").drills_allowed


def test_an_unknown_environment_names_those_that_there_are(tmp_path: Path) -> None:
    written(tmp_path, ENVIRONMENT, FILE)
    with pytest.raises(ConfigError, match=r"no environment 'production' in .*environments; known are prod$"):
        load_environment(tmp_path, "production")


@pytest.mark.parametrize("name", ["../prod", "prod/..", "", "/etc/passwd", "environments/prod"])
def test_an_environment_is_a_name_and_never_a_path(tmp_path: Path, name: str) -> None:
    written(tmp_path, ENVIRONMENT, FILE)
    with pytest.raises(ConfigError, match="no environment"):
        load_environment(tmp_path, name)
