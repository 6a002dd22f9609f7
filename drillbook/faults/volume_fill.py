"""A volume is filled up by one large file, which the undo removes.

Only a volume that ends at its own size is filled: one that shares the disk of its node would take the node along.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final

from drillbook.errors import Refused
from drillbook.faults.fault import Aim, Candidate, Fault, Landing, Needs, PutBack, Target, Traces
from drillbook.faults.objects import target_of
from drillbook.faults.places import (
    Place,
    exec_permissions,
    needs_tools,
    place_in,
    place_of,
    places_of,
    shell_or_abort,
)
from drillbook.faults.resting import rest
from drillbook.faults.settings import Setting
from drillbook.faults.sql import whose
from drillbook.faults.templates import restore_template, template_needs, template_put_back, template_traces
from drillbook.faults.workloads import is_ready, read_workload, workload_of
from drillbook.model.policy import Workload

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube, Object

FILE: Final = "drillbook-fill"
WRITE_SECONDS: Final = 300.0
_SIZE: Final = 'df -kP "$1" | tail -n 1'
# fallocate takes no time; where a file system has none, it is written.
_FILL: Final = (
    f'f="$1/{FILE}"; fallocate -l "$2" "$f" 2>/dev/null || '
    'dd if=/dev/zero of="$f" bs=1048576 count="$(( ($2 + 1048575) / 1048576 ))" 2>/dev/null; [ -s "$f" ]'
)
_FREE: Final = f'rm -f "$1/{FILE}"'


class VolumeFill(Fault):
    """Fills the volume of a workload."""

    name = "volume-fill"
    about = "A volume is filled up."
    settings: ClassVar = {
        "ratio": Setting(0.97, "how full it is to be, as a share of its size", low=0.01, high=1.0),
        "mount": Setting("", "where it is mounted in the container; empty means its first claim"),
        "most_bytes": Setting(8 * 1024**3, "a volume that would take more than this is refused", low=1, unit="bytes"),
    }

    def needs(self, aim: Aim) -> Needs:
        from drillbook.clients.kube import Permission

        namespace, template = aim.component.namespace, template_needs(aim)
        more = (
            Permission("get", "pods", "", namespace),
            Permission("get", "persistentvolumeclaims", "", namespace),
            *exec_permissions(namespace),
        )
        # A server that ends because its disk is full can't be entered: it is put to rest then.
        return Needs(more, tuple(dict.fromkeys([*template.to_repair, *more])))

    async def how(self, kube: Kube, aim: Aim) -> str:
        place = await place_of(kube, aim)
        await needs_tools(kube, place, "df", "tail", "dd", "rm")
        mount = await self._mount(kube, aim)
        missing = await self._missing(kube, place, mount, aim)
        return f"a file of {missing:,} bytes is written to {mount} by exec in {place}"

    async def candidates(self, kube: Kube, aim: Aim) -> tuple[Candidate, ...]:
        state = await read_workload(kube, workload_of(aim.component), aim.component.namespace)
        ordered = sorted(state.pods, key=lambda pod: str(pod["metadata"]["name"]))
        return tuple(Candidate(target_of("Pod", pod), "" if is_ready(pod) else "is not Ready") for pod in ordered)

    async def put_back(self, kube: Kube, aim: Aim) -> PutBack:
        return {**await template_put_back(kube, aim), **whose(aim), "mount": await self._mount(kube, aim)}

    async def inject(self, kube: Kube, aim: Aim, targets: Sequence[Target]) -> tuple[Target, ...]:
        mount = await self._mount(kube, aim)
        for place in await _places(kube, aim, targets):
            missing = await self._missing(kube, place, mount, aim)
            await shell_or_abort(kube, place, _FILL, mount, str(missing), timeout=WRITE_SECONDS)
        return tuple(targets)

    async def landed(self, kube: Kube, aim: Aim, targets: Sequence[Target], before: PutBack) -> Landing:
        found: dict[str, Any] = {}
        for place in await _places(kube, aim, targets):
            size, used = await _room(kube, place, before["mount"])
            found[place.pod] = {"size_bytes": size, "used_ratio": round(used / size, 4)}
        wanted = float(aim.settings["ratio"]) - 0.01
        return Landing(bool(found) and all(one["used_ratio"] >= wanted for one in found.values()), {"volumes": found})

    async def undo(self, kube: Kube, put_back: PutBack, seconds: float) -> str:
        workload, namespace = Workload(put_back["kind"], put_back["name"]), put_back["namespace"]
        places = await places_of(kube, workload, namespace)
        if not places and put_back["replicas"]:
            places = (await rest(kube, put_back, seconds),)
        for place in places:
            await shell_or_abort(kube, place, _FREE, put_back["mount"])
        await restore_template(kube, put_back, seconds)
        return f"{put_back['mount']} of {workload} has no file {FILE}, and its pods are ready"

    def traces(self, aim: Aim, before: PutBack) -> Traces:
        return template_traces(aim)

    async def _mount(self, kube: Kube, aim: Aim) -> str:
        """Where the volume is. Raises Refused where the pod has no claim there."""
        state = await read_workload(kube, workload_of(aim.component), aim.component.namespace)
        for pod in state.pods:
            claims = _claims(pod)
            wanted = aim.settings["mount"]
            if wanted in claims or (claims and not wanted):
                return str(wanted or next(iter(claims)))
        raise Refused(f"{workload_of(aim.component)} has no claim mounted at {aim.settings['mount'] or 'any path'}")

    async def _missing(self, kube: Kube, place: Place, mount: str, aim: Aim) -> int:
        """How many bytes to write. Raises Refused for a volume that is no volume of its own, or too large."""
        from drillbook.clients.kube import path_of
        from drillbook.clients.kube_quantity import kube_quantity

        size, used = await _room(kube, place, mount)
        pod = await kube.get(path_of("pods", place.namespace, place.pod))
        claim = await kube.get(path_of("persistentvolumeclaims", place.namespace, _claims(pod)[mount]))
        asked = kube_quantity((claim.get("status") or {}).get("capacity", {}).get("storage") or "0")
        if size > 2 * asked:
            raise Refused(
                f"{mount} is on a disk of {size:,} bytes and its claim is of {asked:,}: it shares a disk with others"
            )
        missing = int(size * float(aim.settings["ratio"])) - used
        if missing > int(aim.settings["most_bytes"]):
            most = aim.settings["most_bytes"]
            raise Refused(
                f"filling {mount} takes {missing:,} bytes, and the setting most_bytes allows {most:,}: where the disk "
                "has as many (a sandbox's volumes are memory), say so in the drill's settings"
            )
        if missing < 1:
            raise Refused(f"{mount} is as full already: {used:,} of {size:,} bytes")
        return missing


def _claims(pod: Object) -> dict[str, str]:
    """The claims of a pod's first container, by where they are mounted."""
    names = {
        volume["name"]: volume["persistentVolumeClaim"]["claimName"]
        for volume in pod["spec"].get("volumes") or ()
        if "persistentVolumeClaim" in volume
    }
    mounts = pod["spec"]["containers"][0].get("volumeMounts") or ()
    return {mount["mountPath"]: names[mount["name"]] for mount in mounts if mount["name"] in names}


async def _room(kube: Kube, place: Place, mount: str) -> tuple[int, int]:
    """Size and used bytes of a mount's file system."""
    fields = (await shell_or_abort(kube, place, _SIZE, mount)).split()
    return int(fields[1]) * 1024, int(fields[2]) * 1024


async def _places(kube: Kube, aim: Aim, targets: Sequence[Target]) -> list[Place]:
    """The targets that run now."""
    hit = {target.uid for target in targets}
    state = await read_workload(kube, workload_of(aim.component), aim.component.namespace)
    places = [place_in(pod) for pod in state.pods if pod["metadata"]["uid"] in hit]
    return [place for place in places if place]
