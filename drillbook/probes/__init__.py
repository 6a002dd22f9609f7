"""Probes look at a live system and return what they saw, with its evidence. They know no threshold."""

from drillbook.probes.catalogue import PROBES
from drillbook.probes.collecting import collect

__all__ = ["PROBES", "collect"]
