"""The watch: even, open-loop, and honest about its own stalls."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import pairwise

import pytest

from drillbook.clients.http import open_http
from drillbook.clients.reach import Endpoint
from drillbook.clock import SYSTEM_CLOCK
from drillbook.drills.background import Background
from drillbook.drills.signals import read_signal
from drillbook.drills.watch import ANSWER_SECONDS, Look, Signal, Watch
from drillbook.judge.outage import outages
from drillbook.model.policy import Route
from drillbook.model.timeline import Sample, Timeline

EVERY = 0.02


async def good() -> Look:
    return Look(True)


def watched(*signals: Signal, seconds: float) -> Watch:
    """Watch for so long on a loop of its own."""
    watch = Watch(signals, SYSTEM_CLOCK.monotonic())
    with Background() as background:
        background.run(watch.start())
        time.sleep(seconds)
        background.run(watch.stop())
    return watch


def by_due(watch: Watch) -> list[Sample]:
    return sorted(watch.samples, key=lambda s: s.due)


def test_probes_leave_at_their_rate_however_long_the_answers_take() -> None:
    async def slow() -> Look:
        await asyncio.sleep(0.3)
        return Look(True)

    dues = [s.due for s in by_due(watched(Signal("read", EVERY, slow), seconds=1.0))]
    # Every probe that was due was sent, or noted as missed; a closed loop would have sent four.
    assert len(dues) > 35
    assert all(round((b - a) / EVERY) >= 1 for a, b in pairwise(dues))


def test_a_probe_without_an_answer_is_bad_after_its_time() -> None:
    async def never() -> Look:
        await asyncio.sleep(60)
        return Look(True)

    watch = watched(Signal("read", 0.2, never), seconds=ANSWER_SECONDS + 0.3)
    assert not any(s.good for s in watch.samples)
    assert all(ANSWER_SECONDS <= s.took < ANSWER_SECONDS + 1 for s in watch.samples)
    assert watch.quiet_seconds(0.0) < 0.5


def test_a_stall_of_our_own_is_told_and_looks_like_no_outage() -> None:
    stalled = False

    async def stalls_once() -> Look:
        nonlocal stalled
        if not stalled:
            stalled = True
            time.sleep(0.4)  # noqa: ASYNC251
        return Look(True)

    watch = watched(Signal("read", EVERY, stalls_once), seconds=1.0)
    assert all(s.good for s in watch.samples)
    (stall,) = [e for e in watch.stalls if e.details["missed"] > 10]
    assert "this machine was busy" in stall.text
    dues = [s.due for s in by_due(watch)]
    assert max(b - a for a, b in pairwise(dues)) > 0.3


def test_a_probe_that_fails_by_itself_is_told_once_and_is_no_outage() -> None:
    async def no_space_left() -> Look:
        raise OSError(28, "No space left on device")

    watch = watched(Signal("write", EVERY, no_space_left), seconds=0.3)
    assert watch.samples == []
    (told,) = [e for e in watch.stalls if "failed" in e.text]
    assert told.text == "the write probe itself failed: [Errno 28] No space left on device"


def test_quiet_seconds_begin_again_with_every_bad_answer() -> None:
    begun = time.monotonic()

    async def bad_at_first() -> Look:
        return Look(time.monotonic() - begun > 0.3, "not yet")

    watch = watched(Signal("read", EVERY, bad_at_first), seconds=1.0)
    # 1.0 s watched, and stopping takes no time; bad for the first 0.3 s.
    assert 0.5 < watch.quiet_seconds(0.0) < 1.5


SERVER = """
import http.server, sys
class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.send_response(200); self.send_header("Content-Length", "2"); self.end_headers(); self.wfile.write(b"ok")
    def log_message(self, *words): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Answer)
server.daemon_threads = True
print(server.server_port, flush=True)
server.serve_forever()
"""


@contextmanager
def web_process(port: int = 0) -> Iterator[tuple[int, int]]:
    """A web server in a process of its own: its port and pid."""
    process = subprocess.Popen([sys.executable, "-c", SERVER, str(port)], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    try:
        yield int(process.stdout.readline()), process.pid
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@contextmanager
def probing(background: Background, port: int, origin: float) -> Iterator[Watch]:
    """A watch that is not started yet, of the server on that port."""
    session = open_http(Endpoint("127.0.0.1", port, "127.0.0.1", False, "a test"), timeout=ANSWER_SECONDS)
    http = background.run(session.__aenter__())
    yield Watch((Signal("read", EVERY, read_signal(http, Route("GET", "/")).ask, served=True),), origin)
    background.run(session.__aexit__(None, None, None))


@pytest.mark.parametrize("down", [0.3, pytest.param(1.5, marks=pytest.mark.slow)])
def test_a_known_outage_is_measured_to_within_a_few_probe_intervals(down: float) -> None:
    """A server that is gone for a known time; connections are refused meanwhile."""
    origin = SYSTEM_CLOCK.monotonic()
    with Background() as background, ExitStack() as opened:
        with web_process() as (port, _):
            watch = opened.enter_context(probing(background, port, origin))
            background.run(watch.start())
            time.sleep(0.5)
        gone = SYSTEM_CLOCK.monotonic() - origin
        time.sleep(down)
        with web_process(port):
            back = SYSTEM_CLOCK.monotonic() - origin
            time.sleep(1.0)
            background.run(watch.stop())
    (found,) = outages(Timeline((), tuple(watch.samples), watch.intervals), 0.4)
    # The process takes a moment to die after the signal and to listen before it says so: 50 ms for both.
    assert abs((found.end - found.begin) - (back - gone)) < 4 * EVERY + 0.1


@pytest.mark.parametrize("stopped", [0.3, pytest.param(ANSWER_SECONDS + 0.7, marks=pytest.mark.slow)])
def test_a_stopped_process_is_seen_as_down_for_as_long_as_nothing_is_answered(stopped: float) -> None:
    """It refuses nothing, and answers everything when it goes on: only the lateness shows."""
    origin = SYSTEM_CLOCK.monotonic()
    with web_process() as (port, pid), Background() as background, probing(background, port, origin) as watch:
        background.run(watch.start())
        time.sleep(0.5)
        watch.know_the_usual()
        os.kill(pid, signal.SIGSTOP)
        gone = SYSTEM_CLOCK.monotonic() - origin
        time.sleep(stopped)
        os.kill(pid, signal.SIGCONT)
        back = SYSTEM_CLOCK.monotonic() - origin
        time.sleep(0.6)
        background.run(watch.stop())
    found = outages(Timeline((), tuple(watch.samples), watch.intervals), 0.4)
    # How late is late follows from the usual, which a busy machine makes slower: 0.1 s for that.
    assert found[0].begin == pytest.approx(gone, abs=EVERY + 0.1)
    assert found[-1].end == pytest.approx(back, abs=EVERY + 0.1)


def test_late_answers_are_bad_only_where_somebody_is_served_and_the_usual_is_known() -> None:
    delay = 0.0

    async def answer() -> Look:
        await asyncio.sleep(delay)
        return Look(True)

    watch = Watch(
        (Signal("read", EVERY, answer, served=True), Signal("ready", EVERY, answer)), SYSTEM_CLOCK.monotonic()
    )
    with Background() as background:
        background.run(watch.start())
        time.sleep(0.3)
        delay = 0.5
        time.sleep(0.6)
        assert all(s.good for s in watch.samples), "nobody knows the usual yet"
        delay = 0.0
        time.sleep(0.6)
        watch.samples.clear()
        time.sleep(0.2)
        watch.know_the_usual()
        delay = 0.7
        time.sleep(0.9)
        background.run(watch.stop())
    bad = [s for s in watch.samples if not s.good]
    assert bad
    assert {s.signal for s in bad} == {"read"}
    assert "answered late: 0.7" in bad[0].detail
