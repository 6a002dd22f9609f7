"""rag7's provider of language models can be told to say 429, and its application shows what the runbook looks for."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from drillbook.sandbox import lifecycle
from drillbook.sandbox.misbehave import set_switches
from tests.systems.running import Kubectl

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def rag7() -> Iterator[tuple[str, str]]:
    """The sandbox's name, and the address of the application's Service."""
    name = f"provider-{os.getpid()}"
    record = lifecycle.up("rag7", name, leash=os.getpid(), timeout=120).record
    yield name, f"http://{service(record.kubeconfig)}:8123"
    lifecycle.down(name)


def service(kubeconfig: str) -> str:
    """The cluster address of the application's Service."""
    words = ("get", "service", "langgraph", "-n", "rag7", "-o", "jsonpath={.spec.clusterIP}")
    return Kubectl(kubeconfig)(*words)


def ask(address: str, prompt: str) -> tuple[int, str]:
    """Status and body of a completion."""
    body = json.dumps({"prompt": prompt}).encode()
    request = urllib.request.Request(f"{address}/completions", body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=20) as response:
            return int(response.status), response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_the_providers_rate_limit_reaches_the_caller_but_not_for_what_is_cached(rag7: tuple[str, str]) -> None:
    name, address = rag7
    assert ask(address, "known")[0] == 200
    set_switches(name, "llm-provider", error_ratio=1.0, error_status=429)
    try:
        assert ask(address, "new")[0] == 429
        status, body = ask(address, "known")
        assert (status, json.loads(body)["cached"]) == (200, True)
    finally:
        set_switches(name, "llm-provider")
    assert ask(address, "new")[0] == 200


def test_the_rate_limit_shows_in_metrics_and_log(rag7: tuple[str, str]) -> None:
    name, address = rag7
    set_switches(name, "llm-provider", error_ratio=1.0, error_status=429)
    try:
        for number in range(20):
            assert ask(address, f"other {number}")[0] == 429
    finally:
        set_switches(name, "llm-provider")
    with urllib.request.urlopen(f"{address}/metrics", timeout=20) as response:
        assert "provider_rate_limit_errors_total" in response.read().decode()
