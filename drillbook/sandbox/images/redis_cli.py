"""``redis-cli``, as far as runbooks use it: one command, commands from standard input, ``--scan``, a small prompt."""

from __future__ import annotations

import argparse
import os
import shlex
import socket
import sys
from collections.abc import Iterator
from typing import Final, NoReturn
from urllib.parse import unquote, urlsplit

from drillbook.sandbox.images.redis_reply import bare, shown
from drillbook.sandbox.names import address_of
from drillbook.sandbox.resp import Failure, ProtocolError, Replies, Reply, command

SECONDS_TO_CONNECT: Final = 5.0
UNSAFE: Final = "Warning: Using a password with '-a' or '-u' option on the command line interface may not be safe."


class Arguments(argparse.ArgumentParser):
    """Says no as the real program does: one line and exit code 1."""

    def error(self, message: str) -> NoReturn:
        sys.exit(f"Unrecognized option or bad number of args: {message}")


def parse(arguments: list[str]) -> argparse.Namespace:
    """Options up to the first word of the command; everything from there on belongs to the command."""
    known = Arguments(prog="redis-cli", add_help=False, allow_abbrev=False)
    known.add_argument("-h", dest="host", default=os.environ.get("POD_IP") or "127.0.0.1")
    known.add_argument("-p", dest="port", type=int, default=6379)
    known.add_argument("-n", dest="database", type=int, default=0)
    known.add_argument("-a", "--pass", dest="password")
    known.add_argument("--user")
    known.add_argument("-u", dest="url")
    known.add_argument("--no-auth-warning", action="store_true")
    known.add_argument("-e", dest="fail", action="store_true", help="exit code 1 where the server says no")
    known.add_argument("-x", dest="last_from_stdin", action="store_true")
    known.add_argument("--raw", dest="for_people", action="store_false", default=sys.stdout.isatty())
    known.add_argument("--no-raw", dest="for_people", action="store_true")
    known.add_argument("--scan", action="store_true")
    known.add_argument("--pattern", default="*")
    known.add_argument("words", nargs=argparse.REMAINDER)
    options = known.parse_args(arguments)
    if options.url:
        url = urlsplit(options.url)
        options.host, options.port = url.hostname or options.host, url.port or options.port
        options.user, options.password = url.username or options.user, unquote(url.password or "") or options.password
        options.database = int(url.path.strip("/") or options.database)
    if options.password and not options.no_auth_warning:
        print(UNSAFE, file=sys.stderr)
    options.password = options.password or os.environ.get("REDISCLI_AUTH")
    return options


class Connection:
    """One connection, one command at a time."""

    def __init__(self, host: str, port: int) -> None:
        self._socket = socket.create_connection((address_of(host), port), SECONDS_TO_CONNECT)
        # A blocking command waits for as long as it says itself.
        self._socket.settimeout(None)
        self._replies = Replies()

    def ask(self, *words: str | bytes) -> Reply:
        """Send a command and wait for its reply; ConnectionError when the server hangs up."""
        self._socket.sendall(command(*words))
        while True:
            data = self._socket.recv(65536)
            if not data:
                raise ConnectionResetError("Server closed the connection")
            for reply in self._replies.feed(data):
                return reply


def connect(options: argparse.Namespace) -> Connection:
    """Connected, let in, and at the right database; leaves with exit code 1 where there is no server."""
    try:
        connection = Connection(options.host, options.port)
    except OSError as error:
        sys.exit(f"Could not connect to Redis at {options.host}:{options.port}: {error.strerror or error}")
    if options.password:
        who = [options.user] if options.user else []
        reply = connection.ask("AUTH", *who, options.password)
        if isinstance(reply, Failure):
            print(f"AUTH failed: {reply}", file=sys.stderr)
    if options.database:
        connection.ask("SELECT", str(options.database))
    return connection


def keys(connection: Connection, pattern: str) -> Iterator[Reply]:
    """Every key that fits, a page at a time."""
    cursor = "0"
    while True:
        page = connection.ask("SCAN", cursor, "MATCH", pattern)
        if not isinstance(page, list) or not isinstance(page[1], list):
            sys.exit(bare(page))
        yield from page[1]
        cursor = bare(page[0])
        if cursor == "0":
            return


def run(connection: Connection, words: list[str | bytes], options: argparse.Namespace) -> bool:
    """One command, its reply printed; whether the server did it."""
    reply = connection.ask(*words)
    print(shown(reply, [str(word) for word in words], options.for_people), flush=True)
    return not isinstance(reply, Failure)


def lines(options: argparse.Namespace) -> Iterator[list[str]]:
    """The commands on standard input, with a prompt where a person types them."""
    prompt = f"{options.host}:{options.port}> " if sys.stdin.isatty() else ""
    while True:
        try:
            words = shlex.split(input(prompt))
        except EOFError:
            return
        except ValueError:
            print("Invalid argument(s)")
            continue
        if words and words[0].lower() in {"quit", "exit"}:
            return
        if words:
            yield words


def main(arguments: list[str]) -> int:
    """Run the command line; returns the exit code."""
    options = parse(arguments)
    connection = connect(options)
    sys.stdout.reconfigure(errors="surrogateescape")  # type: ignore[union-attr]
    try:
        if options.scan:
            for key in keys(connection, options.pattern):
                print(bare(key))
            return 0
        if options.words:
            given: list[str | bytes] = list(options.words)
            if options.last_from_stdin:
                given.append(sys.stdin.buffer.read())
            return int(not run(connection, given, options) and options.fail)
        done = [run(connection, list(words), options) for words in lines(options)]
        return int(options.fail and not all(done))
    except (OSError, ProtocolError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
