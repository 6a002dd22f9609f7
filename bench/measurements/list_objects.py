"""A list of 5,000 objects, to its last byte."""

from __future__ import annotations

import time

from bench.ground import Ground
from bench.measurement import Measurement

OBJECTS = 5_000
RUNS = 15
NAMESPACE = "bench"
PATH = f"/api/v1/namespaces/{NAMESPACE}/configmaps"


def take(ground: Ground) -> list[float]:
    api = ground.api()
    api.raw("POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
    for number in range(OBJECTS):
        body = {"metadata": {"name": f"settings-{number:05}"}, "data": {"number": str(number), "text": "x" * 100}}
        api.raw("POST", PATH, body)
    samples = []
    for _ in range(RUNS):
        started = time.perf_counter()
        data = api.raw("GET", PATH)
        samples.append(1000 * (time.perf_counter() - started))
    found = data.count(b'"settings-')
    if found < OBJECTS:
        raise RuntimeError(f"expected a list of {OBJECTS} ConfigMaps, found {found}")
    api.raw("DELETE", f"/api/v1/namespaces/{NAMESPACE}")
    return samples


MEASUREMENT = Measurement("list-5000", "list of 5,000 ConfigMaps through the API", "ms", 150.0, take)
