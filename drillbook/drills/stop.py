"""The stop key: Ctrl-C, SIGTERM and a closed terminal end a drill at any moment, once, and never its undo."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Final, Self

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stop:
    """While it is entered, the first signal raises KeyboardInterrupt where it is armed; all others are only counted."""

    def __init__(self, narrate: Callable[[str], None]) -> None:
        self.asked = 0
        """How often somebody asked to stop."""
        self._armed = False
        self._narrate = narrate
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        # Signals reach only the main thread; a drill in another one can't be stopped by them anyway.
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._on_signal) for number in _SIGNALS}
        return self

    def arm(self) -> None:
        """From now on a signal interrupts; at once, if there was one already."""
        self._armed = True
        if self.asked:
            self.disarm()
            raise KeyboardInterrupt

    def disarm(self) -> None:
        """From now on a signal is only counted."""
        self._armed = False

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.asked += 1
        if self._armed:
            self._armed = False
            raise KeyboardInterrupt
        self._narrate("stopping as soon as everything is put back")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
