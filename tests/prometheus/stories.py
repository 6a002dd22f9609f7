"""The jobs that the tests ask for, each a way in which a number can be got wrong."""

from __future__ import annotations

from tests.prometheus.history import BACK, History, always, rising, starting_over

EDGES = ("0.1", "0.5", "1.0", "2.0", "10.0", "+Inf")


def stories() -> History:
    """Everything that the Prometheus of the tests remembers."""
    told = History()
    _requests(told)
    _durations(told)
    _states(told)
    return told


def _requests(told: History) -> None:
    told.job("steady", "ab")
    for pod in "ab":
        told.requests("steady", pod, "200", rising(9.8))
        told.requests("steady", pod, "500", rising(0.2))
    told.job("flawless")
    told.requests("flawless", "a", "200", rising(10))
    told.job("idle")
    told.requests("idle", "a", "200", always(500))
    told.add("http_requests_total", "idle", "a", rising(1), path="/metrics", status="200")
    # The first errors ever, all of them between two scrapes: the series is born with its last value.
    told.job("burst")
    told.requests("burst", "a", "200", rising(10))
    told.requests("burst", "a", "500", always(300), since=-60)
    told.job("restarted")
    told.requests("restarted", "a", "200", starting_over(10, at=-120))
    told.requests("restarted", "a", "500", starting_over(1, at=-120))
    told.job("uneven", "ab")
    told.requests("uneven", "a", "200", rising(100))
    told.requests("uneven", "b", "500", rising(0.1))
    told.job("late")
    told.requests("late", "a", "200", lambda t: rising(10)(t) - rising(5, since=-300)(t))
    told.requests("late", "a", "500", rising(5, since=-300))
    told.job("young", since=-60)
    told.requests("young", "a", "200", lambda t: 10 * (t + 60), since=-60)
    told.requests("young", "a", "500", lambda t: t + 60, since=-60)
    told.job("unlabelled")
    told.add("hits_total", "unlabelled", "a", rising(10))
    # One healthy minute within the last five.
    told.job("relieved")
    told.requests("relieved", "a", "200", rising(5))
    told.requests("relieved", "a", "500", lambda t: rising(5)(t) - (rising(5, -180)(t) - rising(5, -120)(t)))


def _durations(told: History) -> None:
    told.job("timed", "ab")
    # a: 100 a second below 0.1 s. b: one in two seconds, between 2 and 10 s.
    told.durations("timed", "a", dict.fromkeys(EDGES, rising(100)))
    told.durations("timed", "b", {edge: rising(0.5 if float(edge) >= 10 else 0) for edge in EDGES})
    told.job("endless")
    told.durations("endless", "a", {edge: rising(10 if edge == "+Inf" else 0) for edge in EDGES})
    told.job("few")
    told.durations("few", "a", {edge: rising(0.05 if float(edge) >= 0.5 else 0.04) for edge in EDGES})
    told.job("drowsy")
    told.durations("drowsy", "a", dict.fromkeys(EDGES, always(50)))


def _states(told: History) -> None:
    told.job("down", up=lambda t: 0.0 if t > -600 else 1.0)
    told.job("gone", until=-240)
    told.job("blinking", up=lambda t: 0.0 if t > -40 else 1.0)
    told.job("pools", "abc")
    for pod, used in (("a", always(19)), ("b", lambda t: 5.0 if -130 < t < -90 else 19.0), ("c", always(2))):
        told.add("pool_in_use", "pools", pod, used)
        told.add("pool_size", "pools", pod, always(20))
    told.job("nodes")
    for mount, kind, room, locked in (("/", "ext4", 40, 0), ("/iso", "ext4", 0, 1), ("/run", "tmpfs", 0, 0)):
        for name, value in (("size_bytes", 100), ("avail_bytes", room), ("free_bytes", room + 5), ("readonly", locked)):
            told.add(f"node_filesystem_{name}", "nodes", "a", always(value), mountpoint=mount, fstype=kind)


assert BACK > 2 * 600
