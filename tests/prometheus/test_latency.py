"""Percentiles out of histograms: the bucket that they lie in, of all requests together."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillbook.probes.prometheus_latency import bucket_of
from tests.prometheus.asking import ask, interval


def test_the_percentile_is_of_all_pods_requests_and_no_mean_of_pods(remembering: str) -> None:
    """The slow pod answers half a percent of the requests; the mean of the two pods' p95 is about 5 s."""
    assert interval(ask(remembering, "http.latency", "timed", percentile=95)) == (0.0, 0.1)
    assert interval(ask(remembering, "http.latency", "timed", percentile=99.9)) == (2.0, 10.0)


def test_above_the_last_edge_nobody_knows_how_slow(remembering: str) -> None:
    """``histogram_quantile`` says 10 s there, so a rule "above 15 s" never fires."""
    seen = ask(remembering, "http.latency", "endless", percentile=95)
    assert interval(seen) == (10.0, math.inf)


def test_few_requests_leave_the_bucket_open(remembering: str) -> None:
    """Fifteen requests, a fifth of them slower: their p80 lies on either side of the edge."""
    seen = ask(remembering, "http.latency", "few", percentile=80)
    low, high = interval(seen)
    assert low < 0.1 < high
    assert "edge of the histogram" in seen.remedy


def test_without_requests_there_is_no_percentile(remembering: str) -> None:
    seen = ask(remembering, "http.latency", "drowsy", percentile=95)
    assert seen.nothing
    assert "no request was timed" in seen.problem


def test_a_histogram_that_isn_t_there_is_named(remembering: str) -> None:
    seen = ask(remembering, "http.latency", "steady", percentile=95)
    assert "there is no histogram http_request_duration_seconds_bucket" in seen.problem


def test_a_slow_while_is_slow_at_every_moment_of_it(remembering: str) -> None:
    seen = ask(remembering, "http.latency", "timed", percentile=99.9, **{"for": "5m"})
    assert interval(seen) == (2.0, 10.0)


@given(
    counts=st.lists(st.integers(0, 500), min_size=2, max_size=8),
    quantile=st.floats(0.01, 0.99),
)
def test_the_bucket_holds_the_sample_s_own_quantile(counts: list[int], quantile: float) -> None:
    edges = [*(float(2**n) for n in range(len(counts) - 1)), math.inf]
    cumulative = {str(edge): float(sum(counts[: n + 1])) for n, edge in enumerate(edges)}
    found = bucket_of(cumulative, quantile)
    if not sum(counts):
        assert found is None
        return
    assert found is not None
    values = [edge for edge, count in zip(edges, counts, strict=True) for _ in range(count)]
    nearest_rank = values[min(len(values), math.ceil(quantile * len(values))) - 1]
    assert found.low < nearest_rank <= found.high
    assert found.requests == pytest.approx(sum(counts))
