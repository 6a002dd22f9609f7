"""Which container a request means."""

from __future__ import annotations

from drillbook.sandbox.kinds import Object
from drillbook.sandbox.status import bad_request

_LISTS = ("initContainers", "containers", "ephemeralContainers")


def chosen_container(pod: Object, asked: str) -> str:
    """The container asked for, or the only one there is. ApiError 400 when that isn't clear."""
    name = pod["metadata"]["name"]
    names: dict[str, list[str]] = {which: [c["name"] for c in pod["spec"].get(which) or []] for which in _LISTS}
    if asked:
        if not any(asked in found for found in names.values()):
            raise bad_request(f"container {asked} is not valid for pod {name}")
        return asked
    if len(names["containers"]) == 1:
        return names["containers"][0]
    sentence = f"a container name must be specified for pod {name}, choose one of: [{' '.join(names['containers'])}]"
    if names["initContainers"]:
        sentence += f" or one of the init containers: [{' '.join(names['initContainers'])}]"
    raise bad_request(sentence)


def is_running(pod: Object, container: str) -> bool:
    """Whether a container's process runs, by the pod's status."""
    status = pod.get("status") or {}
    for which in ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"):
        for state in status.get(which) or []:
            if state.get("name") == container:
                return "running" in (state.get("state") or {})
    return False
