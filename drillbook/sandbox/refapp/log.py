"""One line of JSON for each thing that happened, on standard output, as a cluster's log collector wants it."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime


def log(level: str, event: str, **facts: object) -> None:
    """Write one line; ``level`` is INFO, WARNING or ERROR."""
    moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    line = json.dumps({"time": moment, "level": level, "event": event, **facts}, ensure_ascii=False, default=str)
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def info(event: str, **facts: object) -> None:
    log("INFO", event, **facts)


def warning(event: str, **facts: object) -> None:
    log("WARNING", event, **facts)


def error(event: str, **facts: object) -> None:
    log("ERROR", event, **facts)
