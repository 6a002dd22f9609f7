"""A volume's data is lost: the data folder is set aside on its volume and the pod is killed, so that the server which
comes up finds its volume empty.

Nothing is destroyed. The undo puts the folder back with everything that was in it, whatever a recovery has put into its
place, while the server is at rest: one that runs would write into it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final

from drillbook.errors import DrillAborted, DrillbookError, Refused
from drillbook.faults.fault import Aim, Candidate, Fault, Landing, Needs, PutBack, Target, Traces
from drillbook.faults.objects import target_of
from drillbook.faults.places import (
    exec_permissions,
    needs_tools,
    place_in,
    place_of,
    places_of,
    shell,
    shell_or_abort,
)
from drillbook.faults.resting import rest
from drillbook.faults.settings import Setting
from drillbook.faults.sql import database_of, whose
from drillbook.faults.templates import restore_template, template_needs, template_put_back, template_traces
from drillbook.faults.workloads import is_ready, read_workload, workload_of
from drillbook.model.policy import Workload

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube

_FOLDER: Final = 'folder="${1:-${PGDATA:-}}"; aside="$folder.drillbook-lost"'
_LOOK: Final = f"""
{_FOLDER}
[ -n "$folder" ] && [ -d "$folder" ] || {{ echo "no data folder ${{folder:-is named}}"; exit 3; }}
[ "$(stat -c %d "$folder")" = "$(stat -c %d "$folder/..")" ] || {{ echo "$folder is the volume itself"; exit 3; }}
[ -w "$folder/.." ] || {{ echo "nothing can be renamed beside $folder"; exit 3; }}
[ ! -e "$aside" ] || {{ echo "$aside is left of an earlier drill, which drillbook recover would undo"; exit 3; }}
echo "$folder"
"""
_LOSE: Final = f'{_FOLDER}; [ ! -e "$aside" ] && mv "$folder" "$aside"'
_IS_ASIDE: Final = f'{_FOLDER}; [ -e "$aside" ]'
_RESTORE: Final = f'{_FOLDER}; [ ! -e "$aside" ] || {{ rm -rf "$folder" && mv "$aside" "$folder"; }}'
GRACE_SECONDS: Final = 5
"""Enough that the old server is gone before a new one begins: without any, its pod's successor doesn't wait for it."""


class VolumeLost(Fault):
    """Sets the data folder of a workload's only pod aside."""

    name = "volume-lost"
    damages = True
    destroys = True
    about = "A server's data is gone: its volume is empty."
    settings: ClassVar = {"folder": Setting("", "the data folder, below its volume; empty means $PGDATA")}
    kills = True

    def needs(self, aim: Aim) -> Needs:
        from drillbook.clients.kube import Permission

        namespace, template = aim.component.namespace, template_needs(aim)
        more = (Permission("delete", "pods", "", namespace), *exec_permissions(namespace))
        return Needs(more, tuple(dict.fromkeys([*template.to_repair, *more])))

    async def how(self, kube: Kube, aim: Aim) -> str:
        place = await place_of(kube, aim)
        await needs_tools(kube, place, "stat", "mv", "rm")
        done = await shell(kube, place, _LOOK, aim.settings["folder"])
        if done.exit_code != 0:
            raise Refused(f"its data can't be set aside: {(done.stdout or done.stderr).strip()}")
        return f"{done.stdout.strip()} is set aside by exec in {place}, and the pod is killed"

    async def candidates(self, kube: Kube, aim: Aim) -> tuple[Candidate, ...]:
        pods = (await read_workload(kube, workload_of(aim.component), aim.component.namespace)).pods
        alone = "" if len(pods) == 1 else f"is one of {len(pods)} pods, and this fault is for an only one"
        return tuple(
            Candidate(target_of("Pod", pod), alone or ("" if is_ready(pod) else "is not Ready")) for pod in pods
        )

    async def put_back(self, kube: Kube, aim: Aim) -> PutBack:
        template = await template_put_back(kube, aim)
        return {**template, **whose(aim), "folder": aim.settings["folder"], "identity": await _identity(kube, aim)}

    async def inject(self, kube: Kube, aim: Aim, targets: Sequence[Target]) -> tuple[Target, ...]:
        state = await read_workload(kube, workload_of(aim.component), aim.component.namespace)
        for target in targets:
            pod = next((pod for pod in state.pods if pod["metadata"]["uid"] == target.uid), None)
            place = place_in(pod) if pod else None
            if place is None:
                raise DrillAborted(f"{target} is not there any more, or doesn't run")
            await shell_or_abort(kube, place, _LOSE, aim.settings["folder"])
            await kube.delete_pod(target.namespace, target.name, uid=target.uid, grace_seconds=GRACE_SECONDS)
        return tuple(targets)

    async def landed(self, kube: Kube, aim: Aim, targets: Sequence[Target], before: PutBack) -> Landing:
        try:
            place = await place_of(kube, aim)
            aside = (await shell(kube, place, _IS_ASIDE, aim.settings["folder"])).exit_code == 0
            now = await _identity(kube, aim)
        except DrillbookError as error:
            return Landing(False, {"server": str(error)})
        replaced = all(place.uid != target.uid for target in targets)
        evidence: dict[str, Any] = {"set aside": aside, "pod replaced": replaced}
        if before["identity"]:
            evidence["data"] = {"before": before["identity"], "now": now}
        return Landing(aside and replaced and (not before["identity"] or now != before["identity"]), evidence)

    async def undo(self, kube: Kube, put_back: PutBack, seconds: float) -> str:
        workload, namespace = Workload(put_back["kind"], put_back["name"]), put_back["namespace"]
        places = await places_of(kube, workload, namespace)
        asides = [(await shell(kube, place, _IS_ASIDE, put_back["folder"])).exit_code == 0 for place in places]
        if places and not any(asides):
            await restore_template(kube, put_back, seconds)
            return f"the data of {workload} is in its place"
        place = await rest(kube, put_back, seconds)
        await shell_or_abort(kube, place, _RESTORE, put_back["folder"])
        await restore_template(kube, put_back, seconds)
        return f"the data of {workload} is in its place, put back"

    def traces(self, aim: Aim, before: PutBack) -> Traces:
        return template_traces(aim)


async def _identity(kube: Kube, aim: Aim) -> str:
    """Of a PostgreSQL: which data it serves. Empty for anything else."""
    if aim.component.engine != "postgres":
        return ""
    return (await (await database_of(kube, aim)).target()).uid
