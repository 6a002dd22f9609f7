"""One file per fault, inject and undo side by side; a new one is one file and one line here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from drillbook.errors import ConfigError
from drillbook.faults.fault import Fault
from drillbook.faults.noop import Noop
from drillbook.faults.pod_kill import PodKill

FAULTS: Final[Mapping[str, Fault]] = {fault.name: fault for fault in (Noop(), PodKill())}


def fault_named(name: str) -> Fault:
    """The fault of that name. Raises ConfigError that lists those there are."""
    if name not in FAULTS:
        raise ConfigError(f"no fault named {name!r}; there are {', '.join(sorted(FAULTS))}")
    return FAULTS[name]
