"""The images that the sandbox carries: from a name to a program of this machine.

A name that no family answers to, or a tag that its family never released, is an image that can't be pulled.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from drillbook.sandbox.images.program import Program


def resolve(image: str) -> Program | None:
    """The program behind an image name, or None where a kubelet would say ErrImagePull."""
    # The programs of this package run as modules of it, some of them every second: they must not load the table.
    from drillbook.sandbox.images.family import first_match
    from drillbook.sandbox.images.table import FAMILIES

    return first_match(FAMILIES, image)


@cache
def absent(image: str) -> str:
    """Why this machine lacks the program behind an image that the sandbox knows; empty where it doesn't.

    Not carrying it is no mistake of a manifest: nothing waits for such a pod.
    """
    from drillbook.sandbox.images.family import family_of
    from drillbook.sandbox.images.table import FAMILIES

    family = family_of(FAMILIES, image)
    return family.absent() if family else ""
