"""A system on disk for the fleet: a policy of so many objectives over so many endpoints, and where they are."""

from __future__ import annotations

from pathlib import Path

from bench.fleet.endpoints import addresses

_HEAD = """\
apiVersion: drillbook/v1
kind: Policy
metadata: {name: fleet, namespace: fleet}
runbook: {document: fleet.txt, title: A fleet of endpoints}
components:
"""


def write(folder: Path, objectives: int, endpoints: int, port: int) -> None:
    """``systems/fleet`` below ``folder``: each objective is one request to one endpoint, at a path of its own."""
    system = folder / "systems" / "fleet"
    (system / "environments").mkdir(parents=True)
    hosts = list(enumerate(addresses(endpoints)))
    parts = [f"  endpoint-{n}: {{service: endpoint-{n}, port: {port}}}\n" for n, _ in hosts]
    promises = (
        f"  - id: answers-{n}\n"
        "    indicator: http.body_field\n"
        f"    component: endpoint-{n % endpoints}\n"
        f"    parameters: {{path: /{n}, field: status, attempts: 1}}\n"
        '    limit: "== ok"\n'
        "    severity: high\n"
        f"    source: {{section: Health, line: {n + 1}}}\n"
        for n in range(objectives)
    )
    (system / "policy.yaml").write_text(_HEAD + "".join(parts) + "objectives:\n" + "".join(promises))
    reached = "".join(f"  endpoint-{n}: {{address: 'http://{host}:{port}'}}\n" for n, host in hosts)
    environment = (
        f"apiVersion: drillbook/v1\nkind: Environment\nclass: staging\ndrills: forbidden\ncomponents:\n{reached}"
    )
    (system / "environments" / "local.yaml").write_text(environment)
