"""A family of images: the names that it answers to, and the program that they start."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from drillbook.sandbox.images.program import Program
from drillbook.sandbox.images.reference import ImageReference


@dataclass(frozen=True, slots=True)
class Family:
    """One line of the table of images."""

    patterns: tuple[str, ...]
    """Shell patterns of repositories; see ``ImageReference.matches``."""
    program: Callable[[ImageReference], Program | None]
    """What the image starts; None for a tag that was never released, as a registry would answer."""


def first_match(families: Iterable[Family], image: str) -> Program | None:
    """The program that the first family that answers to the name starts; None for no family, or no such tag."""
    reference = ImageReference.parse(image)
    for family in families:
        if any(reference.matches(pattern) for pattern in family.patterns):
            return family.program(reference)
    return None
