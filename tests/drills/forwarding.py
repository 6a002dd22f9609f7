"""A way to the cluster that can be cut: a forwarder of TCP before its API server, and a kubeconfig through it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import yaml


class Forwarder:
    """Listens at the server's own address, which its certificate is for, on another port."""

    def __init__(self, host: str, port: int) -> None:
        self._server = (host, port)
        self._listening = socket.create_server((host, 0))
        self.port: int = self._listening.getsockname()[1]
        self._open: list[socket.socket] = [self._listening]
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                far = socket.create_connection(self._server)
                with self._lock:
                    self._open += [near, far]
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=_pump, args=pair, daemon=True).start()

    def cut(self) -> None:
        """From now on nobody gets through; who was is hung up on. Safe twice."""
        with self._lock:
            for one in self._open:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
                one.close()
            self._open.clear()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_RDWR)


@contextmanager
def far_away(state: Path, folder: Path) -> Iterator[Forwarder]:
    """A sandbox as a program sees it whose ``$DRILLBOOK_STATE`` is ``folder``: the same, but through a forwarder."""
    document = yaml.safe_load((state / "kubeconfig").read_text())
    (cluster,) = (one["cluster"] for one in document["clusters"])
    server = urlsplit(cluster["server"])
    assert server.hostname is not None
    assert server.port is not None
    forwarder = Forwarder(server.hostname, server.port)
    cluster["server"] = f"https://{server.hostname}:{forwarder.port}"
    seen = folder / state.name
    seen.mkdir(parents=True)
    for name in ("sandbox.json", "ca.crt"):
        (seen / name).symlink_to(state / name)
    (seen / "kubeconfig").write_text(yaml.safe_dump(document))
    try:
        yield forwarder
    finally:
        forwarder.cut()
