"""A real API server for tests: TLS on loopback, in a thread of its own, with a node agent that keeps books."""

from __future__ import annotations

import asyncio
import http.client
import importlib
import json
import os
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import trustme
import yaml

from drillbook.sandbox import roles
from drillbook.sandbox.agent import ExecSession, NodeUsage, PodUsage
from drillbook.sandbox.api.access import ADMIN, User
from drillbook.sandbox.api.app import make_app
from drillbook.sandbox.api.serving import serve
from drillbook.sandbox.kinds import NAMESPACE, NODE, POD, Object
from drillbook.sandbox.status import ApiError
from drillbook.sandbox.store import Store

TOKEN = "test-admin"
GUEST = "test-guest"


class ProcessSession:
    """A command of this machine, as an exec session."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdin is not None
        self._process = process
        self.stdout, self.stderr, self._stdin = process.stdout, process.stderr, process.stdin
        self.sizes: list[tuple[int, int]] = []

    async def write(self, data: bytes) -> None:
        self._stdin.write(data)
        await self._stdin.drain()

    async def close_stdin(self) -> None:
        self._stdin.close()

    def resize(self, columns: int, rows: int) -> None:
        self.sizes.append((columns, rows))

    async def wait(self) -> int:
        code = await self._process.wait()
        return 128 - code if code < 0 else code

    async def kill(self) -> None:
        if self._process.returncode is None:
            self._process.kill()


@dataclass
class BookkeepingAgent:
    """Runs exec on this machine, keeps logs in memory, remembers whom it should have stopped."""

    store: Store
    lines: dict[tuple[str, str], list[bytes]] = field(default_factory=dict)
    terminated: list[Object] = field(default_factory=list)
    sessions: list[ProcessSession] = field(default_factory=list)
    usages: list[PodUsage] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)
    woken: asyncio.Event = field(default_factory=asyncio.Event)

    async def logs(self, pod: Object, container: str, **options: Any) -> AsyncIterator[bytes]:
        self.asked.append(options)
        key = (pod["metadata"]["name"], container)
        if options["previous"]:
            raise ApiError(400, "BadRequest", f'previous terminated container "{container}" not found')
        lines = self.lines.get(key, [])
        sent = 0 if options["tail"] is None else max(0, len(lines) - options["tail"])
        while True:
            while sent < len(lines):
                yield lines[sent]
                sent += 1
            if not options["follow"]:
                return
            self.woken.clear()
            await self.woken.wait()

    async def exec(self, pod: Object, container: str, command: list[str], *, stdin: bool, tty: bool) -> ExecSession:
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=pipe)
        session = ProcessSession(process)
        self.sessions.append(session)
        return session

    async def attach(self, pod: Object, container: str, *, stdin: bool, tty: bool) -> ExecSession:
        """The container's process here is always ``cat``."""
        return await self.exec(pod, container, ["cat"], stdin=stdin, tty=tty)

    def pod_usage(self) -> list[PodUsage]:
        return self.usages

    def node_usage(self) -> list[NodeUsage]:
        now = datetime.now(UTC)
        return [NodeUsage("node-1", {"kubernetes.io/hostname": "node-1"}, now, 15.0, 0.25, 512 * 1024 * 1024)]

    async def stats_summary(self, node: str) -> Object:
        return {"node": {"nodeName": node}, "pods": []}

    def terminate(self, pod: Object) -> None:
        self.terminated.append(pod)


class ApiServer:
    """The server, its kubeconfig, and ways to act inside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = Store()
        self.agent = BookkeepingAgent(self.store)
        self.tokens = {TOKEN: ADMIN, GUEST: User("guest", ("system:authenticated",))}
        self.kubeconfig = folder / "kubeconfig"
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._addresses = iter(range(1, 250))

    def start(self) -> None:
        """Listen, write the kubeconfig, and make the first namespaces and a node."""
        authority = trustme.CA()
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        self.port: int = listener.getsockname()[1]
        self.ca = self.folder / "ca.crt"
        authority.cert_pem.write_to_path(str(self.ca))
        self._thread.start()
        app = make_app(
            self.store, self.agent, self.tokens, allocate_address=lambda _: f"127.64.100.{next(self._addresses)}"
        )
        self._runner = self.wait(serve(app, listener, context))
        self.write_kubeconfig(TOKEN)
        self.do(lambda: roles.install(self.store))
        for name in ("default", "kube-system"):
            self.make_namespace(name)
        status = {"addresses": [{"type": "InternalIP", "address": "127.0.0.1"}]}
        self.do(lambda: self.store.create(NODE, {"metadata": {"name": "node-1"}, "spec": {}, "status": status}))

    def make_namespace(self, name: str) -> None:
        """An active namespace, as the API would store it."""
        labels = {"kubernetes.io/metadata.name": name}
        made = {
            "metadata": {"name": name, "labels": labels},
            "spec": {"finalizers": ["kubernetes"]},
            "status": {"phase": "Active"},
        }
        self.do(lambda: self.store.create(NAMESPACE, made))

    def write_kubeconfig(self, token: str) -> Path:
        """A kubeconfig for that token."""
        path = self.kubeconfig if token == TOKEN else self.folder / f"kubeconfig-{token}"
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {"name": "t", "cluster": {"server": self.url, "certificate-authority": str(self.ca)}},
            ],
            "users": [{"name": "t", "user": {"token": token}}],
            "contexts": [{"name": "t", "context": {"cluster": "t", "user": "t"}}],
            "current-context": "t",
        }
        path.write_text(yaml.safe_dump(content))
        path.chmod(0o600)
        return path

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def wait(self, work: Any) -> Any:
        """Run a coroutine in the server's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def do[T](self, action: Callable[[], T]) -> T:
        """Call something in the server's loop: the store is not to be touched from elsewhere."""
        done: Future[T] = Future()

        def call() -> None:
            try:
                done.set_result(action())
            except BaseException as error:
                done.set_exception(error)

        self._loop.call_soon_threadsafe(call)
        return done.result(30)

    def run_pod(self, namespace: str, name: str) -> None:
        """Play scheduler and kubelet: the pod runs on node-1."""

        def change(pod: Object) -> None:
            pod["spec"]["nodeName"] = "node-1"
            pod["status"] = pod["status"] | {
                "phase": "Running",
                "podIP": "127.64.1.2",
                "conditions": [{"type": "Ready", "status": "True"}],
                "containerStatuses": [
                    {
                        "name": container["name"],
                        "image": container["image"],
                        "imageID": "",
                        "ready": True,
                        "restartCount": 0,
                        "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}},
                    }
                    for container in pod["spec"]["containers"]
                ],
            }

        self.do(lambda: self.store.mutate(POD, namespace, name, change))

    def stop(self) -> None:
        self.wait(self._runner.cleanup())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def request(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        """One plain HTTP request."""
        context = ssl.create_default_context(cafile=str(self.ca))
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=context, timeout=30)
        sent = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, sent)
        answer = connection.getresponse()
        read = Answer(answer.status, dict(answer.getheaders()), answer.read())
        connection.close()
        return read

    def kubectl(self, *arguments: str, stdin: str | None = None, kubeconfig: Path | None = None) -> Kubectl:
        """Run the real kubectl."""
        program = Path(sys.executable).parent / "kubectl"
        home = self.folder / "home"
        finished = subprocess.run(
            [str(program), "--kubeconfig", str(kubeconfig or self.kubeconfig), *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={"HOME": str(home), "PATH": os.environ["PATH"]},
        )
        return Kubectl(finished.returncode, finished.stdout, finished.stderr)


def official(module: str) -> Any:
    """A module of the official client, which is not typed throughout."""
    return importlib.import_module(f"kubernetes.{module}")


@dataclass(frozen=True)
class Answer:
    """What the server said."""

    code: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Kubectl:
    """What a kubectl command said."""

    code: int
    out: str
    err: str

    def ok(self) -> str:
        """Its output; an assertion that it went well."""
        assert self.code == 0, f"kubectl ended with {self.code}: {self.err}{self.out}"
        return self.out
