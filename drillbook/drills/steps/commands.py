"""Steps that run a command: in a pod that is there, through psql or redis-cli, or in a pod of their own.

What a command prints is looked at and forgotten: of a failed one, the first line of what it wrote to standard error
is told, with whatever looks like a credential masked. Standard output is data, and never told; redis-cli and a pod's
log have both in one, and of those the first line is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from drillbook.drills.steps.ground import Ground, Way, component_of, seconds_of
from drillbook.drills.steps.workloads import may
from drillbook.errors import ConfigError, DrillAborted
from drillbook.faults.places import exec_permissions
from drillbook.faults.workloads import is_going, is_ready, read_workload, workload_of
from drillbook.model.policy import Component, Policy
from drillbook.model.procedures import Entry

if TYPE_CHECKING:
    from drillbook.clients.kube import Permission
    from drillbook.clients.kube_exec import Execution

LONGEST: Final = 160
"""Characters of a command's error that are told."""
READ_ONLY: Final = "-c default_transaction_read_only=on"
PSQL: Final = (
    'export PGPASSWORD="${PGPASSWORD:-${POSTGRES_PASSWORD:-}}" PGCONNECT_TIMEOUT=5 PGOPTIONS="$1"; shift; '
    'exec psql --no-psqlrc --no-password --quiet --tuples-only --no-align --set=ON_ERROR_STOP=1 "$@"'
)
"""The password is the one that the image's own start script was given; it doesn't leave the pod."""
_CREDENTIAL: Final = re.compile(
    r"(://[^:/\s]*:)[^@\s]+@"
    r"|((?:password|passwd|pwd|secret|token|key|authorization)[\"']?\s*[=:]\s*[\"']?(?:bearer\s+|basic\s+)?"
    r"|\bbearer\s+)[^\s\"',;}]+",
    re.IGNORECASE,
)
"""In an URL, after a name that says so, and a token of HTTP."""


class Spot(NamedTuple):
    """A container in which a command can be run."""

    namespace: str
    pod: str
    container: str

    def __str__(self) -> str:
        return f"pod {self.pod}"


async def spot_of(ground: Ground, component: Component, container: str | None = None) -> Spot:
    """The named container, else the first, of a running pod, ready ones first. Raises DrillAborted without one."""
    workload = workload_of(component)
    pods = (await read_workload(ground.kube, workload, component.namespace)).pods
    running = [pod for pod in pods if (pod.get("status") or {}).get("phase") == "Running" and not is_going(pod)]
    for pod in sorted(running, key=lambda p: (not is_ready(p), p["metadata"]["name"])):
        names = [one["name"] for one in pod["spec"]["containers"]]
        if container is not None and container not in names:
            raise ConfigError(f"expected container {container!r} in {workload}, found {', '.join(names)}")
        return Spot(component.namespace, pod["metadata"]["name"], container or names[0])
    raise DrillAborted(f"expected a running pod of {workload} to run the command in, found none of {len(pods)}")


async def run_in(ground: Ground, spot: Spot, command: list[str], seconds: float) -> Execution:
    """Run a command there, without a shell and without standard input."""
    from drillbook.clients.kube_exec import execute

    answer = await execute(ground.kube, *spot, command, timeout=seconds)
    ground.printed.extend((answer.stdout, answer.stderr))
    return answer


def told(text: str) -> str:
    """The first line of what a command said, masked and cut."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    masked = _CREDENTIAL.sub(lambda m: f"{m[1]}***@" if m[1] else f"{m[2]}***", lines[0] if lines else "")
    return masked if len(masked) <= LONGEST else f"{masked[: LONGEST - 3]}..."


def expect(found: int, expected: int, what: str, said: str) -> None:
    """Raises DrillAborted where a command ended otherwise than it should."""
    if found != expected:
        words = f": {told(said)}" if said.strip() else ", and it said nothing of why"
        raise DrillAborted(f"expected exit code {expected} of {what}, found {found}{words}")


async def run(ground: Ground, step: Entry) -> str:
    """A command in a pod of the component."""
    spot = await spot_of(ground, ground.component(step), step.values["container"])
    answer = await run_in(ground, spot, list(step.values["command"]), seconds_of(step))
    expect(answer.exit_code, step.values["exit_code"], f"{step.values['command'][0]} in {spot}", answer.stderr)
    return f"{step.values['command'][0]} ended with {answer.exit_code} in {spot}"


async def sql(ground: Ground, step: Entry) -> str:
    """Each statement in a transaction of its own; the first that fails ends it."""
    component = ground.component(step)
    spot = await spot_of(ground, component)
    statements = [word for one in step.values["statements"] for word in ("-c", one)]
    whom = ["--username", component.user or "postgres", "--dbname", step.values["database"] or component.database or ""]
    options = "" if step.values["writes"] else READ_ONLY
    words = ["sh", "-c", PSQL, "sh", options, *whom, *statements]
    answer = await run_in(ground, spot, words, seconds_of(step))
    expect(answer.exit_code, 0, f"psql in {spot}", answer.stderr)
    return f"{len(step.values['statements'])} statements were executed in {spot}"


async def redis(ground: Ground, step: Entry) -> str:
    """One command; with ``-e`` the server's no is redis-cli's own exit code."""
    spot = await spot_of(ground, ground.component(step))
    answer = await run_in(ground, spot, ["redis-cli", "-e", *step.values["command"]], seconds_of(step))
    expect(answer.exit_code, 0, f"redis-cli {step.values['command'][0]} in {spot}", _reply(answer))
    return f"{step.values['command'][0]} was answered in {spot}"


async def redis_delete(ground: Ground, step: Entry) -> str:
    """Every key of a pattern, found by SCAN, which doesn't block the server as KEYS does."""
    spot = await spot_of(ground, ground.component(step))
    scan = ["redis-cli", "--scan", "--pattern", step.values["pattern"]]
    answer = await run_in(ground, spot, scan, seconds_of(step))
    expect(answer.exit_code, 0, f"redis-cli --scan in {spot}", _reply(answer))
    keys = [line for line in answer.stdout.splitlines() if line]
    for first in range(0, len(keys), 100):
        page = ["redis-cli", "-e", "DEL", *keys[first : first + 100]]
        answer = await run_in(ground, spot, page, seconds_of(step))
        expect(answer.exit_code, 0, f"redis-cli DEL in {spot}", _reply(answer))
    return f"{len(keys)} keys of {step.values['pattern']} are deleted"


def _reply(answer: Execution) -> str:
    """The server's no is a reply like any other, on standard output."""
    return answer.stderr.strip() or answer.stdout


def exec_needs(policy: Policy, step: Entry) -> tuple[Permission, ...]:
    """To find a pod, and to run something in it."""
    own: tuple[Permission, ...] = may()(policy, step)
    return (*own, *exec_permissions(component_of(policy, step).namespace))


def _command(step: Entry) -> str:
    words = " ".join(step.values["command"])
    return words if len(words) <= 60 else f"{words[:57]}..."


def _statements(step: Entry) -> str:
    first = " ".join(step.values["statements"][0].split())
    more = f" and {len(step.values['statements']) - 1} more" if len(step.values["statements"]) > 1 else ""
    return (first if len(first) <= 60 else f"{first[:57]}...") + more


WAYS: Final[Mapping[str, Way]] = {
    "exec": Way(run, exec_needs, _command),
    "sql": Way(sql, exec_needs, _statements),
    "redis": Way(redis, exec_needs, _command),
    "redis_delete": Way(redis_delete, exec_needs, lambda step: str(step.values["pattern"])),
}
