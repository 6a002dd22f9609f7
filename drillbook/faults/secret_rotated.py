"""A database's password is rotated while everybody uses it: in the database and in its Secret, and nowhere else.

That is a rotation done right but for its last step: pods read a Secret when they start, so those that run go on with
the old password until somebody restarts them. Open sessions are ended, as a rotation after a leak would do. The
database is told verifiers, no passwords (``passwords.py``); the old one is kept and put back as it was.
"""

# Every text that goes into a statement is ours, or quoted.
# ruff: noqa: S608

from __future__ import annotations

import base64
import secrets as randomness
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Final

from drillbook.clock import SYSTEM_CLOCK, iso
from drillbook.errors import Refused
from drillbook.faults.fault import Aim, Candidate, Fault, Landing, Needs, PutBack, Target
from drillbook.faults.keeping import kept
from drillbook.faults.objects import patch_exactly
from drillbook.faults.passwords import refuse_unreadable_verifier, scram_verifier, set_verifier, verifier_of
from drillbook.faults.secrets import (
    forget_secret,
    keep_secret,
    read_secret_object,
    restore_secret,
    secret_candidate,
    secret_needs,
    secret_put_back,
)
from drillbook.faults.settings import Setting
from drillbook.faults.sql import (
    database_in,
    database_of,
    literal,
    refuse_password_login,
    see_psql,
    sql_needs,
    whose,
)
from drillbook.faults.workloads import PLURALS, is_going, read_workload, wait_ready
from drillbook.model.policy import Workload

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube, Object

_DIGEST: Final = "SELECT md5(rolpassword || '/drillbook') AS digest FROM pg_authid WHERE rolname = "


class SecretRotated(Fault):
    """Changes a role's password and the Secret that holds it."""

    name = "secret-rotated"
    identity = True
    about = "A database's password is rotated under load, and the pods that use it are not restarted."
    settings: ClassVar = {
        "secret": Setting("", "the Secret that holds the password"),
        "key": Setting("", "its key"),
    }

    def needs(self, aim: Aim) -> Needs:
        from drillbook.clients.kube import Permission

        namespace, sql, secret = aim.component.namespace, sql_needs(aim), secret_needs(aim, "patch")
        look = tuple(Permission(v, plural, "apps", namespace) for plural in PLURALS.values() for v in ("get", "list"))
        restart = (*look, Permission("list", "pods", "", namespace), Permission("delete", "pods", "", namespace))
        return Needs((*sql.to_break, *secret.to_break), (*sql.to_repair, *secret.to_repair, *restart))

    async def how(self, kube: Kube, aim: Aim) -> str:
        place, database = await see_psql(kube, aim), await database_of(kube, aim)
        secret, key = _where(aim)
        found = await read_secret_object(kube, aim.component.namespace, secret)
        if key not in (found.get("data") or {}):
            raise Refused(f"Secret {secret} has no key {key!r}; it has {', '.join(sorted(found.get('data') or {}))}")
        await refuse_password_login(database)
        await refuse_unreadable_verifier(database)
        users = [str(workload) for workload in await _users(kube, aim.component.namespace, secret)]
        return (
            f"role {database.user} gets a new password by ALTER ROLE with psql in {place}, and so does key {key} of "
            f"Secret {secret}, which {', '.join(users) or 'no workload'} uses"
        )

    async def candidates(self, kube: Kube, aim: Aim) -> tuple[Candidate, ...]:
        return await secret_candidate(kube, aim.component.namespace, _where(aim)[0])

    async def put_back(self, kube: Kube, aim: Aim) -> PutBack:
        (candidate,) = await self.candidates(kube, aim)
        database = await database_of(kube, aim)
        digest = await database.row(_DIGEST + literal(database.user))
        return {**secret_put_back(self.name, candidate.target), **whose(aim), **digest, "key": _where(aim)[1]}

    async def inject(self, kube: Kube, aim: Aim, targets: Sequence[Target]) -> tuple[Target, ...]:
        database, key = await database_of(kube, aim), _where(aim)[1]
        for target in targets:
            old = await verifier_of(database)
            await keep_secret(kube, self.name, target, rotated=iso(SYSTEM_CLOCK.now()), verifier=old)
            new = randomness.token_urlsafe(24)
            await patch_exactly(kube, target, {"data": {key: base64.b64encode(new.encode()).decode()}})
            await set_verifier(database, scram_verifier(new))
            await database.run(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
                f"AND usename = {literal(database.user)} AND client_addr IS NOT NULL;\n"
            )
        return tuple(targets)

    async def landed(self, kube: Kube, aim: Aim, targets: Sequence[Target], before: PutBack) -> Landing:
        if not targets:
            return Landing(False)
        database = await database_of(kube, aim)
        digest = (await database.row(_DIGEST + literal(database.user)))["digest"]
        changed = digest != before["digest"]
        return Landing(changed, {"role": database.user, "the database knows a new password": changed})

    async def undo(self, kube: Kube, put_back: PutBack, seconds: float) -> str:
        namespace, name = str(put_back["namespace"]), str(put_back["secret"])
        document: Any = await kept(kube, namespace, str(put_back["kept"]))
        if document is None:
            return f"the password in Secret {name} was not touched"
        database = await database_in(kube, put_back, seconds)
        # The database first: from then on whoever starts with the old password gets in.
        await set_verifier(database, document["verifier"])
        await restore_secret(kube, put_back, seconds)
        again = [
            str(workload)
            for workload in await _users(kube, namespace, name)
            if await _start_again(kube, workload, namespace, datetime.fromisoformat(document["rotated"]), seconds)
        ]
        await forget_secret(kube, put_back)
        started = f"; {', '.join(again)} started again with it" if again else ""
        return f"Secret {name} and role {database.user} have their old password{started}"


def _where(aim: Aim) -> tuple[str, str]:
    """Secret and key. Raises Refused where the experiment doesn't say."""
    secret, key = str(aim.settings["secret"]), str(aim.settings["key"])
    if not secret or not key:
        raise Refused("the experiment must say which secret and which key hold the password of the database")
    return secret, key


async def _users(kube: Kube, namespace: str, secret: str) -> list[Workload]:
    """The workloads whose pods read that Secret when they start."""
    from drillbook.clients.kube import path_of

    found: list[Workload] = []
    for kind, plural in PLURALS.items():
        found += [
            Workload(kind, one["metadata"]["name"])
            for one in await kube.list(path_of(plural, namespace))
            if secret in set(_secrets_in(one["spec"]["template"]["spec"]))
        ]
    return found


def _secrets_in(spec: Object) -> Iterator[str]:
    for container in (*spec.get("containers", ()), *spec.get("initContainers", ())):
        for variable in container.get("env") or ():
            reference = (variable.get("valueFrom") or {}).get("secretKeyRef") or {}
            yield str(reference.get("name", ""))
        for source in container.get("envFrom") or ():
            yield str((source.get("secretRef") or {}).get("name", ""))
    for volume in spec.get("volumes") or ():
        yield str((volume.get("secret") or {}).get("secretName", ""))


async def _start_again(kube: Kube, workload: Workload, namespace: str, since: datetime, seconds: float) -> bool:
    """Replace the pods that were started with the new password; whether there was one."""
    state = await read_workload(kube, workload, namespace)
    newer = [
        pod
        for pod in state.pods
        # A pod's time has whole seconds: one of the same second may be of either.
        if not is_going(pod)
        and datetime.fromisoformat(pod["metadata"]["creationTimestamp"]) >= since.replace(microsecond=0)
    ]
    for pod in newer:
        await kube.delete_pod(namespace, pod["metadata"]["name"], uid=pod["metadata"]["uid"])
    if newer:
        await wait_ready(kube, workload, namespace, state.replicas, seconds)
    return bool(newer)
