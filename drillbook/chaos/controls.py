"""A Chaos Toolkit control: whatever a plain ``chaos run`` has broken is undone at its end, whatever its strategy.

By default Chaos Toolkit plays no rollbacks after a failure or an interruption. Where they were played, there is nothing
left for this to do.
"""

from __future__ import annotations

import logging
from typing import Any

from drillbook.chaos.actions import undo
from drillbook.chaos.doorway import watched

__all__ = ["after_experiment_control"]


def after_experiment_control(context: Any, **_: Any) -> None:
    """Chaos Toolkit calls this once when the experiment ``context`` is over."""
    if watched() is None:
        done = undo()["undone"]
        for sentence in done:
            logging.getLogger("chaostoolkit").warning("%s: %s", context.get("title"), sentence)
