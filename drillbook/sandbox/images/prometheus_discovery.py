"""What this machine's Prometheus may lack: finding pods and nodes through the Kubernetes API.

Debian builds it without, so here ``kubernetes_sd_configs`` become files of targets with the same ``__meta_kubernetes_``
labels, kept up to date beside the server, and a configuration that changes is loaded again. Roles: pod and node.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from drillbook.errors import ConfigError

type Targets = list[dict[str, Any]]

KEY: Final = "kubernetes_sd_configs"
LOOK_AGAIN: Final = 1.0
"""Seconds between two looks at the configuration, and before the API is asked again after it failed."""
WATCH_SECONDS: Final = 300
_UNSAFE: Final = re.compile(r"[^a-zA-Z0-9_]")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one ``kubernetes_sd_configs`` entry asks for."""

    role: str
    namespaces: tuple[str, ...] = ()

    @property
    def file(self) -> str:
        return "-".join(("targets", self.role, *self.namespaces)) + ".json"

    @property
    def path(self) -> str:
        """The API's list; of all namespaces where it names none, or several."""
        if self.role == "node":
            return "/api/v1/nodes"
        return f"/api/v1/namespaces/{self.namespaces[0]}/pods" if len(self.namespaces) == 1 else "/api/v1/pods"


def translated(text: str, home: Path, folder: Path) -> tuple[str, frozenset[Wanted]]:
    """A configuration that needs no Kubernetes, and what to keep in ``folder`` for it. ``home`` is where it was.

    Raises ConfigError for what can't be translated.
    """
    try:
        document = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise ConfigError(f"{home}/prometheus.yml can't be read as YAML: {getattr(error, 'problem', error)}") from error
    wanted = set()
    document["rule_files"] = [str(home / name) for name in document.get("rule_files") or ()]
    alerting = (document.get("alerting") or {}).get("alertmanagers") or ()
    for job in (*(document.get("scrape_configs") or ()), *alerting):
        found = [_wanted(entry) for entry in job.pop(KEY, None) or ()]
        wanted.update(found)
        if found:
            files = [{"files": [str(folder / one.file)]} for one in found]
            job["file_sd_configs"] = [*(job.get("file_sd_configs") or ()), *files]
    return yaml.safe_dump(document, sort_keys=False), frozenset(wanted)


def _wanted(entry: Mapping[str, Any]) -> Wanted:
    role = str(entry.get("role"))
    if role not in {"pod", "node"}:
        raise ConfigError(f"{KEY}: the sandbox's Prometheus finds targets of role pod or node, not of role {role!r}")
    return Wanted(role, tuple((entry.get("namespaces") or {}).get("names") or ()))


def pod_targets(pods: Iterable[Mapping[str, Any]], namespaces: tuple[str, ...]) -> Targets:
    """One target for each port of each running pod, with Prometheus' own names of labels."""
    found = []
    for pod in pods:
        meta, status = pod["metadata"], pod.get("status") or {}
        if not status.get("podIP") or status.get("phase") in {"Succeeded", "Failed"}:
            continue
        if namespaces and meta["namespace"] not in namespaces:
            continue
        ready = any(c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions") or ())
        labels = {
            "namespace": meta["namespace"],
            "pod_name": meta["name"],
            "pod_ip": status["podIP"],
            "pod_ready": str(ready).lower(),
            "pod_phase": status.get("phase", ""),
            "pod_node_name": pod["spec"].get("nodeName", ""),
            **{f"pod_label_{_UNSAFE.sub('_', key)}": value for key, value in (meta.get("labels") or {}).items()},
        }
        for container in pod["spec"]["containers"]:
            for port in container.get("ports") or ():
                own = {
                    "pod_container_name": container["name"],
                    "pod_container_port_name": port.get("name", ""),
                    "pod_container_port_number": str(port["containerPort"]),
                }
                found.append(_target(f"{status['podIP']}:{port['containerPort']}", labels | own))
    return found


def node_targets(nodes: Iterable[Mapping[str, Any]]) -> Targets:
    """One target for each node: its kubelet."""
    found = []
    for node in nodes:
        addresses = {one["type"]: one["address"] for one in (node.get("status") or {}).get("addresses") or ()}
        if address := addresses.get("InternalIP"):
            found.append(_target(f"{address}:10250", {"node_name": node["metadata"]["name"]}))
    return found


def _target(address: str, labels: Mapping[str, str]) -> dict[str, Any]:
    return {"targets": [address], "labels": {f"__meta_kubernetes_{name}": value for name, value in labels.items()}}


def write(path: Path, text: str) -> None:
    """In one step: Prometheus reads it whenever it changes."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)


def keep(server: int, config: Path, folder: Path, account: Path, api: str) -> None:
    """Keep targets and configuration up to date for as long as the server (a process id) is this process's parent."""
    following: set[Wanted] = set()
    before = ""
    while os.getppid() == server:
        now = "\0".join(_text(path) for path in sorted(config.parent.iterdir()) if path.is_file())
        if now != before:
            if before:
                reload(server, config, folder)
            for one in translated(_text(config), config.parent, folder)[1] - following:
                following.add(one)
                threading.Thread(target=_follow, args=(one, folder, account, api), daemon=True).start()
            before = now
        time.sleep(LOOK_AGAIN)


def reload(server: int, config: Path, folder: Path) -> None:
    """Translate again, and have the server load it; one that can't be read stays what it was."""
    try:
        write(folder / config.name, translated(_text(config), config.parent, folder)[0])
    except ConfigError as error:
        print(f"configuration not loaded: {error}", flush=True)
        return
    os.kill(server, signal.SIGHUP)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def _follow(wanted: Wanted, folder: Path, account: Path, api: str) -> None:
    """List, write, and list again whenever something has changed."""
    while True:
        try:
            listed = _ask(wanted.path, account, api, json.load)
            items = listed["items"]
            targets = node_targets(items) if wanted.role == "node" else pod_targets(items, wanted.namespaces)
            write(folder / wanted.file, json.dumps(targets))
            since = f"?watch=1&timeoutSeconds={WATCH_SECONDS}&resourceVersion={listed['metadata']['resourceVersion']}"
            _ask(f"{wanted.path}{since}", account, api, lambda answer: answer.readline())
        except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
            print(f"can't list {wanted.path}: {type(error).__name__}: {error}", flush=True)
            time.sleep(LOOK_AGAIN)


def _ask[T](path: str, account: Path, api: str, read: Callable[[http.client.HTTPResponse], T]) -> T:
    context = ssl.create_default_context(cafile=str(account / "ca.crt"))
    connection = http.client.HTTPSConnection(api, context=context, timeout=WATCH_SECONDS + 10)
    try:
        token = (account / "token").read_text(encoding="ascii").strip()
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        if answer.status != 200:
            raise OSError(f"the API said {answer.status} {answer.reason}")
        return read(answer)
    finally:
        connection.close()
