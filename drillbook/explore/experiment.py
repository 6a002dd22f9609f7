"""A found sequence as a Chaos Toolkit experiment: plain ``chaos run`` plays it again, one activity for each move."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import yaml

from drillbook.explore.moves import Sequence, activity, words

ACTIVITIES: Final = "drillbook.explore.activities"


def experiment(system: str, sequence: Sequence, promises: tuple[str, ...], most_seconds: float) -> dict[str, Any]:
    """The experiment; its hypothesis deviates where the promises are broken again.

    ``most_seconds``: as long as the search waited for a recovery at most.
    """
    return {
        "version": "1.0.0",
        "title": f"{system}: {words(sequence)}"[:120],
        "description": "Found by drillbook explore. It broke: " + "; ".join(promises),
        "tags": ["drillbook", "explored"],
        "configuration": {
            "system": system,
            "patience_seconds": most_seconds,
            "sandbox": {"type": "env", "key": "DRILLBOOK_SANDBOX", "default": system},
        },
        "steady-state-hypothesis": {
            "title": "Every promise is kept, and everything is put back",
            "probes": [{**_one("probe", "promises-kept", "promises_kept", {}), "tolerance": True}],
        },
        "method": [
            _one("action", f"{number}-{name}", name, arguments)
            for number, (name, arguments) in enumerate(map(activity, sequence), start=1)
        ],
        "rollbacks": [_one("action", "everything-back", "put_back", {})],
    }


def write(path: Path, system: str, sequence: Sequence, promises: tuple[str, ...], most_seconds: float) -> None:
    """Write it, with the commands that play it again on a new sandbox."""
    head = (
        f"# drillbook sandbox up {system}\n"
        f"# chaos run --rollback-strategy always {path.name}\n"
        f"# drillbook sandbox down {system}\n"
    )
    text = yaml.safe_dump(experiment(system, sequence, promises, most_seconds), sort_keys=False, width=110)
    path.write_text(head + text)


def _one(kind: str, name: str, func: str, arguments: dict[str, Any]) -> dict[str, Any]:
    provider: dict[str, Any] = {"type": "python", "module": ACTIVITIES, "func": func}
    if arguments:
        provider["arguments"] = arguments
    return {"type": kind, "name": name.replace("_", "-"), "provider": provider}
