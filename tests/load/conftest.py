"""A small system to press: a real HTTP server on loopback that can be slow, or fail, or not be there."""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
LOCUSTFILE = ROOT / "loadtests" / "locustfile.py"

STALL = 1.6

POLICY = """\
apiVersion: drillbook/v1
kind: Policy
metadata: {name: tiny, namespace: tiny}
runbook: {document: tiny.md, title: Tiny}
components:
  api:
    service: api
    health: /health
    routes:
      - {method: GET, path: /orders, weight: 3}
      - {method: POST, path: /orders, weight: 1, body: {key: "{key}", body: "{body}"}}
objectives:
  - id: api-latency
    indicator: http.latency
    component: api
    parameters: {percentile: 90}
    limit: "<= 500 ms"
    severity: high
    source: {section: Limits, line: 3}
  - id: error-ratio
    indicator: http.error_ratio
    component: api
    limit: "<= 10 %"
    severity: high
    source: {section: Limits, line: 4}
"""
ENVIRONMENT = """\
apiVersion: drillbook/v1
kind: Environment
class: staging
components:
  api: {address: "%s"%s}
"""


@dataclass
class Tiny:
    """The system's folder, its server, and what it was asked."""

    folder: Path
    url: str = ""
    delay: float = 0.0
    stalls_at: int = 0
    """The number of the request that all later ones wait with, for STALL seconds."""
    stalled_until: float = 0.0
    every_nth_fails: int = 0
    asked: list[tuple[str, str, str, bytes]] = field(default_factory=list)
    """Method, path, Host header and body of every request."""
    names: list[str] = field(default_factory=list)
    """The server names that TLS clients asked for."""

    def environment(self, address: str, ca: Path | None = None) -> None:
        """Write the environment ``local``."""
        path = self.folder / "systems" / "tiny" / "environments" / "local.yaml"
        path.write_text(ENVIRONMENT % (address, f', ca: "{ca}"' if ca else ""))

    def run(self, *command: str, timeout: float = 60, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the environment's, in the system's folder."""
        return subprocess.run(
            [str(Path(sys.executable).parent / command[0]), *command[1:]],
            cwd=self.folder,
            env=os.environ | variables,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )


def serve(tiny: Tiny, context: ssl.SSLContext | None = None) -> ThreadingHTTPServer:
    """Serve ``tiny`` in threads; the port is in ``server_address``."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            tiny.asked.append((self.command, self.path, self.headers["Host"], self.rfile.read(length)))
            if len(tiny.asked) == tiny.stalls_at:
                tiny.stalled_until = time.monotonic() + STALL
            time.sleep(max(tiny.delay, tiny.stalled_until - time.monotonic()))
            bad = tiny.every_nth_fails and len(tiny.asked) % tiny.every_nth_fails == 0
            self.send_response(500 if bad else 200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        do_POST = do_GET  # noqa: N815

        def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    return server


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Tiny]:
    """The system, up."""
    found = Tiny(tmp_path)
    (tmp_path / "systems" / "tiny" / "environments").mkdir(parents=True)
    (tmp_path / "systems" / "tiny" / "policy.yaml").write_text(POLICY)
    server = serve(found)
    found.url = f"http://127.0.0.1:{server.server_address[1]}"
    found.environment(found.url)
    yield found
    server.shutdown()
    server.server_close()
