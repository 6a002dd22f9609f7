"""What a container waits for before it can start: its image, its configuration, its ports, room on the disk."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING, Final

from drillbook.sandbox.images import absent
from drillbook.sandbox.images.program import Program
from drillbook.sandbox.kubelet import backoff
from drillbook.sandbox.kubelet.environment import ConfigMissing
from drillbook.sandbox.kubelet.surroundings import Surroundings, build
from drillbook.sandbox.network.listeners import who_listens

if TYPE_CHECKING:
    from drillbook.sandbox.kubelet.container import Container

RETRY_CONFIG: Final = 2.0
"""How soon a container that lacks a key is tried again: whoever adds the key shouldn't wait long."""


async def until_image(container: Container) -> Program:
    """Wait until the image resolves; tells ErrImagePull and ImagePullBackOff in turn."""
    image, pulls = container.spec["image"], 0
    while (program := container.worker.resolve(image)) is None:
        because = absent(image) or "the sandbox carries no such image"
        missing = f'failed to pull and unpack image "{image}": not found: {because}'
        container.say("warning", "Failed", f'Failed to pull image "{image}": {missing}')
        container.say("warning", "Failed", "Error: ErrImagePull")
        container.waits("ErrImagePull", missing)
        wait = min(backoff.LONGEST, backoff.FIRST * 2**pulls)
        pulls += 1
        await asyncio.sleep(min(1.0, wait))
        container.say("normal", "BackOff", f'Back-off pulling image "{image}"')
        container.say("warning", "Failed", "Error: ImagePullBackOff")
        container.waits("ImagePullBackOff", f'Back-off pulling image "{image}": ErrImagePull: {missing}')
        await asyncio.sleep(wait - 1.0)
    container.say("normal", "Pulled", f'Container image "{image}" already present on machine')
    return program


async def until_configured(container: Container, program: Program) -> Surroundings | None:
    """Wait until all that the container refers to is there and its log can be written; None when the pod ends first."""
    while not container.stopping:
        container.id = secrets.token_hex(32)
        try:
            _check_ports(container)
            surroundings = build(
                container.worker.cluster,
                container.worker.isolation,
                container.worker.pod,
                container.spec,
                program,
                container_id=container.id,
                folder=container.folder,
                mounted=container.worker.mounted,
                hosts=container.worker.hosts,
            )
            container.open_log()
        except ConfigMissing as error:
            container.waits("CreateContainerConfigError", str(error))
            container.say("warning", "Failed", f"Error: {error}")
        except OSError as error:
            container.waits("CreateContainerError", error.strerror or str(error))
            container.say("warning", "Failed", f"Error: {error.strerror or error}")
        else:
            return surroundings
        await asyncio.sleep(RETRY_CONFIG)
    return None


def _check_ports(container: Container) -> None:
    """A program of the host on all addresses takes the port from every pod: better said here than by a crash."""
    for port in container.spec.get("ports") or ():
        if port.get("protocol", "TCP") == "TCP":
            number = int(port["containerPort"])
            holder = who_listens(number)
            if holder:
                raise OSError(0, f"port {number} of this machine is taken by {holder}; stop that program")
