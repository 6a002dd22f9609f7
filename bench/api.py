"""The sandbox's API over one kept connection: nothing between the clock and the server but HTTP."""

from __future__ import annotations

import http.client
import json
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml


class Api:
    """One connection; requests one after another."""

    def __init__(self, kubeconfig: Path) -> None:
        config = yaml.safe_load(kubeconfig.read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        ca = cluster.get("certificate-authority")
        context = ssl.create_default_context(cafile=ca)
        if ca is None:
            import base64

            context.load_verify_locations(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
        address = urlsplit(cluster["server"])
        self._connection = http.client.HTTPSConnection(
            address.hostname or "", address.port, context=context, timeout=60
        )
        self._headers = {"Authorization": f"Bearer {user['token']}", "Content-Type": "application/json"}

    def raw(self, method: str, path: str, body: Any = None) -> bytes:
        """The answer's body, read to its end. RuntimeError when the server says no."""
        data = None if body is None else json.dumps(body)
        self._connection.request(method, path, data, self._headers)
        answer = self._connection.getresponse()
        read = answer.read()
        if answer.status >= 400:
            raise RuntimeError(f"{method} {path}: {answer.status} {read[:300].decode(errors='replace')}")
        return read

    def json(self, method: str, path: str, body: Any = None) -> Any:
        return json.loads(self.raw(method, path, body))

    def close(self) -> None:
        self._connection.close()
