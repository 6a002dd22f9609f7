"""From the end of a pod of the reference service, by force, until its replacement is Ready."""

from __future__ import annotations

import time
from typing import Any

from bench.api import Api
from bench.ground import NAMESPACE, Ground
from bench.measurement import Measurement

RUNS = 7
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
SELECTOR = "labelSelector=app%3Dbackend"
PATIENCE = 30.0


def take(ground: Ground) -> list[float]:
    api = ground.api()
    return [once(api) for _ in range(RUNS)]


def once(api: Api) -> float:
    before = ready(api)
    started = time.perf_counter()
    api.raw("DELETE", f"{PODS}/{before[0]}?gracePeriodSeconds=0")
    while time.perf_counter() - started < PATIENCE:
        now = ready(api)
        if len(now) == len(before) and before[0] not in now:
            return time.perf_counter() - started
        time.sleep(0.01)
    raise RuntimeError(f"{before[0]} was not replaced within {PATIENCE:g} s")


def ready(api: Api) -> list[str]:
    """Names of the Ready pods."""
    found = api.json("GET", f"{PODS}?{SELECTOR}")["items"]
    return sorted(pod["metadata"]["name"] for pod in found if _is_ready(pod))


def _is_ready(pod: Any) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return "deletionTimestamp" not in pod["metadata"] and any(
        found["type"] == "Ready" and found["status"] == "True" for found in conditions
    )


MEASUREMENT = Measurement("replace-pod", "backend pod killed until its replacement is Ready", "s", 1.5, take)
