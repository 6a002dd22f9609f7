"""What the faults have in common that run a process beside a container's own program, in chosen pods."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from drillbook.errors import DrillbookError
from drillbook.faults import processes
from drillbook.faults.fault import Aim, Candidate, Fault, Landing, Needs, PutBack, Target
from drillbook.faults.objects import target_of
from drillbook.faults.places import Place, exec_permissions, place_in, place_of, places_of
from drillbook.faults.sql import whose
from drillbook.faults.templates import container_state
from drillbook.faults.workloads import PLURALS, is_ready, read_workload, wait_ready, workload_of
from drillbook.model.policy import Workload

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube, Object


class Stress(Fault):
    """Starts a script in each target; each fault says which, and how it shows."""

    settings: ClassVar = {}

    async def script(self, kube: Kube, place: Place, aim: Aim) -> tuple[str, tuple[str, ...]]:
        """The script of POSIX sh, and its words. Read-only; raises Refused."""
        raise NotImplementedError

    async def seen(self, kube: Kube, place: Place, aim: Aim) -> Landing:
        """Whether it shows in one of the pods."""
        raise NotImplementedError

    def needs(self, aim: Aim) -> Needs:
        from drillbook.clients.kube import Permission

        namespace = aim.component.namespace
        both = (
            Permission("get", PLURALS[workload_of(aim.component).kind], "apps", namespace),
            Permission("get", "pods", "", namespace),
            *exec_permissions(namespace),
        )
        return Needs(both, both)

    async def how(self, kube: Kube, aim: Aim) -> str:
        place = await place_of(kube, aim)
        await processes.see_tools(kube, place, "head", "tail", "cut")
        await self.script(kube, place, aim)
        return f"a process started by exec in {place} or one like it, which ends after {aim.settings['seconds']} s"

    async def candidates(self, kube: Kube, aim: Aim) -> tuple[Candidate, ...]:
        state = await read_workload(kube, workload_of(aim.component), aim.component.namespace)
        ordered = sorted(state.pods, key=lambda pod: str(pod["metadata"]["name"]))
        return tuple(Candidate(target_of("Pod", pod), "" if is_ready(pod) else "is not Ready") for pod in ordered)

    async def put_back(self, kube: Kube, aim: Aim) -> PutBack:
        state = await read_workload(kube, workload_of(aim.component), aim.component.namespace)
        restarts = {pod["metadata"]["uid"]: container_state(pod).get("restartCount", 0) for pod in state.pods}
        return {**whose(aim), "restarts": restarts}

    async def inject(self, kube: Kube, aim: Aim, targets: Sequence[Target]) -> tuple[Target, ...]:
        hit: list[Target] = []
        places = {
            place.uid: place for place in await places_of(kube, workload_of(aim.component), aim.component.namespace)
        }
        for target in targets:
            if place := places.get(target.uid):
                script, words = await self.script(kube, place, aim)
                await processes.start(kube, place, self.name, script, *words, seconds=float(aim.settings["seconds"]))
                hit.append(target)
        return tuple(hit)

    async def landed(self, kube: Kube, aim: Aim, targets: Sequence[Target], before: PutBack) -> Landing:
        state = await read_workload(kube, workload_of(aim.component), aim.component.namespace)
        pods = {pod["metadata"]["uid"]: pod for pod in state.pods}
        evidence: dict[str, Any] = {}
        seen: list[bool] = []
        for target in targets:
            pod = pods.get(target.uid)
            if killed := _killed(pod, int(before["restarts"].get(target.uid, 0))):
                evidence[target.name] = killed
                seen.append(True)
                continue
            place = place_in(pod) if pod else None
            try:
                landing = await self.seen(kube, place, aim) if place else Landing(False, {"pod": "doesn't run"})
            except DrillbookError as error:
                # A container that is killed takes the command along with which it is looked at.
                landing = Landing(False, {"pod": str(error)})
            evidence[target.name] = dict(landing.evidence)
            seen.append(landing.landed)
        return Landing(bool(seen) and all(seen), {"pods": evidence})

    async def undo(self, kube: Kube, put_back: PutBack, seconds: float) -> str:
        workload, namespace = Workload(put_back["kind"], put_back["workload"]), put_back["namespace"]
        ended: dict[str, str] = {}
        for place in await places_of(kube, workload, namespace):
            try:
                await processes.end(kube, place, self.name)
            except DrillbookError as error:
                # A pod that dies meanwhile takes its processes along; one that lives must be asked again.
                ended[place.uid] = str(error)
        # As many pods as it asks for by now: an autoscaler may have answered to the stress.
        state = await wait_ready(kube, workload, namespace, None, seconds)
        for place in await places_of(kube, workload, namespace):
            if place.uid in ended:
                await processes.end(kube, place, self.name)
        return f"no process of {self.name} runs in the {state.ready} ready pods of {workload}"


def _killed(pod: Object | None, restarts: int) -> str:
    """That its container was killed for its memory since it had so many restarts; empty where it wasn't."""
    told = container_state(pod) if pod else {}
    states = (told.get("state") or {}, told.get("lastState") or {})
    ended: Object = next((state["terminated"] for state in states if "terminated" in state), {})
    since = told.get("restartCount", 0) > restarts or "terminated" in (told.get("state") or {})
    return f"OOMKilled, {told.get('restartCount')} restarts" if since and ended.get("reason") == "OOMKilled" else ""
