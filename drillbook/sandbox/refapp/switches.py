"""How the reference service is told to misbehave: names, meaning and bounds of the switches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from drillbook.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Switches:
    """All off by default. They live in the process: one that is started anew behaves.

    Raises ConfigError for a value that makes no sense.
    """

    delay_seconds: float = 0.0
    """Every API request waits this long before it is worked on."""
    error_ratio: float = 0.0
    """This share of the API requests is answered with ``error_status``, evenly spread: 0.1 is every tenth."""
    error_status: int = 500
    """429 makes a provider whose rate limit is reached."""
    hold_connections: int = 0
    """So many database connections stay open beside the pool."""
    burn_cores: float = 0.0
    """So many processor cores are kept busy."""
    hold_bytes: int = 0
    """So much memory is kept filled."""

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            whole = name.startswith("hold_") or name == "error_status"
            if isinstance(value, bool) or not isinstance(value, int if whole else int | float) or not value >= 0:
                kind = "a whole number" if whole else "a number"
                raise ConfigError(f"switch {name}: expected {kind} of 0 or more, found {value!r}")
        if not 400 <= self.error_status <= 599:
            raise ConfigError(f"switch error_status: expected a status from 400 to 599, found {self.error_status!r}")
        if self.error_ratio > 1:
            raise ConfigError(f"switch error_ratio: expected a share between 0 and 1, found {self.error_ratio!r}")

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Switches:
        """Switches by name, the others off. ConfigError on an unknown name or a value that makes no sense."""
        known = [field.name for field in fields(cls)]
        unknown = sorted(set(given) - set(known))
        if unknown:
            raise ConfigError(f"no switch is called {', '.join(unknown)}; there are {', '.join(known)}")
        return cls(**given)
