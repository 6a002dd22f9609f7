"""Image names are read as a container runtime reads them, and the table knows which it carries."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillbook.sandbox.images import resolve
from drillbook.sandbox.images.reference import ImageReference

PARTS = st.from_regex(r"[a-z0-9]+([._-][a-z0-9]+)*", fullmatch=True)
REPOSITORIES = st.builds(
    lambda host, path: "/".join([*host, *path]),
    st.sampled_from([[], ["docker.io", "library"], ["localhost:5000"], ["ghcr.io", "org"]]),
    st.lists(PARTS, min_size=1, max_size=3),
)
TAGS = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,30}", fullmatch=True)


@given(REPOSITORIES, TAGS, st.sampled_from(["", "@sha256:" + "a" * 64]))
def test_repository_and_tag_are_told_apart_whatever_the_registry_and_digest(
    repository: str, tag: str, digest: str
) -> None:
    assert ImageReference.parse(f"{repository}:{tag}{digest}") == ImageReference(repository, tag)
    assert ImageReference.parse(f"{repository}{digest}") == ImageReference(repository, "latest")


@pytest.mark.parametrize(
    ("image", "program"),
    [
        ("postgres", "postgres_server"),
        ("docker.io/library/postgres:16-alpine@sha256:0123", "postgres_server"),
        ("localhost:5000/postgres", "postgres_server"),
        ("redis:7-alpine", "redis_server"),
        ("valkey/valkey:9", "redis_server"),
        ("ghcr.io/org/solar-pv-backend:v1.2.3", "backend"),
        ("ghcr.io/org/solar-pv-frontend:v1.2.3", "frontend"),
        ("ghcr.io/org/solar-pv-worker:v0.10.0", "worker"),
        ("ghcr.io/org/solar-pv-flower:1.2.3", "flower"),
        ("drillbook/refapp:anything", "drillbook.sandbox.refapp"),
        ("curlimages/curl", "curl"),
    ],
)
def test_a_name_in_the_table_starts_its_program(image: str, program: str) -> None:
    found = resolve(image)
    assert found is not None
    assert found.entrypoint[-1].endswith(program)


@pytest.mark.parametrize(
    "image",
    [
        "",
        "mysql:8",
        "somebody/solar-pv-backend:v1.2.3",
        "ghcr.io/org/solar-pv-backend:v1.2.3-broken",
        "postgres-exporter",
    ],
)
def test_an_image_that_is_not_carried_or_was_never_released_can_not_be_pulled(image: str) -> None:
    assert resolve(image) is None


def test_a_release_says_its_version_to_the_program() -> None:
    found = resolve("ghcr.io/org/solar-pv-backend:v1.2.3")
    assert found is not None
    assert found.env["APP_VERSION"] == "v1.2.3"
