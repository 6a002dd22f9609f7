"""Tell the reference service in a sandbox to misbehave, and to behave again.

The sandbox's kubelet gives each container a control socket, ``pods/<uid>/<container>.sock`` in the sandbox's state, and
writes beside it, in ``pod.json``, whose it is.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from drillbook.errors import ConfigError, Unreachable
from drillbook.places import sandbox_dir
from drillbook.sandbox.refapp.switches import Switches

SECONDS: Final = 30.0
"""How long a pod may take to obey: opening many connections and filling much memory take a while."""


@dataclass(frozen=True, slots=True)
class Told:
    """One pod, and the switches that it confirmed."""

    pod: str
    namespace: str
    switches: Switches


def set_switches(sandbox_name: str, workload: str, **switches: float) -> tuple[Told, ...]:
    """Set the switches of a workload's running pods, and see each pod confirm them.

    ``switches`` are the fields of ``Switches``; those that aren't named go off, and so no switch at all turns all off.
    ``hold_connections`` is the total over the pods; the other ones hold for each pod. A pod that is started later
    behaves. Raises ConfigError for a switch or workload that doesn't exist, Unreachable for a sandbox that isn't
    running or a pod that doesn't obey.
    """
    wanted = Switches.of(switches)
    state = sandbox_dir(sandbox_name)
    if not state.is_dir():
        raise Unreachable(
            f"no sandbox called {sandbox_name!r} is running: expected its state at {state}; "
            f"start it with: drillbook sandbox up {sandbox_name}"
        )
    pods = _pods(state, workload)
    shares = _shares(wanted.hold_connections, len(pods))
    return tuple(
        Told(pod["name"], pod["namespace"], _tell(pod["name"], sockets, replace(wanted, hold_connections=share)))
        for (pod, sockets), share in zip(pods, shares, strict=True)
    )


def _pods(state: Path, workload: str) -> list[tuple[dict[str, Any], list[Path]]]:
    """The workload's pods that have control sockets, by name. ConfigError when there is none."""
    every: set[str] = set()
    found: list[tuple[dict[str, Any], list[Path]]] = []
    for file in sorted((state / "pods").glob("*/pod.json")):
        try:
            pod = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            # It is going away, or only coming: not running yet or any more.
            continue
        sockets = sorted(path for path in file.parent.glob("*.sock") if path.is_socket())
        app = pod.get("labels", {}).get("app", pod["name"])
        if sockets:
            every.add(app)
        if sockets and app == workload:
            found.append((pod, sockets))
    if not found:
        raise ConfigError(
            f"no running pod of {workload!r} takes switches: expected pods labelled app={workload} that run the "
            f"reference service; those that do are {', '.join(sorted(every)) or 'none'}"
        )
    return sorted(found, key=lambda entry: str(entry[0]["name"]))


def _shares(total: int, count: int) -> Sequence[int]:
    """A total split as evenly as it goes: 10 over 3 is 4, 3, 3."""
    return [total // count + (number < total % count) for number in range(count)]


def _tell(pod: str, sockets: list[Path], wanted: Switches) -> Switches:
    answer: dict[str, Any] = {}
    for path in sockets:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
                line.settimeout(SECONDS)
                line.connect(str(path))
                line.sendall(json.dumps(asdict(wanted)).encode() + b"\n")
                answer = json.loads(line.makefile("rb").readline())
        except (OSError, ValueError) as error:
            raise Unreachable(
                f"pod {pod} did not take the switches: expected an answer at {path}, found {error or 'none'}; "
                f"see its log: kubectl logs {pod}"
            ) from error
        if "error" in answer:
            raise Unreachable(f"pod {pod} could not set the switches: {answer['error']}")
    return Switches.of(answer["switches"])
