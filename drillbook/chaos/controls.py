"""A Chaos Toolkit control: nothing is broken in a dry run, and whatever was broken is undone, whatever the strategy.

``chaos run --dry probes`` and ``--dry pause`` do every action for real. And by default Chaos Toolkit plays no rollbacks
after a failure or an interruption; where they were played, there is nothing left for this to do.
"""

from __future__ import annotations

import logging
from typing import Any

from drillbook.chaos.actions import undo
from drillbook.chaos.doorway import DRY, watched

__all__ = ["after_experiment_control", "before_experiment_control"]


def before_experiment_control(context: Any, **_: Any) -> None:
    """Chaos Toolkit calls this once before it does anything of the experiment ``context``."""
    if context.get("dry"):
        DRY.append(str(context["dry"].value))


def after_experiment_control(context: Any, **_: Any) -> None:
    """Chaos Toolkit calls this once when the experiment ``context`` is over."""
    if watched() is None:
        done = undo()["undone"]
        for sentence in done:
            logging.getLogger("chaostoolkit").warning("%s: %s", context.get("title"), sentence)
