"""The options of the conformance suite; ``tests/conftest.py`` brings them in, so that pytest always knows them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

IMAGES: Final = {
    "shell": ("busybox:1.36", "has a POSIX shell and the usual small tools, nc and nslookup among them"),
    "redis": ("redis:8", "starts a Redis server on port 6379 and has redis-cli"),
    "web": ("nginx:1.29", "starts nginx as the official image does, templates included"),
    "postgres": ("postgres:17", "starts PostgreSQL as the official image does and has psql"),
    "app": ("python:3.13", "has Python, bash and tar"),
    "app_next": ("python:3.12", "has the same and another name"),
}
"""Which images the suite starts: the default, and what the image must be able to do."""

ON_A_REAL_CLUSTER: Final = 3.0
"""A cluster that pulls images and spreads over machines is given so many times as long."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """The cluster, its images, and how long to wait."""
    group = parser.getgroup("conformance", "conformance: Kubernetes behaviour, on a sandbox or any other cluster")
    group.addoption("--kubeconfig", metavar="FILE", type=Path, help="test this cluster instead of a sandbox")
    for name, (image, needs) in IMAGES.items():
        group.addoption(_flag(name), metavar="IMAGE", default=image, help=f"an image that {needs} ({image})")
    text = "this node may be cordoned and drained (default: one of the sandbox's, none of a real cluster)"
    group.addoption("--spare-node", metavar="NODE", help=text)
    text = f"wait so many times as long (default: 1 for a sandbox, {ON_A_REAL_CLUSTER:g} with --kubeconfig)"
    group.addoption("--patience", metavar="FACTOR", type=float, help=text)


def patience(config: pytest.Config) -> float:
    """How many times as long as usual to wait."""
    given: float | None = config.getoption("--patience")
    if given is not None:
        return given
    return ON_A_REAL_CLUSTER if config.getoption("--kubeconfig") else 1.0


def images(config: pytest.Config) -> dict[str, str]:
    """The images that the suite starts, by what they are for."""
    return {name: str(config.getoption(_flag(name))) for name in IMAGES}


def _flag(image: str) -> str:
    return f"--image-{image.replace('_', '-')}"
