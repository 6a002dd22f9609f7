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
_PRINT_HEAVY = f"""
opened = (name for name, module in sys.modules.items() if type(module).__name__ != "Unopened")
print(*sorted({{name.partition(".")[0] for name in opened}} & set({HEAVY!r})))
"""
"""A package that is registered and not opened costs nothing."""


@pytest.mark.parametrize("module", LIGHT)
def test_importing_it_imports_no_sdk(module: str) -> None:
    code = f"import sys, {module}\n{_PRINT_HEAVY}"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True).stdout
    assert out.split() == []
