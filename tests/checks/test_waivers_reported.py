"""Every run says what became of every waiver: on the terminal, in JUnit, on the page, in run.json, and in pytest."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.checks.systems import write_system
from tests.checks.test_pytest_plugin import run_checks
from tests.clients.servers import closed_port, serving

TODAY = datetime.now(UTC).date()
_WAIVER = """\
  - objective: {objective}
    owner: shop-team
    reason: the old gateway is replaced
    expires: {expires}
    ceiling: "{ceiling}"
"""
EXPIRED = "the waiver of health expired on {}: shop-team removes or renews it"
SOON = "the waiver of error-ratio expires on {}: shop-team is asked"


def waivers(error_ratio: int = 5, health: int = -3) -> str:
    """Two waivers that end so many days from now."""
    days = [
        _WAIVER.format(objective="error-ratio", expires=TODAY + timedelta(days=error_ratio), ceiling="<= 30 %"),
        _WAIVER.format(objective="health", expires=TODAY + timedelta(days=health), ceiling="<= 299"),
    ]
    return "apiVersion: drillbook/v1\nkind: Waivers\nwaivers:\n" + "".join(days)


def every_tenth() -> Any:
    asked = iter(range(10_000))

    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=500 if request.path != "/health" and next(asked) % 10 == 0 else 200)

    return answer


def drillbook(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k != "DRILLBOOK_REPORTS"} | {"COLUMNS": "200"}
    command = [str(Path(sys.executable).with_name("drillbook")), *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_a_check_says_used_expired_and_soon_to_expire_wherever_it_reports(tmp_path: Path) -> None:
    with serving(every_tenth()) as server:
        write_system(tmp_path, server.port, waivers=waivers())
        done = drillbook(tmp_path, "check", "shop", "-e", "test", "--only", "error-ratio")
    assert done.returncode == 0, done.stdout + done.stderr
    counted = "waivers: 1 used (error-ratio), 1 expired (health), 1 expiring soon (error-ratio)"
    sentences = [EXPIRED.format(TODAY - timedelta(days=3)), SOON.format(TODAY + timedelta(days=5))]
    report = tmp_path / "reports" / "latest"
    run = json.loads((report / "run.json").read_text())
    assert (run["waivers"]["used"], run["waivers"]["expired"]) == (["error-ratio"], ["health"])
    assert run["waivers"]["findings"] == sentences
    junit, page = (report / "junit.xml").read_text(), (report / "report.html").read_text()
    for sentence in sentences:
        assert sentence in done.stdout
        assert sentence in junit
        assert sentence in page
    assert counted in done.stdout
    assert '<property name="standing" value="expired" />' in junit


def test_no_selection_hides_an_expired_waiver(tmp_path: Path) -> None:
    with serving(every_tenth()) as server:
        write_system(tmp_path, server.port, waivers=waivers(error_ratio=40))
        done = drillbook(tmp_path, "check", "shop", "-e", "test", "--only", "health")
        as_json = drillbook(tmp_path, "check", "shop", "-e", "test", "--only", "health", "--format", "json")
    assert "waivers: 1 expired (health), 1 unselected (error-ratio)" in done.stdout
    assert EXPIRED.format(TODAY - timedelta(days=3)) in done.stdout
    assert json.loads(as_json.stdout)["waivers"]["expired"] == ["health"]


def test_a_violation_whose_waiver_is_over_fails(tmp_path: Path) -> None:
    with serving(every_tenth()) as server:
        write_system(tmp_path, server.port, waivers=waivers(error_ratio=-1))
        done = drillbook(tmp_path, "check", "shop", "-e", "test", "--only", "error-ratio")
    assert done.returncode == 1
    assert "2 expired (error-ratio, health)" in done.stdout


def test_where_nothing_could_be_told_nobody_is_asked_to_remove_a_waiver(tmp_path: Path) -> None:
    kept = _WAIVER.format(objective="replicas", expires=TODAY + timedelta(days=90), ceiling=">= 1")
    write_system(tmp_path, closed_port(), waivers=f"apiVersion: drillbook/v1\nkind: Waivers\nwaivers:\n{kept}")
    done = drillbook(tmp_path, "check", "shop", "-e", "test", "--only", "replicas")
    assert done.returncode == 3
    assert "waivers: 1 untold (replicas)" in done.stdout
    assert "removes it" not in done.stdout


@pytest.mark.parametrize("quiet", [(), ("-q", "-q", "--no-summary", "--no-header", "--tb=no")])
def test_pytest_says_it_too_and_no_flag_hides_it(quiet: tuple[str, ...], tmp_path: Path) -> None:
    with serving(every_tenth()) as server:
        write_system(tmp_path, server.port, waivers=waivers())
        done = run_checks(tmp_path, "-k", "error-ratio", f"--junit-xml={tmp_path / 'junit.xml'}", *quiet)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "drillbook: waivers: 1 used (error-ratio), 1 expired (health)" in done.stdout
    assert f"drillbook: {EXPIRED.format(TODAY - timedelta(days=3))}" in done.stdout
    assert 'name="waivers expired" value="health"' in (tmp_path / "junit.xml").read_text()
