"""What ``prom/prometheus`` and ``prom/alertmanager`` images start: the real server, on the pod's own address.

Flags are the container's own, as on a cluster. Where they leave out the file, the folder or the address, the image's
defaults hold; an address of all interfaces becomes the pod's own, for that is the only one that is the pod's here.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NoReturn

from drillbook.errors import ConfigError
from drillbook.places import program
from drillbook.sandbox.images.program import DATA, RUN
from drillbook.sandbox.images.prometheus import NAMES
from drillbook.sandbox.images.prometheus_discovery import keep, translated, write
from drillbook.sandbox.images.tools import become

CONFIG: Final = {"prometheus": "/etc/prometheus/prometheus.yml", "alertmanager": "/etc/alertmanager/alertmanager.yml"}
FILE: Final = "--config.file="
PORTS: Final = {"prometheus": 9090, "alertmanager": 9093}
STORAGE: Final = {"prometheus": "--storage.tsdb.path", "alertmanager": "--storage.path"}
LISTEN: Final = "--web.listen-address"
EVERYWHERE: Final = ("", "0.0.0.0", "[::]")
ALONE: Final = "--cluster.listen-address"
"""Alertmanagers gossip with one another on a port of all interfaces, unless told not to."""


def main(arguments: Sequence[str]) -> NoReturn:
    """Become the server that the first argument names, with the container's flags."""
    server, *given = arguments
    path = program(*NAMES[server])
    if path is None:
        sys.exit(f"Error: {server} isn't on this machine any more; get it with scripts/prometheus")
    words = flags(server, given, os.environ.get("POD_IP", "127.0.0.1"), os.environ.get(DATA))
    if server == "prometheus":
        try:
            words = [
                f"{FILE}{with_targets(Path(one.removeprefix(FILE)))}" if one.startswith(FILE) else one for one in words
            ]
        except (ConfigError, OSError) as error:
            sys.exit(f"Error: {error}")
    become([str(path), *words])


def with_targets(config: Path) -> Path:
    """The configuration to start with, translated; whoever keeps it and its targets up to date runs from now on."""
    folder = Path(os.environ.get(RUN) or f"/tmp/prometheus-{os.getpid()}") / "prometheus"  # noqa: S108 - made private
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    text, wanted = translated(config.read_text(encoding="utf-8"), config.parent, folder)
    write(folder / config.name, text)
    for one in wanted:
        write(folder / one.file, "[]")
    server = os.getpid()
    if os.fork() == 0:
        account = Path(os.environ.get("DRILLBOOK_SERVICE_ACCOUNT") or "/var/run/secrets/kubernetes.io/serviceaccount")
        api = f"{os.environ.get('KUBERNETES_SERVICE_HOST')}:{os.environ.get('KUBERNETES_SERVICE_PORT')}"
        keep(server, config, folder, account, api)
        os._exit(0)
    return folder / config.name


def flags(server: str, given: Sequence[str], address: str, folder: str | None) -> list[str]:
    """The flags to start with: each once, for the server takes a second one for an error."""
    defaults = {"--config.file": CONFIG[server], LISTEN: f":{PORTS[server]}"}
    if folder is not None:
        defaults[STORAGE[server]] = folder
    if server == "alertmanager":
        defaults[ALONE] = ""
    # The image's own folder is the one that $DRILLBOOK_DATA stands for.
    own = [one for one in given if folder is None or one.rstrip("/") != f"{STORAGE[server]}=/{server}"]
    named = {one.partition("=")[0] for one in own}
    own += [f"{name}={value}" for name, value in defaults.items() if name not in named]
    return [_here(one, address) if one.startswith(f"{LISTEN}=") else one for one in own]


def _here(flag: str, address: str) -> str:
    host, _, port = flag.partition("=")[2].rpartition(":")
    return f"{LISTEN}={address if host in EVERYWHERE else host}:{port}"


if __name__ == "__main__":
    main(sys.argv[1:])
