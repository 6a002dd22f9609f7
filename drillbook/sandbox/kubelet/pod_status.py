"""A pod's status as its containers are. Pure but for the clock."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from drillbook.sandbox.controllers.pods import with_condition
from drillbook.sandbox.kinds import Object

if TYPE_CHECKING:
    from drillbook.sandbox.kubelet.container import Container


def build(
    before: Object, init: Sequence[Container], main: Sequence[Container], *, addresses: Object, failed: Object | None
) -> Object:
    """The whole status. ``addresses``: podIP, hostIP and startTime; ``failed``: reason and message of a pod that was
    ended as a whole (evicted, deadline exceeded)."""
    status = dict(before) | addresses
    status["phase"] = "Failed" if failed else phase(init, main)
    if failed:
        status |= failed
    if init:
        status["initContainerStatuses"] = [container_status(c) for c in init]
    status["containerStatuses"] = [container_status(c) for c in main]
    status["conditions"] = _conditions(status, init, main)
    return status


def phase(init: Sequence[Container], main: Sequence[Container]) -> str:
    """Pending until a container has started; Succeeded or Failed when none will run again."""
    if any(c.exit_code not in {None, 0} and c.policy == "Never" for c in init):
        return "Failed"
    codes = [c.exit_code for c in main]
    if main and all(code is not None for code in codes) and not any(_comes_again(c) for c in main):
        return "Succeeded" if all(code == 0 for code in codes) else "Failed"
    if any(c.running or c.exit_code is not None or c.restarts for c in main):
        return "Running"
    return "Pending"


def container_status(container: Container) -> Object:
    """One entry of ``containerStatuses``."""
    status: Object = {
        "name": container.name,
        "image": container.spec["image"],
        "imageID": f"drillbook.dev/{container.spec['image']}" if container.id else "",
        "ready": container.exit_code == 0 if container.init else container.ready,
        "restartCount": container.restarts,
        "started": container.started,
        "state": container.state,
        "lastState": {} if container.last_state == container.state else container.last_state,
    }
    if container.id:
        status["containerID"] = f"drillbook://{container.id}"
    return status


def _comes_again(container: Container) -> bool:
    if container.stopping:
        return False
    return container.policy == "Always" or (container.policy == "OnFailure" and container.exit_code != 0)


def _conditions(status: Object, init: Sequence[Container], main: Sequence[Container]) -> list[Object]:
    conditions = status.get("conditions") or []
    waiting = [c.name for c in init if not _initialised(c)]
    unready = [c.name for c in main if not c.ready]
    completed = status["phase"] in {"Succeeded", "Failed"}
    conditions = with_condition(conditions, "PodReadyToStartContainers", "False" if completed else "True")
    if waiting and status["phase"] != "Succeeded":
        conditions = with_condition(
            conditions,
            "Initialized",
            "False",
            "ContainersNotInitialized",
            f"containers with incomplete status: {_list(waiting)}",
        )
    else:
        reason = "PodCompleted" if status["phase"] == "Succeeded" else ""
        conditions = with_condition(conditions, "Initialized", "True", reason)
    for type_ in ("Ready", "ContainersReady"):
        if status["phase"] == "Succeeded":
            conditions = with_condition(conditions, type_, "False", "PodCompleted")
        elif status["phase"] == "Failed":
            conditions = with_condition(conditions, type_, "False", "PodFailed")
        elif unready:
            message = f"containers with unready status: {_list(unready)}"
            conditions = with_condition(conditions, type_, "False", "ContainersNotReady", message)
        else:
            conditions = with_condition(conditions, type_, "True")
    order = ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"]
    return sorted(conditions, key=lambda c: order.index(c["type"]) if c["type"] in order else len(order))


def _initialised(container: Container) -> bool:
    return container.exit_code == 0 or (container.policy == "Always" and container.started)


def _list(names: Sequence[str]) -> str:
    return f"[{' '.join(names)}]"
