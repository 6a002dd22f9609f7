"""The keys of a game day: Enter, s and q, one by one from a terminal, as lines from anything else.

The terminal is asked for single keys only while the keyboard is entered, and has its settings back afterwards, also
when what happens meanwhile fails. The stop key is a Ctrl-C for the process, so that there is one way to stop. Ctrl-Z is
off meanwhile: a drill that is halted breaks things without watching them.
"""

from __future__ import annotations

import os
import select
import signal
import termios
import threading
import time
import tty
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any, Final, Self

from drillbook.drills.manual import Word

HELD_SECONDS: Final = 0.3
"""Keys that follow each other faster come from one that is held, or was hit twice: each would claim a step."""
_WORDS: Final = {"": Word.DONE, "s": Word.SKIPPED}
_STOP: Final = "q"


def interrupt() -> None:
    """What Ctrl-C does."""
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


class Keyboard:
    """A context manager; while it is entered a thread reads the keys."""

    def __init__(self, handle: int = 0, stop: Callable[[], None] = interrupt) -> None:
        """``handle``: the descriptor to read; ``stop`` is called, in a thread, for each stop key."""
        self._handle, self._stop = handle, stop
        self._said: SimpleQueue[Word] = SimpleQueue()
        self._single = _is_ours(handle)
        self._gone = os.isatty(handle) and not self._single
        self._line = b""
        self._last = 0.0
        self._before: list[Any] = []
        self._bell, self._ring = -1, -1
        self._thread = threading.Thread(target=self._read, name="drillbook-keyboard", daemon=True)

    @property
    def is_there(self) -> bool:
        """Whether a key could still come: not at the end of a file, nor from a terminal that was closed."""
        return not self._gone

    def word(self, seconds: float) -> Word | None:
        """The next word; None where none is said within ``seconds``."""
        with suppress(Empty):
            return self._said.get(timeout=seconds)
        return None

    def forget(self) -> None:
        """What was typed until now doesn't count."""
        while self.word(0) is not None:
            pass

    def __enter__(self) -> Self:
        if self._single:
            self._before = termios.tcgetattr(self._handle)
            tty.setcbreak(self._handle, termios.TCSANOW)
            mode = termios.tcgetattr(self._handle)
            mode[6][termios.VSUSP] = bytes([os.fpathconf(self._handle, "PC_VDISABLE")])
            termios.tcsetattr(self._handle, termios.TCSANOW, mode)
        self._bell, self._ring = os.pipe()
        if not self._gone and select.select([self._handle], [], [], 0)[0]:
            # So that nobody being there is known at once.
            self._take()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.write(self._ring, b".")
        self._thread.join()
        os.close(self._ring)
        os.close(self._bell)
        if self._single:
            # A terminal that was closed has no settings any more.
            with suppress(termios.error):
                termios.tcflush(self._handle, termios.TCIFLUSH)
                termios.tcsetattr(self._handle, termios.TCSANOW, self._before)

    def _read(self) -> None:
        while not self._gone:
            ready, _, _ = select.select([self._handle, self._bell], [], [])
            if self._bell in ready:
                return
            self._take()

    def _take(self) -> None:
        try:
            typed = os.read(self._handle, 1024)
        except OSError:
            typed = b""
        if not typed:
            self._gone = True
        elif self._single:
            self._keys(typed)
        else:
            self._lines(typed)

    def _keys(self, typed: bytes) -> None:
        if typed.startswith(b"\x1b"):
            # An arrow, or whatever else sends several characters: no word of ours.
            return
        for key in typed.decode(errors="replace"):
            now, last = time.monotonic(), self._last
            self._last = now
            if key == _STOP or now - last >= HELD_SECONDS:
                self._say("" if key in "\r\n" else key)

    def _lines(self, typed: bytes) -> None:
        *whole, self._line = (self._line + typed).split(b"\n")
        for line in whole:
            self._say(line.decode(errors="replace").strip())

    def _say(self, key: str) -> None:
        if key == _STOP:
            self._stop()
        elif key in _WORDS:
            self._said.put(_WORDS[key])


def _is_ours(handle: int) -> bool:
    """Whether it is a terminal that this process may read: in the background of a shell it would be halted."""
    if not os.isatty(handle):
        return False
    try:
        return os.tcgetpgrp(handle) == os.getpgrp()
    except OSError:
        # A terminal that controls nobody: whoever opened it for us means it.
        return True
