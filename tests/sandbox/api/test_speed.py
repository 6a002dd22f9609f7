"""The numbers that the rest relies on, with room for a busy machine."""

from __future__ import annotations

import json
import subprocess
import sys
import time

from drillbook.sandbox.kinds import CONFIG_MAP, POD
from drillbook.sandbox.store import Store
from tests.sandbox.api import manifests
from tests.sandbox.api.server import ApiServer


def test_five_thousand_objects_are_listed_in_a_moment(api: ApiServer, space: str) -> None:
    def fill() -> None:
        for i in range(5000):
            obj = manifests.pod(f"p{i}")
            obj["metadata"]["namespace"] = space
            obj["status"] = {"phase": "Running"}
            api.store.create(POD, obj)

    api.do(fill)
    path = f"/api/v1/namespaces/{space}/pods"
    took = []
    for _ in range(4):
        started = time.perf_counter()
        answer = api.request("GET", path)
        took.append(time.perf_counter() - started)
    assert len(answer.json()["items"]) == 5000
    assert min(took) < 0.3
    api.request("DELETE", path)
    assert api.request("GET", path).json()["items"] == []


def test_a_thousand_creations_and_deletions_leave_nothing_behind() -> None:
    store = Store()
    for i in range(1000):
        made = store.create(
            CONFIG_MAP, manifests.config_map(f"m{i}") | {"metadata": {"name": f"m{i}", "namespace": "a"}}
        )
        store.encode(CONFIG_MAP, made)
        store.encode(CONFIG_MAP, store.remove(CONFIG_MAP, "a", f"m{i}"))
    assert store.list(CONFIG_MAP) == []
    assert store._encoded == {}


def test_the_server_is_loaded_quickly_and_without_any_client() -> None:
    code = (
        "import sys, time, json; started = time.process_time(); import drillbook.sandbox.api.app; "
        "took = time.process_time() - started; "
        "print(json.dumps([took, [m for m in ('kubernetes', 'yaml', 'trustme') if m in sys.modules]]))"
    )
    took, loaded = json.loads(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)
    assert loaded == []
    assert took < 2
