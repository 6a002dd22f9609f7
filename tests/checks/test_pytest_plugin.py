"""``pytest checks --system NAME``: one test per documented limit, in a pytest process of its own."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from aiohttp import web

from drillbook.model.indicators import INDICATORS
from drillbook.places import bundled
from tests.checks.systems import POLICY, WAIVERS, write_system
from tests.clients.servers import closed_port, serving


def run_pytest(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """pytest in ``folder``, without this project's own settings."""
    environment = os.environ | {"PYTEST_ADDOPTS": "", "COLUMNS": "200"}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:locust", "--color=no", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False)


def run_checks(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    (folder / "pytest.ini").write_text("[pytest]\naddopts = --strict-markers --strict-config\n")
    where = ("--system", "shop", "--environment", "test", "--rootdir", str(folder), "-c", str(folder / "pytest.ini"))
    return run_pytest(folder, str(bundled("checks")), *where, *arguments)


async def good(_: web.Request) -> web.Response:
    return web.Response()


def test_each_indicator_belongs_to_exactly_one_check() -> None:
    """An indicator without a check would be a limit that nobody tests."""
    files = sorted(bundled("checks").glob("test_*.py"))
    marked = [name for file in files for name in runpy.run_path(str(file))["test_objective"].pytestmark[0].args]
    assert Counter(marked) == Counter(list(INDICATORS))


def test_there_is_one_test_id_per_objective(tmp_path: Path) -> None:
    write_system(tmp_path, closed_port())
    done = run_checks(tmp_path, "--collect-only", "-q")
    ids = re.findall(r"\S*(test_\w+\.py::\S+)", done.stdout)
    assert sorted(ids) == [
        "test_http.py::test_objective[shop/error-ratio]",
        "test_http.py::test_objective[shop/health]",
        "test_workloads.py::test_objective[shop/replicas]",
    ]


def test_a_pass_is_a_pass_and_what_can_not_be_told_is_an_error(tmp_path: Path) -> None:
    with serving(good) as server:
        write_system(tmp_path, server.port)
        done = run_checks(tmp_path)
    assert done.returncode == 1
    assert re.search(r"2 passed, .*1 error in", done.stdout)
    assert "inconclusive: expected >= 2, observed nothing" in done.stdout
    assert "Traceback" not in done.stdout


def test_only_what_is_selected_is_looked_at_and_once(tmp_path: Path) -> None:
    asked: Counter[str] = Counter()

    async def counting(request: web.Request) -> web.Response:
        asked[request.path] += 1
        return web.Response()

    with serving(counting) as server:
        write_system(tmp_path, server.port)
        done = run_checks(tmp_path, "-k", "health")
        assert done.returncode == 0
        assert asked == {"/health": 3}
        done = run_checks(tmp_path, "-m", "critical or http.error_ratio")
    assert done.returncode == 0
    assert "2 passed" in done.stdout
    assert asked == {"/health": 6, "/orders": 108}


def test_a_failure_says_expected_observed_where_and_the_runbooks_line_without_a_traceback(tmp_path: Path) -> None:
    write_system(tmp_path, closed_port())
    done = run_checks(tmp_path, "-k", "error-ratio", "--junit-xml=junit.xml")
    assert done.returncode == 1
    for words in ("FAIL shop/error-ratio", "expected  <= 5 %", "observed  100 %", "/orders", "shop.md:7 (Limits)"):
        assert words in done.stdout
    assert "def test_objective" not in done.stdout
    properties = {p.attrib["name"]: p.attrib["value"] for p in ET.parse(tmp_path / "junit.xml").iter("property")}
    assert properties["limit"] == "<= 5 %"
    assert properties["value"] == "1.0"
    assert properties["status"] == "fail"
    assert properties["source"] == "shop.md:7 (Limits)"


def test_a_waived_violation_is_a_skip_that_says_who_why_and_until_when(tmp_path: Path) -> None:
    asked = iter(range(1000))

    async def every_tenth(_: web.Request) -> web.Response:
        return web.Response(status=500 if next(asked) % 10 == 0 else 200)

    with serving(every_tenth) as server:
        write_system(tmp_path, server.port, waivers=WAIVERS)
        done = run_checks(tmp_path, "-k", "error-ratio", "-rs")
    assert done.returncode == 0
    assert "1 skipped" in done.stdout
    assert "waived until 2999-12-31" in done.stdout
    assert "shop-team" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "policy", "sentence"),
    [
        ((), POLICY, "checks need a system"),
        (("--system", "shpo"), POLICY, "no system named 'shpo'"),
        (("--system", "shop", "--environment", "tset"), POLICY, "no environment 'tset'"),
        (("--system", "shop", "--environment", "test"), "{{{", "policy.yaml"),
        (("--system", "shop", "--environment", "test"), POLICY.replace("line: 7", "lime: 7"), "lime"),
    ],
)
def test_a_wrong_argument_or_policy_is_a_usage_error(
    arguments: tuple[str, ...], policy: str, sentence: str, tmp_path: Path
) -> None:
    write_system(tmp_path, closed_port(), policy=policy)
    done = run_pytest(tmp_path, str(bundled("checks")), "--rootdir", str(tmp_path), *arguments)
    assert done.returncode == 4
    assert sentence in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_nothing_selected_is_pytests_own_exit_code(tmp_path: Path) -> None:
    write_system(tmp_path, closed_port())
    assert run_checks(tmp_path, "-k", "no_such_objective").returncode == 5


def test_the_plugin_costs_other_peoples_tests_nothing(tmp_path: Path) -> None:
    (tmp_path / "test_other.py").write_text(
        "import sys\n"
        "def test_other(request):\n"
        "    loaded = sorted(m for m in sys.modules if m.startswith('drillbook'))\n"
        "    assert loaded == ['drillbook', 'drillbook.pytest_plugin'], loaded\n"
        "    assert not {'kubernetes', 'aiohttp', 'psycopg', 'yaml'} & set(sys.modules)\n"
    )
    done = run_pytest(tmp_path, "-p", "no:locust", "-p", "no:hypothesispytest", "-q")
    assert done.returncode == 0, done.stdout
