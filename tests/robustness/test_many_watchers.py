"""Fifty who watch the same collection."""

from __future__ import annotations

import http.client
import json
import ssl
import threading
from typing import Any

import yaml

from tests.robustness.ground import CONFIG_MAPS, Ground, config_map

WATCHERS, CHANGES = 50, 100
LAST = "last"

type Seen = tuple[str, str, int]
"""Type, name and resource version of an event."""


class Watcher(threading.Thread):
    """Reads a watch until the object called ``last`` is deleted."""

    def __init__(self, ground: Ground, version: str) -> None:
        super().__init__(daemon=True)
        self._ground, self._version = ground, version
        self.seen: list[Seen] = []
        self.objects: dict[str, Any] = {}

    def run(self) -> None:
        config = yaml.safe_load((self._ground.home / "kubeconfig").read_text())
        token = config["users"][0]["user"]["token"]
        host, _, port = self._ground.record["api"].removeprefix("https://").partition(":")
        context = ssl.create_default_context(cafile=str(self._ground.home / "ca.crt"))
        connection = http.client.HTTPSConnection(host, int(port), timeout=60, context=context)
        path = f"{CONFIG_MAPS}?watch=true&resourceVersion={self._version}"
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        for line in answer:
            event = json.loads(line)
            obj = event["object"]
            name = obj["metadata"]["name"]
            self.seen.append((event["type"], name, int(obj["metadata"]["resourceVersion"])))
            if event["type"] == "DELETED":
                del self.objects[name]
                if name == LAST:
                    break
            else:
                self.objects[name] = obj
        answer.close()
        connection.close()


def test_fifty_watchers_see_the_same_events_in_the_same_order(bare: Ground) -> None:
    before = bare.footprint()
    listed = bare.api.json("GET", CONFIG_MAPS)
    watchers = [Watcher(bare, listed["metadata"]["resourceVersion"]) for _ in range(WATCHERS)]
    for watcher in watchers:
        watcher.objects = {obj["metadata"]["name"]: obj for obj in listed["items"]}
        watcher.start()
    for number in range(CHANGES):
        name = f"w{number}"
        bare.api.json("POST", CONFIG_MAPS, config_map(name, step="0"))
        bare.api.json("PUT", f"{CONFIG_MAPS}/{name}", config_map(name, step="1"))
        if number % 2:
            bare.api.json("DELETE", f"{CONFIG_MAPS}/{name}")
    there = {obj["metadata"]["name"]: obj for obj in bare.api.json("GET", CONFIG_MAPS)["items"]}
    bare.api.json("POST", CONFIG_MAPS, config_map(LAST))
    bare.api.json("DELETE", f"{CONFIG_MAPS}/{LAST}")
    for watcher in watchers:
        watcher.join(60)
        assert not watcher.is_alive()
    first = watchers[0].seen
    assert len(first) == 2 * CHANGES + CHANGES // 2 + 2
    versions = [version for _, _, version in first]
    assert versions == sorted(set(versions))
    for watcher in watchers:
        assert watcher.seen == first
        assert {name: _bare(obj) for name, obj in watcher.objects.items()} == {n: _bare(o) for n, o in there.items()}
    bare.api.json("DELETE", CONFIG_MAPS)
    bare.settles_at(before)


def _bare(obj: dict[str, Any]) -> dict[str, Any]:
    """Without what a list leaves out of its items."""
    return {key: value for key, value in obj.items() if key not in {"kind", "apiVersion"}}
