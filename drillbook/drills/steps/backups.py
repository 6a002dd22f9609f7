"""Steps on backups: run the backup Job now, and load the newest dump into the database.

A dump is looked at before anything is destroyed: an empty or truncated one ends the step while the old data is there.
What a documented command that doesn't look makes of such a dump is tried on a scratch database, never on the real one.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from drillbook.drills.steps.commands import Spot, exec_needs, expect, run_in, spot_of
from drillbook.drills.steps.ground import Ground, Restored, Way, component_of, seconds_of
from drillbook.errors import DrillAborted
from drillbook.model.policy import Component, Policy
from drillbook.model.procedures import Entry

if TYPE_CHECKING:
    from drillbook.clients.kube import Permission

POLL_SECONDS: Final = 0.3
TRAILER: Final = "PostgreSQL database dump complete"
"""The last line but blanks that pg_dump writes: without it, a dump is cut off, however well it unzips."""
AGE: Final = 'echo $(($(date +%s) - $(stat -L -c %Y -- "$1")))'
"""By the clock that wrote the file."""
NEWEST: Final = 'set -e; newest=$(ls -1t $1 | head -n 1); test -s "$newest"; echo "$newest"'
PLAIN: Final = 'case "$1" in *.gz) gunzip -c "$1";; *) cat "$1";; esac'
"""A dump, packed or not, as it loads."""
UNPACK: Final = f"{PLAIN} > /tmp/drillbook-restore.sql"
LAST_LINES: Final = "tail -n 20 /tmp/drillbook-restore.sql"
LAST_LINES_OF: Final = f"{PLAIN} | tail -n 20"
"""Of a dump that nobody unpacked yet."""
REMOVE: Final = "rm -f /tmp/drillbook-restore.sql"
EMPTY: Final = "DROP SCHEMA public CASCADE; CREATE SCHEMA public;"
_PSQL: Final = "psql --no-psqlrc --no-password --quiet --output=/dev/null"
LOAD: Final = f'exec {_PSQL} "$@" --file=/tmp/drillbook-restore.sql'
PIPE: Final = f'{{ {PLAIN}; }} | {{ shift; exec {_PSQL} "$@"; }}'
"""As runbooks write it: psql's exit code alone counts, and psql goes on after errors and is content with nothing."""
EXISTS: Final = 'set -e; newest=$(ls -1t $1 | head -n 1); test -f "$newest"; echo "$newest"'


async def job_now(ground: Ground, step: Entry) -> str:
    """As ``kubectl create job --from=cronjob/NAME``, and wait for its end; the CronJob owns it like the others."""
    from drillbook.clients.kube import path_of

    namespace, name = ground.component(step).namespace, step.values["cronjob"]
    found = await ground.kube.get(path_of("cronjobs", namespace, name))
    template = found["spec"]["jobTemplate"]
    owner = {"apiVersion": "batch/v1", "kind": "CronJob", "name": name, "uid": found["metadata"]["uid"]}
    annotations = (template.get("metadata") or {}).get("annotations") or {}
    body = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": f"{name[:40]}-{secrets.token_hex(4)}",
            "namespace": namespace,
            "labels": (template.get("metadata") or {}).get("labels") or {},
            "annotations": {**annotations, "cronjob.kubernetes.io/instantiate": "manual"},
            "ownerReferences": [{**owner, "controller": True}],
        },
        "spec": template["spec"],
    }
    created = await ground.kube.create(path_of("jobs", namespace), body)
    await _wait_for_job(ground, namespace, created["metadata"]["name"], seconds_of(step))
    return f"Job {created['metadata']['name']} is complete"


async def _wait_for_job(ground: Ground, namespace: str, job: str, seconds: float) -> None:
    from drillbook.clients.kube import path_of

    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while True:
        status = (await ground.kube.get(path_of("jobs", namespace, job))).get("status") or {}
        for condition in status.get("conditions") or ():
            if condition["status"] == "True" and condition["type"] == "Complete":
                return
            if condition["status"] == "True" and condition["type"] == "Failed":
                said = condition.get("message") or condition.get("reason") or "no reason"
                raise DrillAborted(f"expected Job {job} to complete, found it failed: {said}")
        if loop.time() >= deadline:
            counts = f"{status.get('active', 0)} active, {status.get('failed', 0)} failed pods"
            raise DrillAborted(f"expected Job {job} to complete within {seconds:g} s, found {counts}")
        await asyncio.sleep(POLL_SECONDS)


async def restore(ground: Ground, step: Entry) -> str:
    """The newest dump, looked at and then loaded by psql from the pod that has it.

    With ``empty_first`` into an empty schema and stopping at the first error; without it as runbooks write it, into
    whatever is there. Runbooks don't look at the dump; this is real data, so we do.
    """
    shell = await _Shell.beside(ground, step)
    newest = await shell.run(f"looking for {step.values['path']}", NEWEST, step.values["path"])
    if not step.values["empty_first"]:
        if TRAILER not in await shell.run(f"reading {newest}", LAST_LINES_OF, newest):
            raise DrillAborted(
                f"expected a whole dump in {newest}, found it cut off: nothing was changed, though the documented "
                "command would have loaded it"
            )
        await _remember(ground, shell, newest)
        return await _as_written(shell, newest)
    try:
        await shell.run(f"unpacking {newest}", f"set -e; {UNPACK}", newest)
        if TRAILER not in await shell.run(f"reading {newest}", LAST_LINES):
            raise DrillAborted(f"expected a whole dump in {newest}, found it cut off: nothing was changed")
        first = ("--single-transaction", "--set=ON_ERROR_STOP=1", "--command", EMPTY)
        await _remember(ground, shell, newest)
        await shell.run(f"loading {newest}", LOAD, *shell.whom, *first)
    finally:
        await shell.run("clearing up", REMOVE)
    return f"psql loaded {newest}"


async def restore_as_documented(ground: Ground, step: Entry) -> str:
    """What becomes of the newest dump, whatever it is, where nobody but the procedure looks at it.

    Only for a database that may be destroyed, and a dump that doesn't leave it.
    """
    if step.values["empty_first"]:
        return await restore(ground, step)
    shell = await _Shell.beside(ground, step)
    newest = await shell.run(f"looking for {step.values['path']}", EXISTS, step.values["path"])
    return await _as_written(shell, newest)


@dataclass(frozen=True, slots=True)
class _Shell:
    """A shell in the pod that has the dumps."""

    ground: Ground
    spot: Spot
    seconds: float
    whom: tuple[str, ...]
    """What psql there is told about server, user and database."""

    @classmethod
    async def beside(cls, ground: Ground, step: Entry) -> _Shell:
        database = ground.component(step)
        spot = await spot_of(ground, ground.policy.components[step.values["from"]])
        return cls(ground, spot, seconds_of(step), (*login(database), "--dbname", database.database or ""))

    async def run(self, what: str, script: str, *words: str) -> str:
        """What the script printed. Raises DrillAborted where it ended otherwise than with 0."""
        answer = await run_in(self.ground, self.spot, ["sh", "-c", script, "sh", *words], self.seconds)
        expect(answer.exit_code, 0, f"{what} in {self.spot}", answer.stderr)
        return answer.stdout.strip()


async def _as_written(shell: _Shell, newest: str) -> str:
    await shell.run(f"loading {newest}", PIPE, newest, *shell.whom)
    return f"psql loaded {newest}"


async def _remember(ground: Ground, shell: _Shell, newest: str) -> None:
    """How old what is loaded next is: what was written since then is lost."""
    begun = ground.clock.monotonic()
    age = float(await shell.run(f"looking at the age of {newest}", AGE, newest))
    ground.restored.append(Restored(newest, begun - age, begun))


def login(database: Component) -> list[str]:
    """How psql in any pod is told of a database server and its user; the password is the pod's own."""
    host = f"{database.service}.{database.namespace}.svc.cluster.local" if database.service else ""
    return ["--host", host, "--username", database.user or "postgres"]


def _job_needs(policy: Policy, step: Entry) -> tuple[Permission, ...]:
    from drillbook.clients.kube import Permission

    namespace = component_of(policy, step).namespace
    return (
        Permission("get", "cronjobs", "batch", namespace),
        Permission("create", "jobs", "batch", namespace),
        Permission("get", "jobs", "batch", namespace),
    )


def _restore_needs(policy: Policy, step: Entry) -> tuple[Permission, ...]:
    return exec_needs(policy, Entry("exec", step.values["from"]))


WAYS: Final[Mapping[str, Way]] = {
    "job_from_cronjob": Way(job_now, _job_needs, lambda step: str(step.values["cronjob"])),
    "restore_backup": Way(restore, _restore_needs, lambda step: f"from {step.values['path']}"),
}
