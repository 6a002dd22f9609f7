"""``curl`` and ``wget`` for machines that have neither: the options that runbooks and probes use."""

from __future__ import annotations

import argparse
import http.client
import os
import socket
import ssl
import sys
from pathlib import Path
from typing import Final, NoReturn
from urllib.parse import urljoin, urlsplit

from drillbook.sandbox.names import address_of

MOST_REDIRECTS: Final = 20


class Arguments(argparse.ArgumentParser):
    """Exit code 2, as curl has it for a command line that it can't read."""

    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: {message}", file=sys.stderr)
        sys.exit(2)


class Failed(Exception):
    """No answer, with the exit code that curl gives it."""

    def __init__(self, code: int, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


def parse_curl(arguments: list[str]) -> argparse.Namespace:
    """The options of curl that are known here."""
    known = Arguments(prog="curl", allow_abbrev=False, add_help=False)
    known.add_argument("url")
    for short, name in (("-s", "silent"), ("-S", "show-error"), ("-f", "fail"), ("-L", "location"), ("-k", "insecure")):
        known.add_argument(short, f"--{name}", dest=name.replace("-", "_"), action="store_true")
    known.add_argument("-i", "--include", action="store_true")
    known.add_argument("-I", "--head", action="store_true")
    known.add_argument("-o", "--output")
    known.add_argument("-X", "--request")
    known.add_argument("-H", "--header", action="append", default=[])
    known.add_argument("-d", "--data")
    known.add_argument("-w", "--write-out", default="")
    known.add_argument("-m", "--max-time", "--connect-timeout", type=float, dest="seconds", default=300.0)
    return known.parse_args(arguments)


def parse_wget(arguments: list[str]) -> argparse.Namespace:
    """The options of wget that are known here, in curl's terms."""
    known = Arguments(prog="wget", allow_abbrev=False, add_help=False)
    known.add_argument("url")
    known.add_argument("-q", "--quiet", dest="silent", action="store_true")
    known.add_argument("-S", "--server-response", dest="include", action="store_true")
    known.add_argument("--spider", dest="head", action="store_true")
    known.add_argument("--no-check-certificate", dest="insecure", action="store_true")
    known.add_argument("-O", "--output-document", dest="output")
    known.add_argument("--header", action="append", default=[])
    known.add_argument("--post-data", dest="data")
    known.add_argument("-T", "--timeout", type=float, dest="seconds", default=300.0)
    options = known.parse_args(arguments)
    if options.output is None:
        options.output = Path(urlsplit(options.url).path).name or "index.html"
    options.output = None if options.output == "-" else options.output
    options.fail = options.location = options.show_error = True
    options.request, options.write_out = None, ""
    return options


def fetch(options: argparse.Namespace) -> tuple[http.client.HTTPResponse, bytes]:
    """The last response and its body, redirects followed where that is wanted. Raises Failed."""
    url = options.url if "://" in options.url else f"http://{options.url}"
    for _ in range(MOST_REDIRECTS):
        response, body = _ask(url, options)
        target = response.getheader("Location")
        if not (options.location and 300 <= response.status < 400 and target):
            return response, body
        url = urljoin(url, target)
    raise Failed(47, f"Maximum ({MOST_REDIRECTS}) redirects followed")


def _ask(url: str, options: argparse.Namespace) -> tuple[http.client.HTTPResponse, bytes]:
    parts = urlsplit(url)
    host, secure = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    try:
        line = socket.create_connection((address_of(host), port), options.seconds)
        if secure:
            context = ssl._create_unverified_context() if options.insecure else ssl.create_default_context()  # noqa: S323
            line = context.wrap_socket(line, server_hostname=host)
        connection = http.client.HTTPConnection(host, port, timeout=options.seconds)
        connection.sock = line
        method = options.request or ("HEAD" if options.head else "POST" if options.data is not None else "GET")
        headers = {name.strip(): value.strip() for name, _, value in (text.partition(":") for text in options.header)}
        given = {"User-Agent": "drillbook", "Accept": "*/*"}
        if options.data is not None:
            given["Content-Type"] = "application/x-www-form-urlencoded"
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request(method, target, options.data, given | headers)
        response = connection.getresponse()
        return response, response.read()
    except socket.gaierror as error:
        raise Failed(6, f"Could not resolve host: {host}") from error
    except ssl.SSLCertVerificationError as error:
        raise Failed(60, f"SSL certificate problem: {error.verify_message}") from error
    except TimeoutError as error:
        raise Failed(28, f"Connection to {host} port {port} timed out") from error
    except ConnectionRefusedError as error:
        raise Failed(7, f"Failed to connect to {host} port {port}: Connection refused") from error
    except (OSError, http.client.HTTPException) as error:
        raise Failed(52, f"Empty reply from {host} port {port}: {error}") from error


def show(response: http.client.HTTPResponse, body: bytes, options: argparse.Namespace) -> None:
    """Write what was asked for, where it was asked for."""
    text = b""
    if options.include or options.head:
        lines = [
            f"HTTP/1.1 {response.status} {response.reason}",
            *(f"{n}: {v}" for n, v in response.getheaders()),
            "",
            "",
        ]
        text = "\r\n".join(lines).encode("latin-1")
    if options.output:
        Path(options.output).write_bytes(text + body)
    else:
        sys.stdout.buffer.write(text + body)
    written = options.write_out.replace("\\n", "\n").replace("%{http_code}", str(response.status))
    sys.stdout.buffer.write(written.replace("%{response_code}", str(response.status)).encode())
    sys.stdout.buffer.flush()


def main(arguments: list[str]) -> int:
    """``curl ...`` or ``wget ...``; returns the exit code that curl would."""
    name, *rest = arguments
    options = parse_wget(rest) if name == "wget" else parse_curl(rest)
    try:
        response, body = fetch(options)
        if options.fail and response.status >= 400:
            raise Failed(22, f"The requested URL returned error: {response.status}")
        show(response, body, options)
    except Failed as failed:
        if not options.silent or options.show_error:
            print(f"{name}: ({failed.code}) {failed}", file=sys.stderr)
        return failed.code
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except BrokenPipeError:
        # Whoever read the answer had enough of it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(23)
