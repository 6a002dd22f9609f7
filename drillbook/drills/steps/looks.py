"""Steps that look: objectives that must hold then, one request, the logs of every pod; and what only a person does."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from drillbook.drills.steps.ground import Ground, Way, seconds_of
from drillbook.drills.steps.workloads import may
from drillbook.errors import ConfigError, DrillAborted, Unreachable
from drillbook.faults.workloads import read_workload, workload_of
from drillbook.model.policy import Policy
from drillbook.model.procedures import Entry
from drillbook.model.verdict import Status

if TYPE_CHECKING:
    from drillbook.clients.kube import Permission

RETRY_SECONDS: Final = 0.5
REQUEST_SECONDS: Final = 10.0
LOG_SECONDS: Final = 15.0
"""How long a pod may take to have a log: containers that crash or start have none for moments."""


async def check(ground: Ground, step: Entry) -> str:
    """The objectives hold; asked again until they do or the step's time is over."""
    from drillbook.checking import check_objectives, is_attested

    wanted = tuple(one for one in ground.policy.objectives if one.id in step.values["hold"])
    asked = tuple(one for one in wanted if ground.environment.asks_people or not is_attested(one))
    if not asked:
        raise ConfigError(
            f"expected an objective that can be asked here, found none of {', '.join(step.values['hold'])}"
        )
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds_of(step)
    while True:
        verdicts = await asyncio.to_thread(
            check_objectives, ground.policy, ground.environment, ground.waivers, asked, clock=ground.clock
        )
        bad = [verdict for verdict in verdicts if verdict.status not in {Status.PASS, Status.WAIVED}]
        if not bad:
            return f"{', '.join(one.id for one in asked)} {'holds' if len(asked) == 1 else 'hold'}"
        if loop.time() >= deadline:
            first = min(bad, key=lambda verdict: verdict.status is not Status.FAIL)
            kind = DrillAborted if first.status is Status.FAIL else Unreachable
            raise kind(f"expected {first.id} to hold, found it {first.status}: {first.reason}")
        await asyncio.sleep(RETRY_SECONDS)


async def http(ground: Ground, step: Entry) -> str:
    """One request where users come in; sent again until it is answered as expected or the step's time is over."""
    from drillbook.clients.access import authority_of
    from drillbook.clients.http import Request, open_http
    from drillbook.clients.reach import http_endpoint

    component, request = ground.component(step), Request("GET", step.values["path"])
    endpoint = await http_endpoint(ground.kube.itself, ground.environment, component)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds_of(step)
    ca = authority_of(ground.environment, component.id)
    async with open_http(endpoint, ca=ca, timeout=REQUEST_SECONDS) as client:
        while True:
            answer = await client.send(request)
            if answer.status == step.values["status"]:
                return f"GET {request.path} was answered with {answer.status}"
            if loop.time() >= deadline:
                found = answer.problem or f"HTTP {answer.status}"
                raise DrillAborted(
                    f"expected HTTP {step.values['status']} from {endpoint}{request.path}, found {found}"
                )
            await asyncio.sleep(RETRY_SECONDS)


async def logs(ground: Ground, step: Entry) -> str:
    """The newest lines of every pod; only how many there are is kept, since a log can hold anything.

    A pod whose container hasn't started has no log yet: that is told, and an error only where no pod has one for as
    long as a person would try again.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + min(seconds_of(step), LOG_SECONDS)
    while True:
        try:
            return await _logs_now(ground, step)
        except _NoLog:
            if loop.time() >= deadline:
                raise
        await asyncio.sleep(RETRY_SECONDS)


class _NoLog(DrillAborted):
    """Not one pod has a log now."""


async def _logs_now(ground: Ground, step: Entry) -> str:
    from drillbook.clients.kube import ApiRefusal

    component = ground.component(step)
    state = await read_workload(ground.kube, workload_of(component), component.namespace)
    if not state.pods:
        raise _NoLog(f"expected pods of {state.workload} to read the logs of, found none")
    count, hits, text, silent = 0, 0, step.values["text"], list[str]()
    for pod in state.pods:
        container = pod["spec"]["containers"][0]["name"]
        name = pod["metadata"]["name"]
        try:
            said = await ground.kube.logs(component.namespace, name, container=container, tail=step.values["tail"])
        except ApiRefusal as refused:
            if refused.code not in {400, 404}:
                raise
            silent.append(str(refused))
            continue
        ground.printed.append(said)
        lines = said.splitlines()
        count, hits = count + len(lines), hits + sum(text in line for line in lines if text)
    read = len(state.pods) - len(silent)
    if not read:
        raise _NoLog(f"expected a log of {state.workload} to read, found none of {len(silent)} pods: {silent[0]}")
    found = f", {hits} of them with {text!r}" if text else ""
    without = f"; {len(silent)} pods have no log yet" if silent else ""
    return f"{count} lines of {read} pods were read{found}{without}"


async def human(ground: Ground, step: Entry) -> str:
    """Nobody is asked: it is assumed done, and says so. What a person would correct is corrected, by the undo."""
    what = step.values["what"]
    if step.values["corrects"] and ground.correct is not None:
        return f"done in the place of a person: {what}: {await ground.correct()}"
    return f"assumed done by a person: {what}"


def _log_needs(policy: Policy, step: Entry) -> tuple[Permission, ...]:
    from drillbook.clients.kube import Permission

    own: tuple[Permission, ...] = may()(policy, step)
    return (*own, Permission("get", "pods/log", "", own[0].namespace))


def _none(_policy: Policy, _step: Entry) -> tuple[Permission, ...]:
    """What objectives and requests need is needed before the drill already."""
    return ()


WAYS: Final[Mapping[str, Way]] = {
    "check": Way(check, _none, lambda step: ", ".join(step.values["hold"])),
    "http": Way(http, _none, lambda step: str(step.values["path"])),
    "logs": Way(logs, _log_needs),
    "human": Way(human, _none, lambda step: str(step.values["what"])),
}
