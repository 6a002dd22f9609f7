"""The kubeconfig of a sandbox: its address, its CA and a token, in one private file."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import yaml


def write(path: Path, *, name: str, server: str, ca: bytes, token: str, namespace: str | None = None) -> None:
    """Write a kubeconfig that only its owner can read."""
    context = {"cluster": name, "user": name} | ({"namespace": namespace} if namespace else {})
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "clusters": [
            {
                "name": name,
                "cluster": {"server": server, "certificate-authority-data": base64.b64encode(ca).decode()},
            }
        ],
        "contexts": [{"name": name, "context": context}],
        "users": [{"name": name, "user": {"token": token}}],
    }
    write_private(path, yaml.safe_dump(config, sort_keys=False).encode())


def write_private(path: Path, content: bytes) -> None:
    """Write a whole file at once, readable by its owner alone."""
    fresh = path.with_name(f".{path.name}.new")
    descriptor = os.open(fresh, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    fresh.replace(path)
