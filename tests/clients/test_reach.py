"""Where a component is reached: its given address, else its Ingress or Service."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from drillbook.clients.kube import Kube
from drillbook.clients.reach import http_endpoint, ingress_endpoints, tcp_endpoint
from drillbook.errors import ConfigError, DrillbookError, Unreachable
from drillbook.model.environment import Environment, EnvironmentClass, Reach
from drillbook.model.policy import Component

API = Component("api", "shop", service="api", ingress="shop", port=8000)


def ingress(**changes: Any) -> dict[str, Any]:
    def rule(host: str, service: str) -> dict[str, Any]:
        return {"host": host, "http": {"paths": [{"backend": {"service": {"name": service}}}]}}

    base: dict[str, Any] = {
        "metadata": {"namespace": "shop", "name": "shop"},
        "spec": {
            "tls": [{"hosts": ["www.shop.example", "api.shop.example"], "secretName": "tls"}],
            "rules": [rule("www.shop.example", "web"), rule("api.shop.example", "api")],
        },
        "status": {"loadBalancer": {"ingress": [{"ip": "127.0.0.9", "ports": [{"port": 8443}, {"port": 8080}]}]}},
    }
    return base | changes


def environment(address: str | None) -> Environment:
    reaches = {"api": Reach(address=address), "database": Reach(address=address)}
    return Environment("test", EnvironmentClass.STAGING, Path("environments/test.yaml"), components=reaches)


async def no_cluster() -> Kube:
    raise AssertionError("a component with an address of its own needs no cluster")


def test_an_ingress_gives_the_name_of_the_components_own_service_first() -> None:
    found = ingress_endpoints(ingress(), API)
    assert [endpoint.host for endpoint in found] == ["api.shop.example", "www.shop.example"]
    assert found[0].url == "https://api.shop.example:8443"
    assert found[0].address == "127.0.0.9"


def test_a_name_without_tls_takes_the_last_listed_port() -> None:
    plain = ingress(spec=ingress()["spec"] | {"tls": []})
    assert ingress_endpoints(plain, API)[0].url == "http://api.shop.example:8080"


def test_an_ingress_that_lists_no_port_is_at_the_usual_one() -> None:
    usual = ingress(status={"loadBalancer": {"ingress": [{"hostname": "lb.example"}]}})
    found = ingress_endpoints(usual, API)[0]
    assert (found.address, found.port, found.url) == ("lb.example", 443, "https://api.shop.example")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"status": {"loadBalancer": {}}}, "has no address yet"),
        ({"status": {}}, "has no address yet"),
        ({"spec": {"rules": [{"http": {"paths": []}}]}}, "has no rule with a host"),
        ({"spec": {}}, "has no rule with a host"),
    ],
)
def test_an_ingress_that_can_not_be_used_says_why(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Unreachable, match=sentence):
        ingress_endpoints(ingress(**changes), API)


@pytest.mark.parametrize(
    ("address", "url", "port"),
    [
        ("https://api.example.com", "https://api.example.com", 443),
        ("https://api.example.com:8443/", "https://api.example.com:8443", 8443),
        ("http://[::1]:8080", "http://[::1]:8080", 8080),
    ],
)
def test_a_url_in_the_environment_is_taken_as_it_is(address: str, url: str, port: int) -> None:
    found = asyncio.run(http_endpoint(no_cluster, environment(address), API))
    assert (found.url, found.port) == (url, port)


@pytest.mark.parametrize(
    ("address", "expected"), [("db.internal:5432", ("db.internal", 5432)), ("[::1]:1", ("::1", 1))]
)
def test_a_host_and_port_in_the_environment_are_taken_as_they_are(address: str, expected: tuple[str, int]) -> None:
    found = asyncio.run(tcp_endpoint(no_cluster, environment(address), Component("database", "shop")))
    assert (found.address, found.port) == expected


@pytest.mark.parametrize(
    "address", ["ftp://example.com", "https://", "db.internal", "db.internal:port", "db:99999", ":1"]
)
def test_an_address_that_can_not_be_read_names_the_file_and_the_component(address: str) -> None:
    with pytest.raises(
        ConfigError, match=r"environments/test\.yaml: expected host:port or a URL as address of .*'api'"
    ):
        asyncio.run(http_endpoint(no_cluster, environment(address), Component("api", "shop")))


def test_a_component_without_service_and_address_says_what_to_write() -> None:
    with pytest.raises(DrillbookError, match=r"set components\.database\.address in environments/test\.yaml"):
        asyncio.run(tcp_endpoint(no_cluster, environment(None), Component("database", "shop")))
