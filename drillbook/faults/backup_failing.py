"""The backup fails: the command of its CronJob is one that ends with an error, and a Job of it shows it at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final

from drillbook.errors import Refused
from drillbook.faults.creating import Kind, create, remove
from drillbook.faults.fault import Aim, Candidate, Fault, Landing, Needs, PutBack, Target
from drillbook.faults.keeping import forget, keep, keep_permissions, kept, kept_name
from drillbook.faults.objects import find_exactly, patch_exactly, same_object, target_of
from drillbook.faults.settings import Setting

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube, Object

JOB: Final = Kind("Job", "jobs", "batch", "v1")
FAILS: Final = ["/bin/sh", "-c", "echo 'this backup fails: a drill planted it' >&2; exit 1"]
_OF_JOB: Final = "batch.kubernetes.io/job-name"


class BackupFailing(Fault):
    """Changes the command of a CronJob."""

    name = "backup-failing"
    about = "The backup fails, each time that it runs."
    settings: ClassVar = {"cronjob": Setting("", "the CronJob that makes the backup")}

    def needs(self, aim: Aim) -> Needs:
        from drillbook.clients.kube import Permission

        namespace = aim.component.namespace
        cron = tuple(Permission(verb, "cronjobs", "batch", namespace) for verb in ("get", "patch"))
        jobs = tuple(Permission(verb, "jobs", "batch", namespace) for verb in ("get", "create", "delete"))
        pods = tuple(Permission(verb, "pods", "", namespace) for verb in ("list", "delete"))
        keeping = keep_permissions(namespace)
        return Needs((*cron, *jobs[:2], *keeping), (*cron, *jobs, *pods, *keeping))

    async def how(self, kube: Kube, aim: Aim) -> str:
        found = await _cron_job(kube, aim)
        return f"the command of CronJob {found['metadata']['name']} is changed, and a Job is made of it at once"

    async def candidates(self, kube: Kube, aim: Aim) -> tuple[Candidate, ...]:
        return (Candidate(target_of("CronJob", await _cron_job(kube, aim)), pods=0),)

    async def put_back(self, kube: Kube, aim: Aim) -> PutBack:
        target = target_of("CronJob", await _cron_job(kube, aim))
        names = {"kept": kept_name(self.name, target), "job": f"drillbook-{self.name}-{aim.component.id}"}
        return {"namespace": target.namespace, "name": target.name, "uid": target.uid, **names}

    async def inject(self, kube: Kube, aim: Aim, targets: Sequence[Target]) -> tuple[Target, ...]:
        for target in targets:
            found = await find_exactly(kube, target)
            same_object(target, found)
            whole: Any = (found or {})["spec"]["jobTemplate"]
            # Its variables may hold what a journal must not.
            await keep(kube, target.namespace, kept_name(self.name, target), whole)
            broken = _broken(whole)
            path = "/spec/jobTemplate"
            await patch_exactly(kube, target, [{"op": "replace", "path": path, "value": broken}])
            spec = {**broken["spec"], "backoffLimit": 0}
            name = f"drillbook-{self.name}-{aim.component.id}"
            await create(kube, JOB, self.name, target.namespace, name, {"spec": spec})
        return tuple(targets)

    async def landed(self, kube: Kube, aim: Aim, targets: Sequence[Target], before: PutBack) -> Landing:
        from drillbook.clients.kube import path_of

        if not targets:
            return Landing(False)
        found: Any = await kube.find(path_of("jobs", targets[0].namespace, str(before["job"]))) or {}
        failed = int((found.get("status") or {}).get("failed", 0))
        return Landing(failed > 0, {"failed pods of the job": failed})

    async def undo(self, kube: Kube, put_back: PutBack, seconds: float) -> str:
        from drillbook.clients.kube import path_of

        namespace, name, job = (str(put_back[key]) for key in ("namespace", "name", "job"))
        whole: Any = await kept(kube, namespace, str(put_back["kept"]))
        if whole is not None:
            target = Target("CronJob", namespace, name, str(put_back["uid"]))
            found = await find_exactly(kube, target)
            same_object(target, found)
            await patch_exactly(kube, target, [{"op": "replace", "path": "/spec/jobTemplate", "value": whole}])
        await remove(kube, JOB, self.name, namespace, job, seconds)
        # Whoever deletes a Job through the API keeps its pods, unless he says otherwise.
        for pod in await kube.list(path_of("pods", namespace), labels=f"{_OF_JOB}={job}"):
            meta = pod["metadata"]
            await kube.delete_pod(namespace, meta["name"], uid=meta["uid"], grace_seconds=0)
        await forget(kube, namespace, str(put_back["kept"]))
        return f"CronJob {name} {'has its old command' if whole is not None else 'was not touched'}"


async def _cron_job(kube: Kube, aim: Aim) -> Object:
    from drillbook.clients.kube import path_of

    name = str(aim.settings["cronjob"])
    if not name:
        raise Refused("the experiment must say which CronJob makes the backup, as its setting cronjob")
    found = await kube.find(path_of("cronjobs", aim.component.namespace, name))
    if found is None:
        raise Refused(f"there is no CronJob {aim.component.namespace}/{name}")
    return found


def _broken(template: Object) -> Object:
    """The same Job with a first container that fails."""
    pod = template["spec"]["template"]
    first, *others = pod["spec"]["containers"]
    failing = {key: value for key, value in first.items() if key != "args"} | {"command": FAILS}
    spec = {**pod["spec"], "containers": [failing, *others]}
    return {**template, "spec": {**template["spec"], "template": {**pod, "spec": spec}}}
