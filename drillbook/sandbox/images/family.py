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
    absent: Callable[[], str] = str
    """Why this machine can't start it, for programs that no package brings along; empty where it can."""


def family_of(families: Iterable[Family], image: str) -> Family | None:
    """The first family that answers to an image's name."""
    reference = ImageReference.parse(image)
    return next((f for f in families if any(reference.matches(pattern) for pattern in f.patterns)), None)


def first_match(families: Iterable[Family], image: str) -> Program | None:
    """What the first family that answers to the name starts; None for no family, no such tag, or no program here."""
    family = family_of(families, image)
    return None if family is None or family.absent() else family.program(ImageReference.parse(image))
