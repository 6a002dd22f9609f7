"""Where a command is run: a container of a pod, as the runbooks' ``kubectl exec`` does it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from drillbook.errors import DrillAborted, DrillbookError, Refused, Unreachable
from drillbook.faults.fault import Aim
from drillbook.faults.workloads import is_going, is_ready, read_workload, workload_of
from drillbook.model.policy import Workload

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube, Object, Permission
    from drillbook.clients.kube_exec import Execution

EXEC_SECONDS: Final = 30.0
POLL_SECONDS: Final = 0.2


@dataclass(frozen=True, slots=True)
class Place:
    """A running container."""

    namespace: str
    pod: str
    uid: str
    """Of the pod."""
    container: str

    def __str__(self) -> str:
        return f"container {self.container} of pod {self.pod}"


def exec_permissions(namespace: str) -> tuple[Permission, ...]:
    """What running a command takes: a WebSocket is a GET, and newer clusters ask for ``create`` all the same."""
    from drillbook.clients.kube import Permission

    return (
        Permission("get", "pods/exec", "", namespace),
        Permission("create", "pods/exec", "", namespace),
        Permission("list", "pods", "", namespace),
    )


def place_in(pod: Object) -> Place | None:
    """The first of a pod's own containers, if it runs."""
    name = pod["spec"]["containers"][0]["name"]
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    running = any(one["name"] == name and "running" in (one.get("state") or {}) for one in statuses)
    meta = pod["metadata"]
    return Place(meta["namespace"], meta["name"], meta["uid"], name) if running and not is_going(pod) else None


async def places_of(kube: Kube, workload: Workload, namespace: str) -> tuple[Place, ...]:
    """Every pod of a workload in which something runs, the Ready ones first, then by name."""
    pods = (await read_workload(kube, workload, namespace)).pods
    ordered = sorted(pods, key=lambda pod: (not is_ready(pod), pod["metadata"]["name"]))
    return tuple(place for pod in ordered if (place := place_in(pod)))


async def place_of(kube: Kube, aim: Aim) -> Place:
    """The first of them. Raises Unreachable where nothing runs."""
    workload, namespace = workload_of(aim.component), aim.component.namespace
    for place in await places_of(kube, workload, namespace):
        return place
    raise Unreachable(f"no pod of {workload} in namespace {namespace} runs, so nothing can be run in one")


async def wait_place(kube: Kube, workload: Workload, namespace: str, seconds: float) -> Place:
    """The first place as soon as there is one. Raises DrillAborted when there is none within ``seconds``."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while not (places := await places_of(kube, workload, namespace)):
        if loop.time() > deadline:
            raise DrillAborted(
                f"no pod of {workload} in namespace {namespace} runs within {seconds:g} s, and only in one of them "
                f"could this be undone; see `kubectl -n {namespace} get pods`"
            )
        await asyncio.sleep(POLL_SECONDS)
    return places[0]


async def shell(
    kube: Kube,
    place: Place,
    script: str,
    *words: str,
    stdin: bytes | None = None,
    timeout: float = EXEC_SECONDS,
) -> Execution:
    """Run a script of POSIX sh in a container; ``words`` are its ``$1``, ``$2`` ... Raises ApiRefusal or Unreachable.

    ``stdin``: what the script reads; it must know how much.
    """
    from drillbook.clients.kube_exec import execute

    command = ["sh", "-c", script, "sh", *words]
    return await execute(kube, place.namespace, place.pod, place.container, command, stdin=stdin, timeout=timeout)


async def shell_or_abort(kube: Kube, place: Place, script: str, *words: str, timeout: float = EXEC_SECONDS) -> str:
    """What the script printed. Raises DrillAborted with what it said when it ends with another exit code than 0."""
    done = await shell(kube, place, script, *words, timeout=timeout)
    if done.exit_code != 0:
        said = " ".join(done.stderr.split())[-300:] or "nothing"
        raise DrillAborted(f"a command in {place} ended with exit code {done.exit_code} and said: {said}")
    return done.stdout


async def needs_tools(kube: Kube, place: Place, *tools: str) -> None:
    """Raises Refused when the container has no shell, or one of the tools is missing in it."""
    test = "for tool; do command -v $tool >/dev/null || { echo $tool; exit 3; }; done"
    try:
        done = await shell(kube, place, test, *tools)
    except DrillbookError as error:
        raise Refused(f"{place} has no shell in which this fault could be made: {error}") from error
    if done.exit_code != 0:
        missing = done.stdout.strip() or "sh"
        raise Refused(f"{place} has no {missing}, which this fault is made with")
