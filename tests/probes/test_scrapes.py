"""Rates between two scrapes: of every pod, by what each counter gained, with the interval of so few events."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from drillbook.clients.exposition import samples
from drillbook.probes.scrapes import poisson_bounds
from tests.clients.servers import closed_port, serving
from tests.probes.recorded import seen

TEXT = st.text(alphabet='ab"\\{},= \n', max_size=8)
SERVICE = "/api/v1/namespaces/shop/services/web"
SLICES = "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices"


def behind(*ports: int, ready: bool = True) -> dict[str, Any]:
    """Service ``web`` with an endpoint on this machine for each port."""
    slices = [
        {
            "metadata": {"name": f"web-{port}"},
            "ports": [{"name": "http", "port": port}],
            "endpoints": [{"addresses": ["127.0.0.1"], "conditions": {"ready": ready}}],
        }
        for port in ports
    ]
    return {SERVICE: {"spec": {"clusterIP": "None", "ports": [{"name": "http", "port": 80}]}}, SLICES: slices}


@contextmanager
def telling(page: Callable[[int], str]) -> Iterator[int]:
    """The port of a pod whose metrics are ``page(number of the scrape)``."""
    asked = iter(range(1000))

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(text=page(next(asked)))

    with serving(metrics) as server:
        yield server.port


def counter(**by_status: int) -> str:
    lines = [f'http_requests_total{{path="/orders",status="{key[1:]}"}} {value}' for key, value in by_status.items()]
    return "\n".join(["# TYPE http_requests_total counter", *lines, ""])


def rate(answers: dict[str, Any], indicator: str, **parameters: Any) -> Any:
    return seen(answers, indicator, over="1s", **parameters)


def test_a_counter_since_birth_is_no_rate_and_every_pod_counts() -> None:
    """Half a million requests of last year, and ten of this second in each of two pods."""
    with telling(lambda n: counter(s200=500_000 + 10 * n)) as one, telling(lambda n: counter(s200=10 * n)) as other:
        found = rate(behind(one, other), "http.throughput")
    assert found.value is not None
    assert 12 < found.value <= 20
    assert found.low < found.value < found.high


def test_errors_of_now_are_seen_among_a_lifetime_of_good_answers() -> None:
    """Lifetime counters would say 0.001 %; of the requests of this second half failed."""
    with telling(lambda n: counter(s200=1_000_000 + 50 * n, s500=10 + 50 * n)) as port:
        found = rate(behind(port), "http.status_ratio", status="5xx")
        errors = rate(behind(port), "http.error_rate")
    assert found.value == Decimal("0.5")
    assert found.samples == 100
    assert found.low < Decimal("0.42")
    assert errors.value > 30


def test_no_error_series_yet_is_no_error_and_no_traffic_is_nothing() -> None:
    with telling(lambda n: counter(s200=100 * n)) as port:
        assert rate(behind(port), "http.error_rate").value == 0
        assert rate(behind(port), "http.status_ratio", status="429").value == 0
    with telling(lambda _: counter(s200=7)) as port:
        found = rate(behind(port), "http.status_ratio", status="429")
    assert found.value is None
    assert found.remedy


def test_a_counter_that_went_back_counts_from_zero() -> None:
    with telling(lambda n: counter(s200=900 if n == 0 else 30)) as port:
        found = rate(behind(port), "http.throughput")
    assert found.evidence["by_status"] == {"200": 30.0}
    assert found.evidence["counters_that_went_back"] == 1


def test_probes_and_scrapes_are_no_users() -> None:
    with telling(lambda n: f'http_requests_total{{path="/ready",status="200"}} {100 * n}\n') as port:
        assert rate(behind(port), "http.throughput").value == 0


@pytest.mark.parametrize("page", ["up 1\n", "http_requests_total 5\n", "<html>"], ids=["absent", "bare", "page"])
def test_a_counter_that_is_not_there_is_not_zero(page: str) -> None:
    with telling(lambda _: page) as port:
        found = rate(behind(port), "http.error_rate")
    assert found.value is None
    assert found.problem


def test_a_pod_that_can_not_be_scraped_leaves_a_hole_and_no_rate() -> None:
    with telling(lambda n: counter(s200=10 * n)) as port:
        found = rate(behind(port, closed_port()), "http.throughput")
    assert found.value is None
    assert "Connection refused" in found.problem


@given(st.integers(0, 100_000))
def test_the_interval_of_a_count_holds_the_count(count: int) -> None:
    low, high = poisson_bounds(count)
    assert 0 <= low <= count < high


def test_the_interval_of_ten_events_is_the_exact_one_to_two_digits() -> None:
    """Exact (Garwood): 4.80 to 18.39."""
    low, high = poisson_bounds(10)
    assert low == pytest.approx(4.80, abs=0.02)
    assert high == pytest.approx(18.39, abs=0.02)


@given(st.dictionaries(st.from_regex(r"[a-z]{1,5}", fullmatch=True), TEXT, max_size=3))
def test_labels_are_read_back_as_they_were_written(labels: dict[str, str]) -> None:
    def escaped(text: str) -> str:
        return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')

    inside = ",".join(f'{key}="{escaped(value)}"' for key, value in labels.items())
    (found,) = samples(f"a_total{{{inside}}} 3 1700000000\n")
    assert (found.labels, found.value) == (labels, 3.0)


def test_a_service_is_up_where_something_takes_a_connection_and_not_where_a_probe_said_ready() -> None:
    with telling(lambda _: "") as port:
        assert seen(behind(port, closed_port()), "service.up").value == 1
        assert seen(behind(port), "service.port").value == 80
        assert seen(behind(port, ready=False), "service.up").value == 0
    assert seen(behind(closed_port()), "service.up").value == 0
    assert seen(behind(closed_port()), "service.port").value == 0
