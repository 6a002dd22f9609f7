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


def _role(role: str) -> Callable[[ImageReference], Program | None]:
    def program(reference: ImageReference) -> Program | None:
        if not RELEASED.fullmatch(reference.tag):
            return None
        tools = {"alembic": module(f"{SERVICE}.migrate")} if role in {"backend", "worker"} else {}
        return Program(
            entrypoint=module(SERVICE, role),
            env={"APP_VERSION": reference.tag},
            shims=common() | tools,
        )

    return program


FAMILIES: Final = (
    # Here the role is the container's first argument.
    Family(("drillbook/refapp",), lambda _: Program(module(SERVICE), ("backend",), shims=common())),
    *(Family((repository,), _role(role)) for repository, role in ROLES.items()),
)
