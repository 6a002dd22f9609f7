"""Times of day as Kubernetes writes them into objects."""

from __future__ import annotations

from datetime import UTC, datetime


def written(moment: datetime) -> str:
    """``2026-01-31T12:00:00Z``: UTC, whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
