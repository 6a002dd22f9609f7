"""How far a measured outage is from the true one: a server is stopped for a known time and watched 50 times a second.

A stopped process refuses nothing and answers everything later, which is the hardest outage to measure.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence

from bench.ground import Ground
from bench.loopback import serving
from bench.measurement import Measurement
from drillbook.clients.http import open_http
from drillbook.clients.reach import Endpoint
from drillbook.clock import SYSTEM_CLOCK
from drillbook.drills.background import Background
from drillbook.drills.signals import read_signal
from drillbook.drills.watch import ANSWER_SECONDS, Signal, Watch
from drillbook.judge.outage import outages, union_seconds
from drillbook.model.policy import Route
from drillbook.model.timeline import Timeline

INTERVAL = 0.02
QUIET = 1.0
"""Seconds of good answers before and after."""
SUSTAINED = 0.5
TIMES = 5


def error(stopped: float) -> float:
    """Stop a server for ``stopped`` seconds; how far the measured outage is from that, in probe intervals."""
    with serving() as server, Background() as background:
        session = open_http(Endpoint("127.0.0.1", server.port, "127.0.0.1", False, "bench"), timeout=ANSWER_SECONDS)
        http = background.run(session.__aenter__())
        probe = Signal("read", INTERVAL, read_signal(http, Route("GET", "/")).ask, served=True)
        watch = Watch((probe,), SYSTEM_CLOCK.monotonic())
        background.run(watch.start())
        time.sleep(QUIET)
        watch.know_the_usual()
        begun = time.monotonic()
        os.kill(server.pid, signal.SIGSTOP)
        time.sleep(stopped)
        os.kill(server.pid, signal.SIGCONT)
        true = time.monotonic() - begun
        time.sleep(QUIET)
        background.run(watch.stop())
        background.run(session.__aexit__(None, None, None))
    seen = union_seconds(outages(Timeline((), tuple(watch.samples), watch.intervals), SUSTAINED))
    return abs(seen - true) / INTERVAL


def _take(stopped: float) -> Callable[[Ground], Sequence[float]]:
    return lambda _: [error(stopped) for _ in range(TIMES)]


MEASUREMENTS = tuple(
    Measurement(f"outage-{words}", f"error of a measured outage of {words}", "intervals", 2.0, _take(seconds))
    for words, seconds in (("100ms", 0.1), ("1s", 1.0), ("5s", 5.0))
)
