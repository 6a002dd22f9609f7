"""Faults whose undo needs what must not be written down: a password rotated, backups spoilt."""

from __future__ import annotations

import base64
import json

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

SECRET = {"secret": "solar-secrets", "key": "DATABASE_PASSWORD"}
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
        script = 'PGPASSWORD="$(cat)" psql -h postgres -U "$1" -d "$2" -c "select 1" 2>&1; exit 0'
        words = (database.user, database.name)
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
    async def how(kube: Kube, settings: dict[str, str]) -> str:
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
