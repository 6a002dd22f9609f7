"""Reading and judging need no SDK, and asking for help needs hardly anything."""

from __future__ import annotations

import subprocess
import sys

import pytest

LIGHT = (
    *("drillbook.cli", "drillbook.policy", "drillbook.judge"),
    *("drillbook.probes", "drillbook.checking", "drillbook.pytest_plugin"),
)
HEAVY = ("kubernetes", "psycopg", "redis", "aiohttp", "locust", "gevent", "chaoslib", "jinja2", "uvloop")


@pytest.mark.parametrize("module", LIGHT)
def test_importing_it_imports_no_sdk(module: str) -> None:
    code = f"import sys, {module}; print(*sorted({{m.partition('.')[0] for m in sys.modules}} & set({HEAVY!r})))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True).stdout
    assert out.split() == []
