"""Two hundred pods at once."""

from __future__ import annotations

import time

from tests.robustness.ground import DEPLOYMENTS, Ground, deployment, until

PODS = 200


def test_two_hundred_pods_become_ready_and_go_without_a_trace(bare: Ground) -> None:
    before, began = bare.footprint(), time.monotonic()
    bare.api.json("POST", DEPLOYMENTS, deployment("many", PODS))
    until(lambda: len(bare.ready("many-")) == PODS, lambda: f"{len(bare.ready('many-'))} pods to be {PODS}", 400)
    up = time.monotonic() - began
    assert len({pod["status"]["podIP"] for pod in bare.pods("many-")}) == PODS
    memory = bare.memory()
    began = time.monotonic()
    bare.api.json("DELETE", f"{DEPLOYMENTS}/many")
    until(lambda: not bare.pods("many-"), lambda: f"{len(bare.pods('many-'))} pods to be gone", 400)
    bare.settles_at(before)
    print(f"{PODS} pods Ready in {up:.1f} s with {memory:.1f} MiB, gone in {time.monotonic() - began:.1f} s; {before}")
