"""A small valid policy, and ways to make one thing in it wrong."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from drillbook.errors import ConfigError
from drillbook.policy import load_policy

POLICY = """\
apiVersion: drillbook/v1
kind: Policy
metadata: {name: orders, namespace: shop}
runbook: {document: runbook.txt, title: Orders Runbook}
severities:
  P0: {severity: critical, response: 15 min, resolution: 1 h, source: {section: Levels, line: 3}}
  P3: {severity: low, source: {section: Levels, line: 6}}
components:
  api:
    workload: deployment/backend
    port: 8000
    health: /health
    routes: [GET /orders]
    writes: {write: {method: POST, path: /orders, body: {key: "{key}"}}, read: "GET /orders/{key}"}
  database: {workload: statefulset/db, engine: postgres, database: orders, user: orders}
  mail: {service: mail}
objectives:
  - id: api-latency
    indicator: http.latency
    component: api
    parameters: {percentile: 95}
    limit: "<= 2 s"
    severity: high
    source: {section: Key Metrics, line: 12}
  - id: db-connections
    indicator: database.connections
    component: database
    limit: "<= 80"
    severity: P0
    source: {section: Key Metrics, lines: [14, 15]}
    note: Client sessions only.
  - id: backend-cpu
    indicator: workload.cpu
    component: api
    parameters: {bound: limit}
    limit: "== 2000m"
    severity: low
    source: {section: Table, line: 20}
procedures:
  - id: restart
    source: {section: Playbook, lines: [30, 40]}
    recovers: [db-kill]
    within: 15m
    steps:
      - {type: wait_ready, component: database, within: 5 min, line: 31}
      - {type: rollout_restart, component: api, line: 35}
      - {type: scale, component: api, replicas: 0}
drills:
  - id: db-kill
    experiment: database-kill
    component: database
    level: P0
    recovery: procedure
    procedure: restart
    source: {section: Levels, line: 3}
"""

WAIVERS = """\
apiVersion: drillbook/v1
kind: Waivers
waivers:
  - objective: api-latency
    owner: platform team
    reason: the cache is being moved
    expires: 2026-12-31
    ceiling: "<= 3 s"
    ticket: OPS-212
"""

ENVIRONMENT = """\
apiVersion: drillbook/v1
kind: Environment
class: production
cluster: {kubeconfig: kube/config, context: prod, uid: 0f0e0d0c-1111-2222-3333-444455556666}
drills: allowed
components:
  api: {address: "https://api.example.com", ca: ca.crt}
  database: {address: "db.internal:5432", password: {env: DB_PASSWORD}}
leash: {pods: 2, percent: 50, outage: 30 s}
"""


def changed(text: str, old: str, new: str) -> str:
    """``text`` with its one ``old`` replaced."""
    assert text.count(old) == 1, f"{old!r} is there {text.count(old)} times"
    return text.replace(old, new)


def written(folder: Path, text: str, name: str = "policy.yaml") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dedent(text), encoding="utf-8")
    return path


def complaint(folder: Path, text: str) -> str:
    """What is said of a policy with that text; the folder's name left out."""
    path = written(folder, text)
    with pytest.raises(ConfigError) as caught:
        load_policy(path)
    return str(caught.value).replace(f"{folder}/", "")
