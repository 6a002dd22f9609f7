"""Faults whose undo needs what must not be written down: a password rotated, backups spoilt."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from drillbook.clients.kube import Kube, path_of
from drillbook.errors import DrillAborted, Refused
from drillbook.faults import fault_named
from drillbook.faults.fault import Landing
from drillbook.faults.places import place_of, shell
from drillbook.faults.sql import database_of
from drillbook.faults.workloads import wait_ready
from drillbook.model.policy import Workload
from tests.drills.conftest import NAMESPACE, Solar, system
from tests.faults.live import aimed, lived_through

__all__ = ["system"]

SECRET: dict[str, Any] = {"secret": "solar-secrets", "key": "DATABASE_PASSWORD"}
DUMP = "/backups/database/latest.sql.gz"


async def password(kube: Kube) -> str:
    found = await kube.get(path_of("secrets", NAMESPACE, SECRET["secret"]))
    return base64.b64decode(found["data"][SECRET["key"]]).decode()


@pytest.mark.slow
def test_a_rotated_password_is_refused_to_who_has_the_old_one_and_everybody_gets_it_back(system: Solar) -> None:
    aim = aimed(system, "secret-rotated", "database", **SECRET)
    old = system.on_kube(password)
    seen: list[str] = []

    async def one_pod_is_restarted(kube: Kube, landing: Landing) -> None:
        new = await password(kube)
        seen.append(new)
        assert new != old
        assert not {old, new} & set(json.dumps(landing.evidence).split('"'))
        database = await database_of(kube, aim)
        script = 'PGPASSWORD="$(head -c "$3")" psql -h postgres -U "$1" -d "$2" -c "select 1" 2>&1; exit 0'
        words = (database.user, database.name, str(len(old)))
        refused = await shell(kube, database.place, script, *words, stdin=old.encode())
        assert "password authentication failed" in refused.stdout
        pods = await kube.list(path_of("pods", NAMESPACE), labels="app=backend")
        await kube.delete_pod(NAMESPACE, pods[0]["metadata"]["name"], uid=pods[0]["metadata"]["uid"])
        await wait_ready(kube, Workload("deployment", "backend"), NAMESPACE, 3, 60)

    said, _, told = lived_through(system, "secret-rotated", aim, meanwhile=one_pod_is_restarted)
    assert old not in said + told
    assert "deployment/backend started again with it" in told
    assert system.on_kube(password) == old
    assert seen[0] not in told


def test_a_secret_that_is_not_named_or_has_no_such_key_is_refused(system: Solar) -> None:
    async def how(kube: Kube, settings: dict[str, Any]) -> str:
        return await fault_named("secret-rotated").how(kube, aimed(system, "secret-rotated", "database", **settings))

    for settings, words in (
        ({}, "must say which secret and which key"),
        ({"secret": "nobody", "key": "password"}, "there is no Secret"),
        ({**SECRET, "key": "nothing"}, "has no key 'nothing'; it has"),
    ):
        with pytest.raises(Refused, match=words):
            system.on_kube(lambda kube, s=settings: how(kube, s))  # type: ignore[misc]


async def dump(kube: Kube, system: Solar) -> str:
    place = await place_of(kube, aimed(system, "backup-stale", "backups"))
    done = await shell(kube, place, 'stat -c "%s %Y" "$1"; md5sum < "$1"; ls -A "$(dirname "$1")"', DUMP)
    return done.stdout


@pytest.mark.parametrize(("name", "settings"), [("backup-truncated", {"percent": 30}), ("backup-stale", {"days": 9})])
def test_a_spoilt_backup_is_whole_again(system: Solar, name: str, settings: dict[str, int]) -> None:
    aim = aimed(system, name, "backups", path="/backups/database/*.sql.gz", **settings)
    before = system.on_kube(lambda kube: dump(kube, system))

    async def once_only(kube: Kube, landing: Landing) -> None:
        ((_, change),) = landing.evidence["size and time"].items()
        if name == "backup-stale":
            assert change["before"][1] - change["now"][1] == 9 * 86400
        else:
            assert change["now"] == [change["before"][0] * 30 // 100, change["before"][1]]
        targets = [c.target for c in await fault_named(name).candidates(kube, aim)]
        with pytest.raises(DrillAborted, match="an earlier drill left"):
            await fault_named(name).inject(kube, aim, targets)

    said, _, told = lived_through(system, name, aim, meanwhile=once_only)
    assert said.endswith("with 1 files that match /backups/database/*.sql.gz")
    assert told.startswith("1 backups are put back in container dump")
    assert system.on_kube(lambda kube: dump(kube, system)) == before


def test_a_place_without_backups_is_refused(system: Solar) -> None:
    for path, words in (("", "as an absolute path; found ''"), ("/backups/none-*", "no file matches /backups/none-")):
        aim = aimed(system, "backup-truncated", "backups", path=path)
        with pytest.raises(Refused, match=words):
            system.on_kube(lambda kube, a=aim: fault_named("backup-truncated").how(kube, a))  # type: ignore[misc]


@pytest.mark.parametrize("name", ["certificate-expiry", "certificate-lost"])
def test_a_certificate_that_nobody_looks_after_is_put_back_as_it_was(system: Solar, name: str) -> None:
    """A Secret that a person made: the copy that is kept is all there is."""

    async def copy(kube: Kube) -> dict[str, str]:
        found = await kube.get(path_of("secrets", NAMESPACE, "solar-tls"))
        body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "by-hand"}, "type": "kubernetes.io/tls"}
        await kube.create(path_of("secrets", NAMESPACE), {**body, "data": found["data"]})
        return dict(found["data"])

    async def now(kube: Kube) -> dict[str, str]:
        found = await kube.get(path_of("secrets", NAMESPACE, "by-hand"))
        await kube.delete(path_of("secrets", NAMESPACE, "by-hand"))
        return dict(found["data"])

    before = system.on_kube(copy)
    try:
        _, _, told = lived_through(system, name, aimed(system, name, "api", secret="by-hand"))
    finally:
        after = system.on_kube(now)
    assert told == "Secret by-hand holds its old certificate"
    assert after == before


async def nightly(kube: Kube) -> None:
    container = {
        "name": "dump",
        "image": "busybox:1.36",
        "command": ["sh", "-c"],
        "args": ["true"],
        "env": [{"name": "TOKEN", "value": "a-secret-value"}],
    }
    job = {"template": {"spec": {"restartPolicy": "Never", "containers": [container]}}}
    spec = {"schedule": "0 1 * * *", "jobTemplate": {"spec": job}}
    body = {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "nightly"}, "spec": spec}
    await kube.create(path_of("cronjobs", NAMESPACE), body)


def test_a_backup_that_fails_is_seen_to_fail_and_has_its_command_again(system: Solar) -> None:
    system.on_kube(nightly)
    try:
        aim = aimed(system, "backup-failing", "backups", cronjob="nightly")
        put_back = system.on_kube(lambda kube: fault_named("backup-failing").put_back(kube, aim))
        assert "a-secret-value" not in json.dumps(put_back)
        _, landing, told = lived_through(system, "backup-failing", aim)
        assert landing.evidence == {"failed pods of the job": 1}
        assert told == "CronJob nightly has its old command"
    finally:
        system.on_kube(lambda kube: kube.delete(path_of("cronjobs", NAMESPACE, "nightly")))
    for settings, words in (({}, "must say which CronJob"), ({"cronjob": "none"}, "there is no CronJob")):
        unknown: dict[str, Any] = settings
        aim = aimed(system, "backup-failing", "backups", **unknown)
        with pytest.raises(Refused, match=words):
            system.on_kube(lambda kube, a=aim: fault_named("backup-failing").how(kube, a))  # type: ignore[misc]
