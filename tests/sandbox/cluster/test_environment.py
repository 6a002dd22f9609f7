"""Variables, by Kubernetes' rules."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from drillbook.sandbox.kubelet.backoff import BackOff
from drillbook.sandbox.kubelet.environment import expand, service_env

NAMES = st.from_regex(r"[A-Z_][A-Z0-9_]{0,8}", fullmatch=True)


@given(st.text(st.characters(exclude_characters="$")), st.dictionaries(NAMES, st.text(), max_size=3))
def test_text_without_a_dollar_stays(text: str, env: dict[str, str]) -> None:
    assert expand(text, env) == text


@given(NAMES, st.text(), st.text(st.characters(exclude_characters="$")))
def test_a_reference_becomes_its_value_and_an_escaped_one_stays(name: str, value: str, around: str) -> None:
    assert expand(f"{around}$({name}){around}", {name: value}) == f"{around}{value}{around}"
    assert expand(f"$$({name})", {name: value}) == f"$({name})"
    assert expand(f"$({name})", {}) == f"$({name})"


def test_a_service_gives_the_variables_that_kubernetes_gives() -> None:
    ports = [{"name": "http", "port": 80, "protocol": "TCP"}, {"name": "my-metrics", "port": 9100, "protocol": "TCP"}]
    env = service_env([{"metadata": {"name": "my-shop"}, "spec": {"clusterIP": "127.9.100.4", "ports": ports}}])
    assert env == {
        "MY_SHOP_SERVICE_HOST": "127.9.100.4",
        "MY_SHOP_SERVICE_PORT": "80",
        "MY_SHOP_SERVICE_PORT_HTTP": "80",
        "MY_SHOP_SERVICE_PORT_MY_METRICS": "9100",
        "MY_SHOP_PORT": "tcp://127.9.100.4:80",
        "MY_SHOP_PORT_80_TCP": "tcp://127.9.100.4:80",
        "MY_SHOP_PORT_80_TCP_PROTO": "tcp",
        "MY_SHOP_PORT_80_TCP_PORT": "80",
        "MY_SHOP_PORT_80_TCP_ADDR": "127.9.100.4",
        "MY_SHOP_PORT_9100_TCP": "tcp://127.9.100.4:9100",
        "MY_SHOP_PORT_9100_TCP_PROTO": "tcp",
        "MY_SHOP_PORT_9100_TCP_PORT": "9100",
        "MY_SHOP_PORT_9100_TCP_ADDR": "127.9.100.4",
    }


def test_a_headless_service_gives_none() -> None:
    assert service_env([{"metadata": {"name": "db"}, "spec": {"clusterIP": "None", "ports": [{"port": 1}]}}]) == {}


def test_crashes_wait_ten_seconds_doubling_to_five_minutes_until_one_runs_long() -> None:
    waits = BackOff()
    assert [waits.failed(1) for _ in range(8)] == [0, 10, 20, 40, 80, 160, 300, 300]
    assert waits.failed(601) == 0
    assert waits.failed(1) == 10
