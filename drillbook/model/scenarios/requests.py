"""Scenarios of requests: how many fail, and how long they take."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from typing import Final

from drillbook.model.scenarios.base import LONG_AGO, LOOKED_AT, POINTS, STEP, Line, Scenario, counter

REQUESTS: Final = "http_requests_total"
SECONDS: Final = "http_request_duration_seconds"
EDGES: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""The edges that Prometheus' client libraries give to a histogram by themselves."""


def _labels(pod: str, path: str = "/orders", **more: str) -> dict[str, str]:
    return {"instance": pod, "pod": pod, "path": path, "method": "GET"} | more


def _requests(rate: float, failing: float, pods: str = "ab", paths: int = 2) -> Iterable[Line]:
    """``rate`` requests a second over pods and paths, and the share of them that fails."""
    places = list(product(pods, range(paths)))
    for pod, number in places:
        each = rate / len(places)
        yield counter(REQUESTS, _labels(pod, f"/p{number}", status="200"), each * (1 - failing))
        if failing:
            yield counter(REQUESTS, _labels(pod, f"/p{number}", status="500"), each * failing)


def error_ratio(limit: float) -> tuple[Scenario, ...]:
    """Of 5xx over all: ``limit`` is a ratio."""
    twice, half = min(1.0, 2 * limit), limit / 2
    rare = (*_requests(10, 0), counter(REQUESTS, _labels("a", "/rare", status="500"), 10 * limit / 10))
    refused = (*_requests(10, 0), counter(REQUESTS, _labels("a", status="404"), 10))
    past = (*_requests(10, 0), counter(REQUESTS, _labels("a", "/p0", status="500"), 20, until=LONG_AGO))
    return (
        Scenario("none-fail", tuple(_requests(10, 0)), False, "it fires while no request fails"),
        Scenario("half", tuple(_requests(10, half)), False, f"it fires while only {half:.3g} of the requests fail"),
        Scenario("twice", tuple(_requests(10, twice)), True, f"it is silent while {twice:.3g} of the requests fail"),
        Scenario(
            "busy", tuple(_requests(20_000, half)), False, "it fires at half the limit where there is much traffic"
        ),
        Scenario("quiet", tuple(_requests(0.05, twice)), True, "it is silent at twice the limit with little traffic"),
        Scenario(
            "spread",
            tuple(_requests(10, twice, "abcdef", 4)),
            True,
            "it is silent where the errors are spread over many series: it looks at each alone",
        ),
        Scenario("rare", rare, False, "it fires for one rare series, though hardly any of all requests fail"),
        Scenario("fitful", tuple(_fitful(twice)), True, "it is silent where the last two scrapes saw no error"),
        Scenario("past", past, False, "it fires for errors that ended 20 minutes ago"),
        Scenario("refused", refused, False, "it fires for requests that were the client's mistake (4xx)"),
    )


def error_rate(limit: float) -> tuple[Scenario, ...]:
    """Of 5xx a second, of all series together."""
    return (
        Scenario("none-fail", tuple(_requests(10, 0)), False, "it fires while no request fails"),
        Scenario("half", tuple(_requests(limit, 0.5)), False, "it fires at half the limit"),
        Scenario("twice", tuple(_requests(4 * limit, 0.5, "a", 1)), True, "it is silent at twice the limit"),
        Scenario(
            "spread",
            tuple(_requests(4 * limit, 0.5, "abcdef", 4)),
            True,
            "it is silent where the errors are spread over many series: it looks at each alone",
        ),
    )


def _fitful(failing: float) -> Iterable[Line]:
    """Errors between every other pair of scrapes, and none between the two that are looked at last."""
    yield from _requests(10 * (1 - failing), 0)
    total, values = 0.0, []
    for point in range(POINTS):
        total += 10 * failing * 2 * STEP if (point - LOOKED_AT // STEP) % 2 else 0
        values.append(f"{total:.9g}")
    yield Line(REQUESTS, _labels("a", "/p0", status="500"), " ".join(values))


def latency(limit: float) -> tuple[Scenario, ...]:
    """Of the 95th percentile (or any from the 85th to the 98th): ``limit`` in seconds."""
    slow = tuple(_timed("a", 8, limit / 2, limit)) + tuple(_timed("b", 2, 3 * limit, limit))
    one = tuple(_timed("a", 10, limit / 2, limit)) + tuple(_timed("b", 0.02, 3 * limit, limit))
    past = tuple(_timed("a", 10, limit / 2, limit)) + tuple(_timed("b", 500, 3 * limit, limit, until=LONG_AGO))
    return (
        Scenario("fast", tuple(_timed("a", 10, limit / 2, limit)), False, "it fires while all requests are fast"),
        Scenario("slow", slow, True, "it is silent while a fifth of all requests is slow"),
        Scenario("one-slow", one, False, "it fires for one pod with hardly a request: it looks at each series alone"),
        Scenario(
            "endless",
            tuple(_timed("a", 10, float("inf"), limit)),
            True,
            "it is silent where all requests take longer than the histogram's last edge",
        ),
        Scenario("past", past, False, "it fires for requests that were slow 20 minutes ago"),
        Scenario("idle", tuple(_timed("a", 0, limit / 2, limit)), False, "it fires without a single request"),
    )


def _timed(pod: str, rate: float, takes: float, limit: float, until: int | None = None) -> Iterable[Line]:
    """Requests that all take so long, in a histogram that has an edge at the limit."""
    for edge in (*sorted({*EDGES, limit}), float("inf")):
        label = "+Inf" if edge == float("inf") else f"{edge:g}"
        inside = takes <= edge
        yield counter(f"{SECONDS}_bucket", _labels(pod, le=label), rate if inside else 0, until=until)
    yield counter(f"{SECONDS}_count", _labels(pod), rate, until=until)
    yield counter(f"{SECONDS}_sum", _labels(pod), rate * min(takes, 30.0), until=until)
