"""A system of its own in a folder of the test: one API on loopback, three objectives, no cluster."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

POLICY = """
apiVersion: drillbook/v1
kind: Policy
metadata: {name: shop, namespace: shop}
runbook: {document: shop.md, title: Shop - Operations Runbook}
components:
  api: {workload: deployment/api, health: /health, routes: [GET /orders]}
objectives:
  - id: health
    indicator: http.health
    component: api
    limit: "== 200"
    severity: critical
    source: {section: Health, line: 3}
  - id: error-ratio
    indicator: http.error_ratio
    component: api
    parameters: {requests: 100, rate: 200}
    limit: "<= 5 %"
    severity: high
    source: {section: Limits, line: 7}
  - id: replicas
    indicator: workload.ready_replicas
    component: api
    limit: ">= 2"
    severity: high
    source: {section: Limits, line: 8}
"""
WAIVERS = """
apiVersion: drillbook/v1
kind: Waivers
waivers:
  - objective: error-ratio
    owner: shop-team
    reason: the old gateway is replaced in spring
    expires: 2999-12-31
    ceiling: "<= 30 %"
"""


def write_system(folder: Path, port: int, *, policy: str = POLICY, waivers: str = "", kubeconfig: str = "gone") -> Path:
    """``systems/shop`` below ``folder``, its API at a port of loopback; returns ``folder``."""
    system = folder / "systems" / "shop"
    (system / "environments").mkdir(parents=True)
    (system / "policy.yaml").write_text(policy)
    if waivers:
        (system / "waivers.yaml").write_text(waivers)
    (system / "environments" / "test.yaml").write_text(
        dedent(
            f"""
            apiVersion: drillbook/v1
            kind: Environment
            class: staging
            cluster: {{kubeconfig: {kubeconfig}}}
            components:
              api: {{address: "127.0.0.1:{port}"}}
            """
        )
    )
    return folder
