"""``nslookup`` and ``nc`` as busybox has them: what runbooks try a Service's name and port with."""

from __future__ import annotations

import argparse
import os
import selectors
import socket
import sys
from typing import Final

from drillbook.sandbox.names import address_of, cluster_address

SECONDS: Final = 10.0
CHUNK: Final = 65536


def nslookup(arguments: list[str]) -> int:
    """Say which address a name has; 1 when it has none."""
    known = argparse.ArgumentParser(prog="nslookup", add_help=False)
    known.add_argument("name")
    known.add_argument("server", nargs="?")
    name = known.parse_args(arguments).name
    print(f"Server:\t\t{'the cluster' if cluster_address(name) else 'the host'}\n")
    try:
        address = address_of(name)
    except socket.gaierror:
        print(f"** server can't find {name}: NXDOMAIN\n")
        return 1
    print(f"Name:\t{name}\nAddress: {address}\n")
    return 0


def nc(arguments: list[str]) -> int:
    """Connect; with ``-z`` that is all, else what comes in is sent, and what is answered is written. 1 on failure."""
    known = argparse.ArgumentParser(prog="nc", add_help=False, allow_abbrev=False)
    known.add_argument("host")
    known.add_argument("port", type=int)
    known.add_argument("-z", action="store_true", dest="only_connect")
    known.add_argument("-v", action="count", default=0, dest="verbose")
    known.add_argument("-n", action="store_true")
    known.add_argument("-w", type=float, default=SECONDS, dest="seconds")
    options = known.parse_args(arguments)
    try:
        address = address_of(options.host)
    except socket.gaierror:
        print(f"nc: bad address '{options.host}'", file=sys.stderr)
        return 1
    place = f"{options.host} ({address}:{options.port})"
    try:
        with socket.create_connection((address, options.port), options.seconds) as line:
            if options.verbose:
                print(f"{place} open", file=sys.stderr)
            if not options.only_connect:
                _talk(line)
    except TimeoutError:
        print(f"nc: {place}: Connection timed out", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"nc: {place}: {error.strerror}", file=sys.stderr)
        return 1
    return 0


def _talk(line: socket.socket) -> None:
    """Both ways, until the other side has said everything."""
    line.settimeout(None)
    given = sys.stdin.fileno()
    # poll takes what epoll refuses: files and /dev/null, which are always ready.
    with selectors.PollSelector() as ready:
        ready.register(line, selectors.EVENT_READ)
        ready.register(given, selectors.EVENT_READ)
        while True:
            for key, _ in ready.select():
                if key.fileobj is line:
                    answer = line.recv(CHUNK)
                    if not answer:
                        return
                    os.write(sys.stdout.fileno(), answer)
                elif said := os.read(given, CHUNK):
                    line.sendall(said)
                else:
                    ready.unregister(given)
                    line.shutdown(socket.SHUT_WR)


if __name__ == "__main__":
    sys.exit({"nslookup": nslookup, "nc": nc}[sys.argv[1]](sys.argv[2:]))
