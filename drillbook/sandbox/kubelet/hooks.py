"""What a container has done after its start and before its end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from drillbook.sandbox.kinds import Object
from drillbook.sandbox.kubelet import probes, probing
from drillbook.sandbox.kubelet.process import StartError

if TYPE_CHECKING:
    from drillbook.sandbox.kubelet.container import Container

AFTER_START: Final = 60.0
"""Seconds that a postStart hook may take."""


async def post_start(container: Container) -> None:
    """The container counts as running only when this is over; a failure ends it."""
    hook = (container.spec.get("lifecycle") or {}).get("postStart")
    failed = await _run(container, hook, AFTER_START) if hook else None
    if failed:
        container.say("warning", "FailedPostStartHook", f"PostStartHook failed: {failed}")
        container.kill()


async def pre_stop(container: Container, grace_seconds: float) -> None:
    """Before the stop signal, within the same grace; a failure is told and changes nothing."""
    hook = (container.spec.get("lifecycle") or {}).get("preStop")
    failed = await _run(container, hook, grace_seconds) if hook and grace_seconds > 0 else None
    if failed:
        container.say("warning", "FailedPreStopHook", f"PreStopHook failed: {failed}")


async def _run(container: Container, hook: Object, seconds: float) -> str | None:
    """Do what a hook says, for so long at most; returns what went wrong, if anything did."""
    if "sleep" in hook:
        await asyncio.sleep(min(seconds, float(hook["sleep"]["seconds"])))
        return None
    if "httpGet" in hook:
        address = container.worker.pod["status"]["podIP"]
        port = probing.port_of(container.spec, hook["httpGet"]["port"])
        return await probes.http(address, port, hook["httpGet"], seconds)
    try:
        code, said = await container.execute(list(hook["exec"]["command"]), seconds)
    except StartError as error:
        return str(error)
    except TimeoutError:
        return f"it did not end within {seconds:g} s"
    return f"exit code {code}, message: {said!r}" if code else None
