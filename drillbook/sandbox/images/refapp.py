"""The reference service in its roles, under the names that systems give their own images."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from drillbook.sandbox.images.family import Family
from drillbook.sandbox.images.program import Program
from drillbook.sandbox.images.reference import ImageReference
from drillbook.sandbox.images.tools import common, module

SERVICE: Final = "drillbook.sandbox.refapp"
RELEASED: Final = re.compile(r"v?\d+\.\d+\.\d+")
"""Tags that were released; any other one (``v1.2.3-broken``, ``latest``) can't be pulled."""

ROLES: Final = {
    "ghcr.io/org/solar-pv-backend": "backend",
    "ghcr.io/org/solar-pv-frontend": "frontend",
    "ghcr.io/org/solar-pv-worker": "worker",
    "ghcr.io/org/solar-pv-flower": "flower",
    "registry.company.com/smartcloudops-ai": "backend",
    "registry.company.com/smartcloudops-frontend": "frontend",
    "registry.company.com/smartcloudops-worker": "worker",
    "ghcr.io/stacey77/rag7": "backend",
    "aic-aipaas/auth-service": "backend",
    "aic-aipaas/app-management-service": "backend",
    # Services that their runbook only names, and what a cluster brings: a page is enough to stand for them.
    "aic-aipaas/*-service": "frontend",
    "elasticsearch": "frontend",
    "grafana/grafana": "frontend",
    "istio/proxyv2": "frontend",
    "quay.io/jetstack/cert-manager-controller": "frontend",
}
"""Which role stands for which image; of several patterns that fit, the first counts."""

_ENGINE: Final = f"from {SERVICE}.engine import engine\n"
CODE: Final = {
    "manage.py": f"import sys\nfrom {SERVICE}.manage import main\nsys.exit(main(sys.argv[1:]))\n",
    "app/__init__.py": "",
    "app/database.py": _ENGINE,
    "app/core/__init__.py": "",
    "app/core/database.py": _ENGINE,
    "psycopg2.py": "from psycopg import Error, OperationalError, connect\n",
}
"""What a line of Python in a runbook imports, and the program that it calls, in the folder where such lines run."""


def _role(role: str) -> Callable[[ImageReference], Program | None]:
    def program(reference: ImageReference) -> Program | None:
        if not RELEASED.fullmatch(reference.tag):
            return None
        has_code = role in {"backend", "worker"}
        tools = {"alembic": module(f"{SERVICE}.migrate")} if has_code else {}
        return Program(
            entrypoint=module(SERVICE, role),
            env={"APP_VERSION": reference.tag},
            shims=common() | tools,
            files=CODE if has_code else {},
        )

    return program


FAMILIES: Final = (
    # Here the role is the container's first argument.
    Family(("drillbook/refapp",), lambda _: Program(module(SERVICE), ("backend",), shims=common())),
    *(Family((repository,), _role(role)) for repository, role in ROLES.items()),
)
