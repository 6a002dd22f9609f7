"""Every way Drillbook says no: one sentence for a person, and the exit code that goes with it."""

from __future__ import annotations

from enum import IntEnum
from pathlib import Path


class ExitCode(IntEnum):
    """The command line's exit codes: documented, stable."""

    PASS = 0
    VIOLATION = 1
    USAGE = 2
    INCONCLUSIVE = 3
    DRILL_ABORTED = 4
    NOTHING_SELECTED = 5
    INTERRUPTED = 130


class DrillbookError(Exception):
    """A sentence that says what was expected, what was found, where, and what to do next."""

    exit_code = ExitCode.USAGE


class ConfigError(DrillbookError):
    """A file or an argument can't be used as it is written."""

    @classmethod
    def at(cls, path: Path | str, line: int | None, sentence: str) -> ConfigError:
        """Say where: ``policy.yaml:12: sentence``."""
        place = f"{path}:{line}" if line else str(path)
        return cls(f"{place}: {sentence}")


class Unreachable(DrillbookError):
    """Something that should answer doesn't: a cluster, a sandbox, a database."""

    exit_code = ExitCode.INCONCLUSIVE


class Refused(DrillbookError):
    """A drill that may not start. Every refusal begins ``not injecting:``."""

    exit_code = ExitCode.DRILL_ABORTED

    def __init__(self, because: str) -> None:
        super().__init__(f"not injecting: {because}")


class DrillAborted(DrillbookError):
    """A drill that was stopped on the way, or whose undo failed: a person must look."""

    exit_code = ExitCode.DRILL_ABORTED


class NothingSelected(DrillbookError):
    """The selection is empty, and an empty selection is never a pass."""

    exit_code = ExitCode.NOTHING_SELECTED
