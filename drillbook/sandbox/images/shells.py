"""Images that people start for a shell or one command: ``kubectl run debug --image=busybox --rm -it -- sh``."""

from __future__ import annotations

from drillbook.sandbox.images.family import Family
from drillbook.sandbox.images.program import Program
from drillbook.sandbox.images.reference import ImageReference
from drillbook.sandbox.images.tools import common, module


def program(reference: ImageReference) -> Program:
    """A shell, with the tools of the host and two of busybox; the curl image runs curl on what it is given."""
    if reference.base == "curl":
        return Program(entrypoint=("curl",), arguments=("--help",), shims=common())
    tools = {name: module("drillbook.sandbox.images.busybox", name) for name in ("nc", "nslookup")}
    return Program(entrypoint=(), arguments=("sh",), shims=common() | tools)


FAMILY = Family(("busybox", "alpine", "debian", "ubuntu", "python", "curlimages/curl", "curl"), program)
