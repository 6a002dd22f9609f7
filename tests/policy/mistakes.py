"""Mistakes that policies can hold: what to change in a good one into what, and the complaint that follows."""

from __future__ import annotations

CASES = {
    # Keys
    "unknown-key-at-the-top": (
        "kind: Policy", "kind: Policy\nseverity: {}",
        "policy.yaml:3: severity: unknown key; did you mean 'severities'?",
    ),
    "misspelt-key": (
        "    component: database\n    limit:", "    componnent: database\n    limit:",
        "policy.yaml:27: objectives[1].componnent: unknown key; did you mean 'component'?\n"
        "policy.yaml:25: objectives[1].component: expected a component, as database.connections looks at one, "
        "found nothing: this key is required",
    ),
    "key-written-twice": (
        "    severity: high", "    severity: high\n    severity: low",
        "policy.yaml:24: objectives[0].severity: this key is written twice, first on line 23",
    ),
    "unlike-any-key": (
        "port: 8000", "xyzzy: 8000",
        "policy.yaml:11: components.api.xyzzy: unknown key; known are database, engine, health, ingress, namespace, "
        "port, routes, service, user, workload, writes",
    ),
    # The head
    "another-api-version": (
        "drillbook/v1", "drillbook/v9",
        "policy.yaml:1: apiVersion: unknown apiVersion 'drillbook/v9'; did you mean 'drillbook/v1'?",
    ),
    "another-kind": (
        "kind: Policy", "kind: Pod",
        "policy.yaml:2: kind: unknown kind 'Pod'; known are Policy",
    ),
    "no-runbook": (
        "runbook: {document: runbook.txt, title: Orders Runbook}\n", "",
        "policy.yaml:1: runbook: expected the runbook, as {document: ..., title: ...}, "
        "found nothing: this key is required",
    ),
    "a-name-in-capitals": (
        "name: orders,", "name: Orders,",
        "policy.yaml:3: metadata.name: expected a name of lower case letters, digits and dashes, found 'Orders'",
    ),
    # Limits
    "missing-limit": (
        '    limit: "<= 80"\n', "",
        "policy.yaml:25: objectives[1].limit: expected a limit such as \"<= 2 s\", found nothing: this key is required",
    ),
    "unknown-unit": (
        '"<= 2 s"', '"<= 2 sec"',
        "policy.yaml:22: objectives[0].limit: unknown unit 'sec' in '2 sec': a duration takes "
        "'ns', 'us', 'µs', 'ms', 's', 'm', 'min', 'h', 'd', 'w'",
    ),
    "no-unit": (
        '"<= 2 s"', '"<= 2"',
        "policy.yaml:22: objectives[0].limit: no unit in '2': a duration takes "
        "'ns', 'us', 'µs', 'ms', 's', 'm', 'min', 'h', 'd', 'w'",
    ),
    "percent-of-a-count": (
        '"<= 80"', '"<= 80 %"',
        "policy.yaml:28: objectives[1].limit: unknown unit '%' in '80 %': a count takes none: a plain number",
    ),
    "no-comparator": (
        '"<= 80"', "80",
        "policy.yaml:28: objectives[1].limit: expected a comparator (<, <=, >, >=, ==, !=) and a count, found '80'",
    ),
    "a-list-of-limits": (
        '"<= 80"', "[1, 2]",
        "policy.yaml:28: objectives[1].limit: expected a limit such as \"<= 2 s\", found a list",
    ),
    "never-fails": (
        '"<= 80"', '">= 0"',
        "policy.yaml:28: objectives[1].limit: '>= 0' can never fail: database.connections is always at least 0",
    ),
    "never-holds": (
        '"<= 80"', '"< 0"',
        "policy.yaml:28: objectives[1].limit: '< 0' can never hold: database.connections is always at least 0",
    ),
    # Objectives
    "duplicate-id": (
        "- id: db-connections", "- id: api-latency",
        "policy.yaml:25: objectives[1].id: 'api-latency' is taken already, on line 18",
    ),
    "unknown-indicator": (
        "database.connections", "database.conections",
        "policy.yaml:26: objectives[1].indicator: unknown indicator 'database.conections'; "
        "did you mean 'database.connections'?",
    ),
    "unknown-component": (
        "    component: database\n    limit:", "    component: databse\n    limit:",
        "policy.yaml:27: objectives[1].component: unknown component 'databse'; did you mean 'database'?",
    ),
    "component-without-an-engine": (
        "    component: database\n    limit:", "    component: mail\n    limit:",
        "policy.yaml:27: objectives[1].component: database.connections needs engine, "
        "and components.mail doesn't say it",
    ),
    "no-route-to-sample": (
        "routes: [GET /orders]", "routes: [POST /orders]",
        "policy.yaml:20: objectives[0].component: http.latency needs a GET route, and components.api.routes has none",
    ),
    "missing-parameter": (
        "    parameters: {percentile: 95}\n", "",
        "policy.yaml:18: objectives[0].parameters: http.latency requires the parameter percentile: "
        "expected a number from 0 to 100",
    ),
    "parameter-out-of-range": (
        "percentile: 95", "percentile: 101",
        "policy.yaml:21: objectives[0].parameters.percentile: expected a number from 0 to 100, found the number 101",
    ),
    "parameter-of-another-type": (
        "percentile: 95", "percentile: p95",
        "policy.yaml:21: objectives[0].parameters.percentile: expected a number from 0 to 100, found the text 'p95'",
    ),
    "parameter-that-is-no-number": (
        "percentile: 95", "percentile: .nan",
        "policy.yaml:21: objectives[0].parameters.percentile: expected a number from 0 to 100, found the number .nan",
    ),
    "parameter-that-is-no-choice": (
        "bound: limit", "bound: limits",
        "policy.yaml:35: objectives[2].parameters.bound: expected one of request, limit, found the text 'limits'; "
        "did you mean 'limit'?",
    ),
    "parameter-of-another-indicator": (
        "percentile: 95", "percentile: 95, bound: limit",
        "policy.yaml:21: objectives[0].parameters.bound: unknown key; known are percentile, rate, requests",
    ),
    "unknown-severity": (
        "severity: P0\n    source", "severity: P1\n    source",
        "policy.yaml:29: objectives[1].severity: unknown severity 'P1'; known are P0, P3, critical, high, low, medium",
    ),
    "line-zero": (
        "line: 12", "line: 0",
        "policy.yaml:24: objectives[0].source.line: expected a line number (a whole number above zero), "
        "found the number 0",
    ),
    "line-as-text": (
        "line: 12", "line: L12",
        "policy.yaml:24: objectives[0].source.line: expected a line number (a whole number above zero), "
        "found the text 'L12'",
    ),
    "lines-backwards": (
        "lines: [14, 15]", "lines: [15, 14]",
        "policy.yaml:30: objectives[1].source.lines: expected two line numbers such as [12, 20], "
        "the first not above the second, found [15, 14]",
    ),
    "line-and-lines": (
        "line: 12", "line: 12, lines: [12, 13]",
        "policy.yaml:24: objectives[0].source.lines: expected either line or lines, found both",
    ),
    "no-line": (
        "{section: Key Metrics, line: 12}", "{section: Key Metrics}",
        "policy.yaml:24: objectives[0].source.line: expected a line number (a whole number above zero), "
        "found nothing: this key is required",
    ),
    "no-source": (
        "    source: {section: Key Metrics, line: 12}\n", "",
        "policy.yaml:18: objectives[0].source: expected the section and line of the runbook that says so, "
        "found nothing: this key is required",
    ),
    "number-where-text-belongs": (
        "section: Key Metrics, line: 12", "section: 7, line: 12",
        "policy.yaml:24: objectives[0].source.section: expected text, found the number 7: "
        "put it in quotes if it is meant as text",
    ),
    # Components
    "port-out-of-range": (
        "port: 8000", "port: 80000",
        "policy.yaml:11: components.api.port: expected a whole number from 1 to 65535, found the number 80000",
    ),
    "workload-without-kind": (
        "deployment/backend", "backend",
        "policy.yaml:10: components.api.workload: expected a workload such as deployment/backend, found 'backend'",
    ),
    "workload-of-unknown-kind": (
        "deployment/backend", "deploment/backend",
        "policy.yaml:10: components.api.workload: unknown workload kind 'deploment'; did you mean 'deployment'?",
    ),
    "route-without-method": (
        "[GET /orders]", "[/orders]",
        "policy.yaml:13: components.api.routes[0]: expected a request such as 'GET /orders', found the text '/orders'",
    ),
    "write-that-carries-no-key": (
        'body: {key: "{key}"}', "body: {key: fixed}",
        "policy.yaml:14: components.api.writes.write: expected {key} in the path or the body, "
        "to tell one write from another; found none",
    ),
    "postgres-without-user": (
        "database: orders, user: orders", "database: orders",
        "policy.yaml:15: components.database.engine: a postgres component needs the keys database and user",
    ),
    "component-without-anything": (
        "mail: {service: mail}", "mail:",
        "policy.yaml:16: components.mail: expected a mapping, found nothing",
    ),
    "no-namespace": (
        "metadata: {name: orders, namespace: shop}\nrunbook", "metadata: {name: orders}\nrunbook",
        "policy.yaml:10: components.api.namespace: expected a namespace here or in metadata.namespace, "
        "found nothing: this key is required\n"
        "policy.yaml:15: components.database.namespace: expected a namespace here or in metadata.namespace, "
        "found nothing: this key is required\n"
        "policy.yaml:16: components.mail.namespace: expected a namespace here or in metadata.namespace, "
        "found nothing: this key is required",
    ),
    # Severities, procedures, drills
    "time-without-unit": (
        "response: 15 min", "response: 15",
        "policy.yaml:6: severities.P0.response: no unit in '15': a duration takes "
        "'ns', 'us', 'µs', 'ms', 's', 'm', 'min', 'h', 'd', 'w'",
    ),
    "no-time-at-all": (
        "response: 15 min", "response: 0 s",
        "policy.yaml:6: severities.P0.response: expected a duration above zero, found '0 s'",
    ),
    "recovers-no-name": (
        "recovers: [db-kill]", "recovers: [db-kill, [x]]",
        "policy.yaml:42: procedures[0].recovers[1]: expected a name of lower case letters, digits and dashes, "
        "found a list",
    ),
    "procedure-without-steps": (
        "    steps:\n      - {type: wait_ready, component: database, within: 5 min, line: 31}\n"
        "      - {type: rollout_restart, component: api, line: 35}\n"
        "      - {type: scale, component: api, replicas: 0}\n",
        "    steps: []\n",
        "policy.yaml:44: procedures[0].steps: expected a list of at least one step, or document_only with the reason, "
        "found an empty list",
    ),
    "unknown-step": (
        "type: rollout_restart", "type: rolout_restart",
        "policy.yaml:46: procedures[0].steps[1].type: unknown step type 'rolout_restart'; "
        "did you mean 'rollout_restart'?",
    ),
    "key-of-another-step": (
        "type: rollout_restart,", "type: rollout_restart, replicas: 3,",
        "policy.yaml:46: procedures[0].steps[1].replicas: a rollout_restart step has no such key; "
        "known are component, line, lines, note, type, within",
    ),
    "step-without-a-workload": (
        "{type: rollout_restart, component: api", "{type: rollout_restart, component: mail",
        "policy.yaml:46: procedures[0].steps[1].component: a rollout_restart step needs a workload, "
        "and components.mail doesn't say one",
    ),
    "drill-without-a-limit": (
        "level: P0", "level: P3",
        "policy.yaml:52: drills[0].level: severities.P3 has no resolution time, "
        "so nothing limits this drill's recovery: say within: the time that the runbook gives, or required where it "
        "gives none",
    ),
    "drill-without-a-level": (
        "    level: P0\n", "",
        "policy.yaml:49: drills[0].within: there is no level, so nothing limits this drill's recovery: "
        "say within: the time that the runbook gives, or required where it gives none",
    ),
    "drill-that-asks-for-a-time-that-is-there": (
        "level: P0", "level: P0\n    within: required",
        "policy.yaml:53: drills[0].within: expected no required time: severities.P0 has a resolution time",
    ),
    "drill-with-a-bad-time": (
        "level: P0", "within: 15",
        "policy.yaml:52: drills[0].within: no unit in '15': a duration takes 'ns', 'us', 'µs', 'ms', 's', 'm', 'min', "
        "'h', 'd', 'w'",
    ),
    "drill-with-an-unknown-level": (
        "level: P0", "level: P9",
        "policy.yaml:52: drills[0].level: unknown severity level 'P9'; known are P0, P3",
    ),
    "drill-with-an-unknown-experiment": (
        "experiment: database-kill", "experiment: databse-kill",
        "policy.yaml:50: drills[0].experiment: unknown experiment 'databse-kill'; did you mean 'database-kill'?",
    ),
    "drill-with-an-unknown-procedure": (
        "    procedure: restart", "    procedure: restrat",
        "policy.yaml:54: drills[0].procedure: unknown procedure 'restrat'; did you mean 'restart'?",
    ),
    "procedure-that-nobody-follows": (
        "recovery: procedure", "recovery: self",
        "policy.yaml:54: drills[0].procedure: expected no procedure, as recovery is self; "
        "say recovery: procedure to follow it",
    ),
}  # fmt: skip
