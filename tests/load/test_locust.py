"""``locust -f loadtests/locustfile.py`` as anybody would call it."""

from __future__ import annotations

import json
import os
import re
import ssl
from collections import Counter
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
import trustme

from tests.conftest import SandboxHandle
from tests.load.conftest import LOCUSTFILE, Tiny, serve


def locust(tiny: Tiny, *options: str, seconds: int = 2, **variables: str) -> CompletedProcess[str]:
    common = ("--headless", "--users", "2", "--run-time", f"{seconds}s", "--only-summary")
    return tiny.run("locust", "-f", str(LOCUSTFILE), *common, *options, timeout=60, **variables)


def test_a_system_inside_its_limits_exits_with_0(tiny: Tiny) -> None:
    done = locust(tiny, "--system", "tiny", "--environment", "local", "--rate", "40")
    assert done.returncode == 0, done.stderr
    assert "drillbook: PASS tiny/api-latency" in done.stdout
    assert "drillbook: PASS tiny/error-ratio" in done.stdout
    assert Counter(method for method, *_ in tiny.asked) == {"GET": 60, "POST": 20}
    bodies = [json.loads(body) for method, _, _, body in tiny.asked if method == "POST"]
    assert len({body["key"] for body in bodies}) == 20


def test_a_broken_limit_exits_with_1_and_says_which(tiny: Tiny) -> None:
    tiny.delay = 0.7
    done = locust(tiny, DRILLBOOK_SYSTEM="tiny", DRILLBOOK_ENVIRONMENT="local", DRILLBOOK_RATE="40")
    assert done.returncode == 1, done.stderr
    assert "drillbook: FAIL tiny/api-latency" in done.stdout
    assert "drillbook: PASS tiny/error-ratio" in done.stdout


def test_too_few_requests_exit_with_3(tiny: Tiny) -> None:
    done = locust(tiny, "--system", "tiny", "--environment", "local", "--rate", "5")
    assert done.returncode == 3, done.stderr
    assert "drillbook: INCONCLUSIVE tiny/error-ratio" in done.stdout


def test_a_server_that_stalls_is_seen_stalling_by_every_request_due_meanwhile(tiny: Tiny) -> None:
    """Users that wait for their answers would send two requests into the stall; a schedule sends sixty."""
    tiny.stalls_at = 30
    done = locust(tiny, "--system", "tiny", "--environment", "local", "--rate", "40", seconds=3)
    (count,) = re.findall(r"Aggregated +(\d+)", done.stdout + done.stderr)[:1]
    assert int(count) == 120
    assert "FAIL tiny/api-latency" in done.stdout


def test_an_unknown_system_is_one_sentence_and_exits_with_2(tiny: Tiny) -> None:
    done = locust(tiny, "--system", "tony", "--environment", "local")
    assert done.returncode == 2
    assert "drillbook: no system named 'tony'" in done.stderr
    assert "Traceback" not in done.stderr


def test_no_system_and_none_running_is_one_sentence(tiny: Tiny, tmp_path: Path) -> None:
    done = locust(tiny, DRILLBOOK_STATE=str(tmp_path / "state"), DRILLBOOK_SANDBOX="", DRILLBOOK_SYSTEM="")
    assert done.returncode == 2
    assert "expected --system NAME or $DRILLBOOK_SYSTEM; running sandboxes to take it from: none" in done.stderr


@pytest.mark.slow
def test_tls_asks_for_the_host_and_trusts_only_the_authority_given(tiny: Tiny, tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.crt")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)

    def asked_for(_: Any, name: str | None, __: Any) -> None:
        tiny.names.append(name or "")

    context.sni_callback = asked_for
    server = serve(tiny, context)
    port = server.server_address[1]
    try:
        tiny.environment(f"https://localhost:{port}", tmp_path / "ca.crt")
        done = locust(tiny, "--system", "tiny", "--environment", "local", "--rate", "40")
        assert done.returncode == 0, done.stdout + done.stderr
        assert set(tiny.names) == {"localhost"}
        assert {host for _, _, host, _ in tiny.asked} == {f"localhost:{port}"}

        tiny.environment(f"https://localhost:{port}")
        done = locust(tiny, "--system", "tiny", "--environment", "local", "--rate", "40")
        assert done.returncode == 1
        assert "FAIL tiny/error-ratio" in done.stdout
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.slow
def test_the_sandbox_that_runs_is_pressed_without_naming_its_system(tiny: Tiny, solar: SandboxHandle) -> None:
    done = locust(tiny, "--rate", "40", seconds=5, DRILLBOOK_SANDBOX=solar.name, PATH=os.environ["PATH"])
    assert done.returncode == 0, done.stdout + done.stderr
    assert "drillbook: PASS solar/api-latency" in done.stdout
    assert "drillbook: PASS solar/error-ratio" in done.stdout
