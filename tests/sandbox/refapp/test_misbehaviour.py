"""Each switch does what it says, to nothing else, and off is off."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillbook.errors import ConfigError, Unreachable
from drillbook.sandbox.misbehave import set_switches
from drillbook.sandbox.refapp.switches import Switches
from tests.sandbox import databases
from tests.sandbox.containers import Container, Containers, until
from tests.sandbox.refapp import services
from tests.sandbox.refapp.services import CONTROL, Service

MANY = 64 * 1024 * 1024


def in_sandbox(state: Path, uid: str, app: str, role: str) -> dict[str, str]:
    """What the kubelet writes and sets for a pod's container: the control socket's place, and whose it is."""
    pod = state / "bench" / "pods" / uid
    pod.mkdir(parents=True)
    told = {"name": f"{app}-{uid}", "namespace": "shop", "labels": {"app": app}}
    (pod / "pod.json").write_text(json.dumps(told))
    return {CONTROL: str(pod / f"{role}.sock")}


@pytest.fixture(scope="module")
def state(lasting: Containers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where sandboxes keep their state, with one called bench."""
    folder = tmp_path_factory.mktemp("state")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DRILLBOOK_STATE", str(folder))
        yield folder


@pytest.fixture(scope="module")
def pods(state: Path, lasting: Containers, database: Container, cache: Container) -> list[Service]:
    """Three pods of an API."""
    made = [
        services.start(lasting, "backend", database, cache, **in_sandbox(state, f"u{number}", "api", "backend"))
        for number in range(3)
    ]
    for pod in made:
        until(lambda pod=pod: pod.get("/health").status == 200, "the pod to be healthy")  # type: ignore[misc]
    return made


@pytest.fixture(autouse=True)
def afterwards_all_off(pods: list[Service]) -> Iterator[None]:
    """Switches go off after each test."""
    yield
    set_switches("bench", "api")


def sessions(database: Container, pods: list[Service]) -> int:
    """How many database sessions the pods have open."""
    names = ", ".join(f"'{pod.container.env['POD_NAME']}'" for pod in pods)
    rows = databases.ask(database, f"SELECT count(*) FROM pg_stat_activity WHERE application_name IN ({names})")
    return int(rows[0][0])


def test_a_delay_slows_the_api_and_neither_health_nor_metrics(pods: list[Service]) -> None:
    told = set_switches("bench", "api", delay_seconds=0.5)
    assert [(each.pod, each.namespace, each.switches.delay_seconds) for each in told] == [
        (f"api-u{number}", "shop", 0.5) for number in range(3)
    ]
    for path, slow in (
        ("/orders", True),
        ("/orders/x", True),
        ("/health", False),
        ("/ready", False),
        ("/metrics", False),
    ):
        began = time.monotonic()
        pods[0].get(path)
        assert (time.monotonic() - began >= 0.5) == slow, path


def test_errors_come_evenly_at_exactly_the_ratio_and_write_nothing(pods: list[Service], database: Container) -> None:
    set_switches("bench", "api", error_ratio=0.1)
    statuses = [pods[1].post("/orders", {"key": f"tenth-{n}", "body": ""}).status for n in range(50)]
    assert statuses == ([201] * 9 + [500]) * 5
    assert databases.ask(database, "SELECT count(*) FROM orders WHERE key LIKE 'tenth-%'") == [(45,)]
    assert {pods[1].get(path).status for path in ("/health", "/ready", "/metrics") for _ in range(10)} == {200}


def test_held_connections_are_the_total_over_the_pods_and_leave_the_service_working(
    pods: list[Service], database: Container
) -> None:
    set_switches("bench", "api")
    before = sessions(database, pods)
    told = set_switches("bench", "api", hold_connections=85)
    assert [each.switches.hold_connections for each in told] == [29, 28, 28]
    assert sessions(database, pods) == before + 85
    assert [pod.get("/health").status for pod in pods] == [200] * 3
    assert pods[0].get("/orders").status == 200
    set_switches("bench", "api")
    until(lambda: sessions(database, pods) == before, "the held sessions to be gone")


def test_connections_that_the_database_refuses_are_an_error_that_says_so(
    pods: list[Service], database: Container
) -> None:
    with pytest.raises(Unreachable, match=r"pod api-u\d could not set the switches: no connection: .*too many clients"):
        set_switches("bench", "api", hold_connections=150)


def test_burnt_cores_and_filled_memory_are_the_processes_own_and_end(pods: list[Service]) -> None:
    process = psutil.Process(pods[2].container.process.pid)
    before = process.memory_info().rss
    set_switches("bench", "api", burn_cores=0.5, hold_bytes=MANY)
    assert process.memory_info().rss - before >= MANY
    burner = process.children()[0]
    until(lambda: sum(burner.cpu_times()[:2]) > 0.3, "processor time to be used")
    assert time.time() - burner.create_time() > 0.4  # half a core: twice its processor time, and never less
    assert pods[2].get("/orders").status == 200
    set_switches("bench", "api")
    assert not process.children()
    assert process.memory_info().rss - before < MANY / 2


def test_a_burner_ends_with_its_service_also_when_that_is_killed(
    containers: Containers, state: Path, pods: list[Service]
) -> None:
    service = services.start(containers, "frontend", None, None, **in_sandbox(state, "u7", "pages", "frontend"))
    set_switches("bench", "pages", burn_cores=0.2)
    burner = psutil.Process(service.container.process.pid).children()[0]
    service.container.kill()
    until(lambda: not burner.is_running(), "the burner to end")


def test_a_service_that_starts_anew_behaves(containers: Containers, state: Path, pods: list[Service]) -> None:
    service = services.start(containers, "frontend", None, None, **in_sandbox(state, "u8", "shop", "frontend"))
    set_switches("bench", "shop", error_ratio=1)
    assert service.get("/").status == 500
    service.container.kill()
    assert (state / "bench/pods/u8/frontend.sock").exists()
    service.container.start()
    until(service.ready, "the service to be ready again")
    assert service.get("/").status == 200
    set_switches("bench", "shop", error_ratio=1)
    assert service.get("/").status == 500


def test_outside_a_sandbox_there_is_no_switch(backend: Service) -> None:
    assert CONTROL not in backend.container.env
    unix = psutil.Process(backend.container.process.pid).net_connections("unix")
    assert not [each for each in unix if each.laddr]


@pytest.mark.parametrize(
    ("workload", "switches", "words"),
    [
        ("nobody", {}, "no running pod of 'nobody' takes switches: .*those that do are .*api"),
        ("api", {"speed": 1}, "no switch is called speed; there are delay_seconds, "),
        ("api", {"delay_seconds": -1}, "switch delay_seconds: expected a number of 0 or more, found -1"),
        ("api", {"error_status": 200}, "switch error_status: expected a status from 400 to 599, found 200"),
        ("api", {"error_ratio": 10}, "switch error_ratio: expected a share between 0 and 1, found 10"),
        ("api", {"hold_connections": 1.5}, "switch hold_connections: expected a whole number of 0 or more, found 1.5"),
    ],
)
def test_a_switch_that_can_not_be_set_is_refused_with_a_sentence(
    pods: list[Service], workload: str, switches: dict[str, float], words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        set_switches("bench", workload, **switches)


def test_a_sandbox_that_does_not_run_is_named_with_the_command_that_starts_it(state: Path) -> None:
    with pytest.raises(Unreachable, match=r"no sandbox called 'nowhere' is running: .*drillbook sandbox up nowhere"):
        set_switches("nowhere", "api")


def test_a_pod_that_has_gone_is_unreachable_and_not_ignored(
    containers: Containers, state: Path, pods: list[Service]
) -> None:
    service = services.start(containers, "frontend", None, None, **in_sandbox(state, "u9", "gone", "frontend"))
    service.container.kill()
    with pytest.raises(Unreachable, match="pod gone-u9 did not take the switches"):
        set_switches("bench", "gone")


@given(st.floats(allow_nan=True) | st.booleans() | st.text() | st.none())
def test_no_value_but_a_share_is_an_error_ratio(value: object) -> None:
    good = isinstance(value, float) and 0 <= value <= 1
    try:
        Switches.of({"error_ratio": value})
    except ConfigError:
        assert not good
    else:
        assert good
