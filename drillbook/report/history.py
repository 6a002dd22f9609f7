"""What earlier runs saw of one objective, read from the reports that are still there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Json = dict[str, Any]


def last_values(root: Path, name: str, most: int = 5) -> list[tuple[str, Json]]:
    """The newest runs in which ``name`` (``solar/api-latency``) was judged: when, and its verdict. Newest first.

    A run that can't be read, because it is half written or of another version, is passed over.
    """
    found: list[tuple[str, Json]] = []
    for moment, verdict in _verdicts(root, name):
        found.append((moment, verdict))
        if len(found) == most:
            break
    return found


def _verdicts(root: Path, name: str) -> Iterator[tuple[str, Json]]:
    for path in sorted(root.glob("[0-9]*/run.json"), key=lambda p: p.parent.name, reverse=True):
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            judged = [v for v in document["verdicts"] if v["id"] == name]
            yield from ((v["at"], v) for v in judged if isinstance(v["status"], str) and isinstance(v["text"], str))
        except (OSError, ValueError, KeyError, TypeError):
            continue
