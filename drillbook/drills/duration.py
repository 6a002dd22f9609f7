"""How long a drill may take at most: what windows must leave room for, and after which it is ended and undone.

All of it is known before anything is touched: how long somebody is ready to wait for the recovery, the time that each
step of the procedure may take, the waits for the documented alert, and what every drill takes beside those.
"""

from __future__ import annotations

from typing import Final

from drillbook.drills.recovery import GRACE_SECONDS
from drillbook.drills.steps.ground import seconds_of
from drillbook.model.policy import Procedure

BESIDE_SECONDS: Final = 300.0
"""Guard, baseline, injection, the looks after the recovery."""
UNDO_SECONDS: Final = 300.0
"""The undo, and the comparison of everything with what it was."""
ALERT_SECONDS: Final = 180.0
"""An alert is waited for so long at most until it fires, and again until it clears; one that may take longer isn't."""


def until_undo(timeout: float, procedure: Procedure | None, *, by_hand: bool, alert: bool) -> float:
    """Seconds from the drill's beginning until it is ended, whatever it is at then.

    People who recover by hand have ``timeout`` for all their steps.
    """
    steps = procedure.steps if procedure and not by_hand else ()
    followed = sum(seconds_of(step) + GRACE_SECONDS for step in steps)
    return BESIDE_SECONDS + timeout + followed + (2 * ALERT_SECONDS if alert else 0.0)
