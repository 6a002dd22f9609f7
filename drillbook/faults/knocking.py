"""Asking over the network, from inside of another pod, whether a component answers: what a cut network shows on.

An open port is not enough, because what stands between may accept a connection for somebody who is away: a byte must
come back. What is sent is the first thing that a client of that kind says, and needs no credential.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from drillbook.errors import DrillbookError, Refused
from drillbook.faults.fault import Aim
from drillbook.faults.places import Place, place_in, shell
from drillbook.faults.workloads import is_ready, read_workload, workload_of
from drillbook.model.policy import Component

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube, Permission

ANSWER_SECONDS: Final = 2
MOST_PODS_TRIED: Final = 8
_WORDS: Final = {
    "postgres": r"\000\000\000\010\004\322\026\057",
    "redis": r"PING\r\n",
    "": r"GET / HTTP/1.0\r\n\r\n",
}
"""By engine, as printf writes it: PostgreSQL's SSLRequest, Redis' PING, and HTTP for all others."""
_KNOCK: Final = """
host="$1" port="$2" words="$3" seconds="$4"
if command -v nc >/dev/null; then
  answer=$( (printf "$words"; sleep "$seconds") | timeout "$seconds" nc "$host" "$port" 2>/dev/null | head -c 1 | wc -c)
elif command -v bash >/dev/null; then
  answer=$(timeout "$seconds" bash -c 'exec 3<>"/dev/tcp/$0/$1" && printf "$2" >&3 && head -c 1 <&3' \
    "$host" "$port" "$words" 2>/dev/null | wc -c)
else
  exit 77
fi
[ "$answer" -gt 0 ]
"""


@dataclass(frozen=True, slots=True)
class Door:
    """Where a component is knocked at, and from which pod."""

    place: Place
    host: str
    port: int
    engine: str

    def document(self) -> Mapping[str, Any]:
        """As JSON has it."""
        return asdict(self)

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Door:
        """From its JSON document."""
        return cls(Place(**document["place"]), document["host"], document["port"], document["engine"])


@dataclass(frozen=True, slots=True)
class Knock:
    """One attempt."""

    answered: bool
    seconds: float
    """With all that exec itself takes."""


def knock_permissions(namespace: str) -> tuple[Permission, ...]:
    """What knocking from a pod of that namespace takes."""
    from drillbook.faults.places import exec_permissions

    return exec_permissions(namespace)


async def find_door(kube: Kube, aim: Aim, namespace: str = "", labels: str = "") -> Door:
    """A pod from which the component answers now, one that isn't the component's own. Read-only; raises Refused.

    ``namespace`` and ``labels`` say which pods; the component's own namespace and all of them where they are left out.
    """
    from drillbook.clients.kube import path_of

    component, where = aim.component, namespace or aim.component.namespace
    host, port = address_of(component)
    own = {
        pod["metadata"]["uid"] for pod in (await read_workload(kube, workload_of(component), component.namespace)).pods
    }
    others = [p for p in await kube.list(path_of("pods", where), labels=labels) if p["metadata"]["uid"] not in own]
    places = [place for pod in others if is_ready(pod) and (place := place_in(pod))]
    for place in places[:MOST_PODS_TRIED]:
        door = Door(place, host, port, component.engine or "")
        if (await knock(kube, door)).answered:
            return door
    named = f" with the labels {labels}" if labels else ""
    raise Refused(
        f"from none of the {len(places)} ready pods{named} in namespace {where} {host}:{port} was seen to answer (it "
        "takes a shell with nc or bash in one), so nobody could tell whether the network is cut"
    )


def address_of(component: Component) -> tuple[str, int]:
    """The name and port that other pods know a component by. Raises Refused where the policy gives none."""
    if component.service is None or component.port is None:
        raise Refused(f"component {component.id!r} has no service and port in its policy, by which pods would reach it")
    return f"{component.service}.{component.namespace}.svc", component.port


async def knock(kube: Kube, door: Door) -> Knock:
    """Knock once. Raises DrillbookError when nobody can knock from there any more."""
    words = _WORDS.get(door.engine, _WORDS[""])
    begun = time.monotonic()
    given = (door.host, str(door.port), words, str(ANSWER_SECONDS))
    done = await shell(kube, door.place, _KNOCK, *given, timeout=ANSWER_SECONDS + 10)
    return Knock(done.exit_code == 0, time.monotonic() - begun)


async def knocks(kube: Kube, doors: Sequence[Door]) -> Mapping[str, str]:
    """What came of knocking at each, in words, for evidence: ``silent`` where nobody answered."""
    said: dict[str, str] = {}
    for door in doors:
        try:
            seen = await knock(kube, door)
        except DrillbookError as error:
            said[str(door.place)] = f"nobody could knock: {error}"
        else:
            said[str(door.place)] = f"answered in {seen.seconds:.2f} s" if seen.answered else "silent"
    return said
