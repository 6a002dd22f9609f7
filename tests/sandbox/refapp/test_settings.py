"""The environment is read as a cluster sets it, and what can't be used is named."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillbook.errors import ConfigError
from drillbook.sandbox.refapp.settings import PORTS, read


@pytest.mark.parametrize("role", PORTS)
def test_an_empty_environment_is_enough(role: str) -> None:
    found = read(role, {})
    assert (found.port, found.control, found.database.host) == (PORTS[role], None, "postgres")


def test_a_port_that_kubernetes_wrote_for_a_service_is_understood() -> None:
    assert read("backend", {"DATABASE_PORT": "tcp://10.0.0.1:5433"}).database.port == 5433


def test_the_cache_is_read_from_its_url() -> None:
    found = read("worker", {"REDIS_URL": "redis://:p%40ss@cache.shop:6380/3"}).cache
    assert (found.host, found.port, found.database, found.password) == ("cache.shop", 6380, 3, "p@ss")


@pytest.mark.parametrize("name", ["PORT", "DATABASE_PORT", "DATABASE_POOL_SIZE", "DRAIN_MILLISECONDS"])
def test_a_number_that_is_none_is_named(name: str) -> None:
    with pytest.raises(ConfigError, match=f"{name}: expected a whole number, found 'many'"):
        read("backend", {name: "many"})


@given(st.text(min_size=12).filter(lambda text: not text.startswith("redis://") and "REDIS_URL" not in text))
def test_a_wrong_cache_url_is_not_repeated_because_it_may_hold_a_password(url: str) -> None:
    with pytest.raises(ConfigError, match="REDIS_URL: expected redis://") as refused:
        read("backend", {"REDIS_URL": url})
    assert url not in str(refused.value)


def test_passwords_are_not_in_what_is_printed_of_the_settings() -> None:
    found = read("backend", {"DATABASE_PASSWORD": "hunter2", "REDIS_URL": "redis://:hunter3@cache"})
    assert "hunter" not in repr(found)


def test_a_provider_is_there_only_where_one_is_named() -> None:
    assert read("backend", {}).provider is None
    url = "http://llm-provider:8080/v1/completions"
    assert read("backend", {"PROVIDER_URL": url}).provider == url
    with pytest.raises(ConfigError, match="PROVIDER_URL: expected http://HOST"):
        read("backend", {"PROVIDER_URL": "llm-provider:8080"})
