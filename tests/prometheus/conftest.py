"""One real Prometheus for all tests of a session, with a past that was written into its storage."""

from __future__ import annotations

import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from drillbook.places import program
from tests.prometheus.stories import stories


@pytest.fixture(autouse=True)
def aged(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests' Prometheus was started a moment ago, and remembers more than that: nothing waits for its scrapes."""
    monkeypatch.setattr("drillbook.probes.prometheus._YOUNG", 0.0)


MISSING = "this machine has no prometheus and promtool, and scripts/prometheus couldn't get them"


CONFIG = """
global: {evaluation_interval: 500ms}
rule_files: [rules.yml]
"""
RULES = """
groups:
  - name: shop
    rules:
      - alert: HighErrorRatio
        expr: >-
          sum(rate(http_requests_total{job="flawless",status=~"5.."}[5m]))
          / sum(rate(http_requests_total{job="flawless"}[5m])) > 0.05
        for: 2m
      - alert: HighErrorRate
        expr: rate(http_requests_total{status=~"5.."}[5m]) > 0.05
      - alert: Broken
        expr: up + on (namespace) up > 0
"""


@pytest.fixture(scope="session")
def promtool() -> Path:
    """Prometheus' own tool. The only thing that a test may be left out for; in CI its absence is a failure."""
    found = program("promtool")
    if found is not None and program("prometheus") is not None:
        return found
    if os.environ.get("CI"):
        pytest.fail(MISSING)
    pytest.skip(MISSING)


@pytest.fixture(scope="module")
def remembering(promtool: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Prometheus that remembers ``stories``, which end now: what is asked later sees a gap."""
    folder = tmp_path_factory.mktemp("prometheus")
    (folder / "history.om").write_text("\n".join(stories().openmetrics(time.time())) + "\n", encoding="utf-8")
    (folder / "prometheus.yml").write_text(CONFIG, encoding="utf-8")
    (folder / "rules.yml").write_text(RULES, encoding="utf-8")
    made = [str(promtool), *["tsdb", "create-blocks-from", "openmetrics", "history.om", "data"]]
    subprocess.run(made, cwd=folder, check=True, capture_output=True, timeout=60)
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with (folder / "log").open("wb") as log:
        flags = ["config.file=prometheus.yml", "storage.tsdb.path=data", f"web.listen-address={address}"]
        server = subprocess.Popen(
            [str(program("prometheus")), *(f"--{flag}" for flag in flags)], cwd=folder, stdout=log, stderr=log
        )
        try:
            _until_ready(f"http://{address}", server, folder / "log")
            yield address
        finally:
            server.terminate()
            server.wait(20)


def _until_ready(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and server.poll() is None:
        try:
            urllib.request.urlopen(f"{url}/-/ready", timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    pytest.fail(f"Prometheus isn't ready: {log.read_text()[-2000:]}")
