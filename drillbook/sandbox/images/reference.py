"""An image name taken apart: ``registry/repository:tag@digest``."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True, slots=True)
class ImageReference:
    """The parts of an image name that a family looks at."""

    repository: str
    """Everything before tag and digest: ``postgres``, ``ghcr.io/org/solar-pv-backend``."""
    tag: str = "latest"

    @classmethod
    def parse(cls, image: str) -> ImageReference:
        """Take a name apart; a colon before the last slash belongs to a registry's port, not to a tag."""
        name = image.partition("@")[0]
        folder, slash, last = name.rpartition("/")
        base, _, tag = last.partition(":")
        return cls(f"{folder}{slash}{base}", tag or "latest")

    @property
    def base(self) -> str:
        """The last part of the repository: ``solar-pv-backend``."""
        return self.repository.rpartition("/")[2]

    def matches(self, pattern: str) -> bool:
        """Whether the repository fits a shell pattern; a pattern without a slash speaks of the last part alone."""
        return fnmatchcase(self.repository if "/" in pattern else self.base, pattern)
