"""Logs, exec, attach and port-forward, with the real clients."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from drillbook.sandbox.api import spdy
from drillbook.sandbox.kinds import POD
from tests.sandbox.api import manifests
from tests.sandbox.api.server import ApiServer, official


@pytest.fixture
def pod(api: ApiServer, core: Any, space: str) -> str:
    """A pod that runs."""
    name = f"web-{space}"
    core.create_namespaced_pod(space, manifests.pod(name))
    api.run_pod(space, name)
    return name


@pytest.fixture
def streaming(api: ApiServer) -> Any:
    """A client of its own: streaming changes the one that it is given."""
    return official("client").CoreV1Api(official("config").new_client_from_config(str(api.kubeconfig)))


def test_an_exec_gives_output_and_exit_code(api: ApiServer, space: str, pod: str) -> None:
    done = api.kubectl("-n", space, "exec", pod, "--", "sh", "-c", "echo out; echo err >&2; exit 3")
    assert (done.code, done.out) == (3, "out\n")
    assert "err" in done.err
    assert "exit code 3" in done.err
    assert api.kubectl("-n", space, "exec", pod, "--", "true").code == 0


def test_an_exec_takes_input_to_its_end(api: ApiServer, space: str, pod: str) -> None:
    text = "x" * 1_000_000
    assert api.kubectl("-n", space, "exec", "-i", pod, "--", "wc", "-c", stdin=text).ok().strip() == "1000000"


def test_an_exec_gives_much_output(api: ApiServer, space: str, pod: str) -> None:
    said = api.kubectl("-n", space, "exec", pod, "--", "sh", "-c", "yes | head -c 3000000").ok()
    assert len(said) == 3_000_000


def test_a_command_that_is_not_there_fails_with_a_sentence(api: ApiServer, space: str, pod: str) -> None:
    done = api.kubectl("-n", space, "exec", pod, "--", "no-such-program")
    assert done.code == 1
    assert "no-such-program" in done.err


def test_the_python_client_execs_and_sees_the_exit_code(streaming: Any, space: str, pod: str) -> None:
    session = official("stream").stream(
        streaming.connect_get_namespaced_pod_exec,
        pod,
        space,
        command=["sh", "-c", "cat; exit 7"],
        stdin=True,
        stdout=True,
        stderr=True,
        tty=False,
        _preload_content=False,
    )
    session.write_stdin("hello")
    session.close_channel(0)
    session.run_forever(timeout=10)
    assert session.read_stdout() == "hello"
    assert session.returncode == 7


def test_an_exec_whose_client_leaves_is_killed(api: ApiServer, streaming: Any, space: str, pod: str) -> None:
    from kubernetes.stream import stream

    before = len(api.agent.sessions)
    session = stream(
        streaming.connect_get_namespaced_pod_exec,
        pod,
        space,
        command=["sleep", "60"],
        stdout=True,
        _preload_content=False,
    )
    while len(api.agent.sessions) == before:
        time.sleep(0.01)
    process = api.agent.sessions[-1]
    session.sock.sock.shutdown(socket.SHUT_RDWR)
    assert api.wait(process.wait()) == 128 + 9


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("stdout=1", "at least 1 command"),
        ("command=ls", "at least 1 of stdin, stdout, stderr"),
        ("command=ls&stdout=1&container=none", "container none is not valid for pod"),
        ("command=ls&stdout=1", "expected a WebSocket"),
    ],
)
def test_an_exec_that_cannot_be_is_refused(api: ApiServer, space: str, pod: str, query: str, says: str) -> None:
    answer = api.request("GET", f"/api/v1/namespaces/{space}/pods/{pod}/exec?{query}")
    assert answer.code == 400
    assert says in answer.json()["message"]


def test_an_exec_into_a_container_that_does_not_run_fails(api: ApiServer, core: Any, space: str) -> None:
    core.create_namespaced_pod(space, manifests.pod("still"))
    assert "does not have a host assigned" in api.kubectl("-n", space, "exec", "still", "--", "ls").err


def test_attach_joins_the_containers_process(api: ApiServer, space: str, pod: str) -> None:
    assert api.kubectl("-n", space, "attach", "-i", pod, stdin="hello\n").out == "hello\n"


def test_a_log_is_read_whole_or_from_its_end(api: ApiServer, core: Any, space: str, pod: str) -> None:
    api.agent.lines[pod, "main"] = [b"one\n", b"two\n", b"three\n"]
    assert core.read_namespaced_pod_log(pod, space) == "one\ntwo\nthree\n"
    assert api.kubectl("-n", space, "logs", pod, "--tail=1").ok() == "three\n"
    core.read_namespaced_pod_log(pod, space, since_seconds=60, timestamps=True, limit_bytes=10)
    asked = api.agent.asked[-1]
    assert (asked["timestamps"], asked["limit_bytes"], asked["since"] is not None) == (True, 10, True)


def test_a_log_is_followed(api: ApiServer, core: Any, space: str, pod: str) -> None:
    api.agent.lines[pod, "main"] = [b"one\n"]
    followed = core.read_namespaced_pod_log(pod, space, follow=True, _preload_content=False)
    lines = followed.stream(1024)
    assert next(lines) == b"one\n"
    api.agent.lines[pod, "main"].append(b"two\n")
    api.do(api.agent.woken.set)
    assert next(lines) == b"two\n"
    followed.close()


def test_a_silent_log_is_followed_from_the_start(api: ApiServer, core: Any, space: str, pod: str) -> None:
    started = time.monotonic()
    core.read_namespaced_pod_log(pod, space, follow=True, _preload_content=False, _request_timeout=5).close()
    assert time.monotonic() - started < 3


@pytest.mark.parametrize(
    ("query", "code", "says"),
    [
        ("container=none", 400, "container none is not valid for pod"),
        ("previous=true", 400, 'previous terminated container "main" not found'),
        ("tailLines=-1", 422, "tailLines"),
        ("sinceSeconds=0", 422, "sinceSeconds"),
        ("limitBytes=0", 422, "limitBytes"),
        ("tailLines=x", 400, "tailLines"),
        ("sinceTime=today", 400, 'parsing time "today"'),
        ("sinceSeconds=1&sinceTime=2026-01-01T00:00:00Z", 422, "at most one of"),
    ],
)
def test_a_log_that_cannot_be_is_refused(
    api: ApiServer, space: str, pod: str, query: str, code: int, says: str
) -> None:
    answer = api.request("GET", f"/api/v1/namespaces/{space}/pods/{pod}/log?{query}")
    assert answer.code == code
    assert says in answer.json()["message"]


def test_of_several_containers_one_must_be_named(api: ApiServer, core: Any, space: str) -> None:
    two = [{"name": "one", "image": "a"}, {"name": "two", "image": "b"}]
    core.create_namespaced_pod(
        space, manifests.pod("pair", containers=two, initContainers=[{"name": "zero", "image": "c"}])
    )
    api.run_pod(space, "pair")
    answer = api.request("GET", f"/api/v1/namespaces/{space}/pods/pair/log")
    assert answer.code == 400
    assert "choose one of: [one two] or one of the init containers: [zero]" in answer.json()["message"]


class Page(BaseHTTPRequestHandler):
    """Two megabytes, whatever one asks for."""

    def do_GET(self) -> None:
        body = b"x" * 2_000_000
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


@pytest.fixture
def port(api: ApiServer, space: str, pod: str) -> Iterator[int]:
    """A port of the pod, with a web server behind it."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    api.do(lambda: api.store.mutate(POD, space, pod, lambda draft: draft["status"].update(podIP="127.0.0.1")))
    yield server.server_port
    server.shutdown()
    server.server_close()


def test_kubectl_forwards_a_port(api: ApiServer, space: str, pod: str, port: int) -> None:
    command = [Path(sys.executable).parent / "kubectl", "--kubeconfig", api.kubeconfig, "-n", space]
    forward = subprocess.Popen(
        [*map(str, command), "port-forward", f"pod/{pod}", f"0:{port}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert forward.stdout is not None
        line = forward.stdout.readline()
        found = re.search(r"127\.0\.0\.1:(\d+) ->", line)
        assert found, line
        for _ in range(5):
            with urllib.request.urlopen(f"http://127.0.0.1:{found[1]}/", timeout=10) as answer:
                assert len(answer.read()) == 2_000_000
    finally:
        forward.terminate()
        forward.wait(10)
        forward.stdout.close() if forward.stdout else None


def test_the_python_client_forwards_a_port(streaming: Any, space: str, pod: str, port: int) -> None:
    forward = official("stream").portforward(
        streaming.connect_get_namespaced_pod_portforward, pod, space, ports=str(port)
    )
    connection = forward.socket(port)
    connection.setblocking(True)
    connection.settimeout(10)
    connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
    size = 0
    while data := connection.recv(65536):
        size += len(data)
    assert size > 2_000_000
    assert forward.error(port) is None


def test_a_port_that_nobody_listens_on_is_an_error(streaming: Any, space: str, pod: str, port: int) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        closed = free.getsockname()[1]
    forward = official("stream").portforward(
        streaming.connect_get_namespaced_pod_portforward, pod, space, ports=str(closed)
    )
    connection = forward.socket(closed)
    connection.setblocking(True)
    connection.settimeout(10)
    assert connection.recv(1) == b""
    assert "failed to connect" in forward.error(closed)


def test_a_spdy_frame_survives_being_cut_anywhere() -> None:
    sent = spdy.Encoder().data(5, b"hello", fin=True) + spdy.Encoder().ping(7)
    for cut in range(len(sent)):
        decoder = spdy.Decoder()
        frames = [*decoder.feed(sent[:cut]), *decoder.feed(sent[cut:])]
        assert frames == [spdy.Frame(spdy.DATA, 5, True, data=b"hello"), spdy.Frame(spdy.PING, 7)]


def test_another_spdy_version_is_refused() -> None:
    with pytest.raises(ValueError, match="SPDY version 2"):
        list(spdy.Decoder().feed(bytes.fromhex("8002000600000004") + b"\0\0\0\1"))
