"""Steps in a pod of their own, as ``kubectl run --rm`` makes one: it is deleted whatever comes of it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from drillbook.drills.steps.commands import expect
from drillbook.drills.steps.ground import Ground, Way, component_of, seconds_of
from drillbook.errors import Unreachable
from drillbook.model.policy import Policy
from drillbook.model.procedures import Entry

if TYPE_CHECKING:
    from drillbook.clients.kube import Object, Permission

LABEL: Final = "drillbook.dev/step"
CONTAINER: Final = "command"
POLL_SECONDS: Final = 0.2
RESOURCES: Final = {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"cpu": "500m", "memory": "256Mi"}}
"""Small, and said: a namespace with a quota takes no pod that doesn't say them."""


async def run_pod(ground: Ground, step: Entry) -> str:
    """One container, one command, no restart. Credentials come from Secrets by reference and never pass through us."""
    from drillbook.clients.kube import path_of

    namespace, image = ground.component(step).namespace, step.values["image"]
    created = await ground.kube.create(path_of("pods", namespace), _pod(namespace, step))
    name, uid = created["metadata"]["name"], created["metadata"]["uid"]
    try:
        ended = await _wait(ground, namespace, name, seconds_of(step))
        said = await ground.kube.logs(namespace, name, container=CONTAINER, tail=20)
        ground.printed.append(said)
        expect(ended, step.values["exit_code"], f"{step.values['command'][0]} in a pod of {image}", said)
    finally:
        await ground.kube.delete_pod(namespace, name, uid=uid, grace_seconds=0)
    return f"{step.values['command'][0]} ended with {ended} in a pod of {image}"


def _pod(namespace: str, step: Entry) -> Object:
    env: list[Any] = [{"name": name, "value": value} for name, value in step.values["env"].items()]
    for name, place in step.values["secrets"].items():
        secret, _, key = place.partition("/")
        env.append({"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}})
    container = {
        "name": CONTAINER,
        "image": step.values["image"],
        "command": list(step.values["command"]),
        "env": env,
        "resources": RESOURCES,
    }
    # It ends by itself even where nobody is left to delete it.
    spec = {"restartPolicy": "Never", "activeDeadlineSeconds": round(seconds_of(step)) + 60, "containers": [container]}
    name = f"drillbook-step-{secrets.token_hex(4)}"
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": {LABEL: "run-pod"}},
        "spec": spec,
    }


async def _wait(ground: Ground, namespace: str, name: str, seconds: float) -> int:
    """The exit code. Raises Unreachable with what the pod waits for: what the command says nobody knows then."""
    from drillbook.clients.kube import path_of

    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while True:
        status = (await ground.kube.get(path_of("pods", namespace, name))).get("status") or {}
        states = [one.get("state") or {} for one in status.get("containerStatuses") or ()]
        for state in states:
            if "terminated" in state:
                return int(state["terminated"]["exitCode"])
        if loop.time() >= deadline:
            waiting = next((s["waiting"].get("reason") for s in states if "waiting" in s), None)
            raise Unreachable(
                f"expected the pod's command to end within {seconds:g} s, found it {status.get('phase', 'Unknown')}"
                + (f" ({waiting})" if waiting else "")
            )
        await asyncio.sleep(POLL_SECONDS)


def _needs(policy: Policy, step: Entry) -> tuple[Permission, ...]:
    from drillbook.clients.kube import Permission

    namespace = component_of(policy, step).namespace
    verbs = [Permission(verb, "pods", "", namespace) for verb in ("create", "get", "delete")]
    return (*verbs, Permission("get", "pods/log", "", namespace))


WAYS: Final[Mapping[str, Way]] = {
    "run_pod": Way(run_pod, _needs, lambda step: f"{step.values['image']} {step.values['command'][0]}"),
}
